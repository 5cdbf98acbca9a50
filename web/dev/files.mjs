// The files of a run's workspace, as the API gives them: a map of paths, enough for the page.
import { Problem } from "./problem.mjs";

const begun = () =>
  new Map([
    ["README.md", Buffer.from("# tally\n\nAdds numbers.\n")],
    ["src/tally.py", Buffer.from("def tally(numbers):\n    return sum(numbers)\n")],
    ["src/data/big.bin", Buffer.alloc(700_000)],
  ]);

function list(files, folder) {
  const items = new Map();
  for (const [path, bytes] of files) {
    if (folder && !path.startsWith(`${folder}/`)) continue;
    const [name, ...below] = path.slice(folder ? folder.length + 1 : 0).split("/");
    const type = below.length > 0 ? "folder" : "file";
    items.set(name, {
      name,
      type,
      size_bytes: type === "file" ? bytes.length : null,
      modified_at: new Date().toISOString(),
      target: null,
    });
  }
  const order = (item) => `${item.type === "folder" ? 0 : 1}${item.name}`;
  return [...items.values()].sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

export async function files(request, response, url, run, name, json) {
  if (run.doc.status !== "running")
    throw new Problem(409, "conflict", `run ${run.doc.id} is ${run.doc.status} and has no workspace now`);
  run.files ??= begun();
  const path = url.searchParams.get("path") ?? "";
  if (name !== "content")
    return json(response, 200, { path, items: list(run.files, path), truncated: false, left_out: 0 });
  if (request.method === "PUT") {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    run.files.set(path, Buffer.concat(pieces));
    response.writeHead(204);
    return response.end();
  }
  const bytes = run.files.get(path);
  if (!bytes) throw new Problem(404, "not_found", `there is no file ${path}`);
  response.writeHead(200, { "Content-Type": "application/octet-stream", "Content-Length": bytes.length });
  return response.end(bytes);
}
