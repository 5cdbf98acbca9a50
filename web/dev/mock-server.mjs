// A stand-in for Corral's API while the page is being worked on: `npm run dev:mock`, and the page's own checks.
// The end-to-end tests run against the real server.
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { files } from "./files.mjs";
import { Problem } from "./problem.mjs";
import { pushApi } from "./push.mjs";
import { sessionsApi } from "./sessions.mjs";
import { World } from "./state.mjs";

const dist = join(dirname(fileURLToPath(import.meta.url)), "../dist");
const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};
// The real server's policy, so that what it forbids is noticed here.
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

function json(response, status, body, headers = {}) {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

function problem(response, status, code, detail) {
  const title =
    {
      400: "Bad Request",
      422: "Unprocessable Content",
      401: "Unauthorized",
      404: "Not Found",
      409: "Conflict",
    }[status] ?? "Error";
  response.writeHead(status, { "Content-Type": "application/problem+json" });
  response.end(JSON.stringify({ type: "about:blank", title, status, code, detail, request_id: "mock" }));
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  try {
    return text ? JSON.parse(text) : {};
  } catch {
    throw new Problem(400, "invalid", "the body is no JSON");
  }
}

function nothing(response) {
  response.writeHead(204);
  response.end();
}

// Workflows, schedules and the queue. False: the path is of something else.
async function plans({ plans: all }, request, response, url, [noun, id, verb]) {
  const { method } = request;
  const called = `${method} ${noun}${id ? "/:" : ""}${verb ? `/${verb}` : ""}`;
  if (called === "GET workflows") json(response, 200, { items: all.workflows() });
  else if (called === "POST workflows") {
    const { fresh, doc } = all.saveWorkflow((await bodyOf(request)).definition);
    json(response, fresh ? 201 : 200, doc);
  } else if (called === "GET workflows/:") json(response, 200, all.workflow(id).doc);
  else if (called === "DELETE workflows/:") {
    all.kept.delete(all.workflow(id).doc.name);
    nothing(response);
  } else if (called === "GET schedules") json(response, 200, { items: [...all.schedules.values()] });
  else if (called === "POST schedules") json(response, 201, all.addSchedule(await bodyOf(request)));
  else if (called === "DELETE schedules/:") {
    all.schedules.delete(all.schedule(id).id);
    nothing(response);
  } else if (called === "POST schedules/:/pause" || called === "POST schedules/:/resume") {
    all.schedule(id).paused = verb === "pause";
    json(response, 200, all.schedule(id));
  } else if (called === "GET queue") json(response, 200, all.queue());
  else if (called === "POST queue/:") {
    const { group = "" } = await bodyOf(request);
    json(response, 200, all.pause(group, id === "pause"));
  } else if (called === "GET jobs") {
    const state = url.searchParams.get("state");
    json(response, 200, {
      items: all.jobs.filter((job) => !state || job.state === state),
      next_cursor: null,
    });
  } else if (called === "POST jobs/:/retry") {
    Object.assign(all.job(id), { state: "ready", attempt: 0, error: null });
    nothing(response);
  } else if (called === "DELETE jobs/:") {
    all.jobs.splice(all.jobs.indexOf(all.job(id)), 1);
    nothing(response);
  } else return false;
  return true;
}

// Server-sent events from `read(after)`, which gives {id, event, data}; again whenever one of `signals` fires.
function stream(request, response, emitter, signal, start, read) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  let last = Number(request.headers["last-event-id"] ?? start);
  const send = () => {
    const { events, end } = read(last);
    for (const { id, event, data } of events) {
      response.write(`${event ? `event: ${event}\n` : ""}data: ${data}\nid: ${id}\n\n`);
      last = id;
    }
    if (end) {
      response.end("event: end\ndata: {}\n\n");
      emitter.off(signal, send);
    }
  };
  response.write(": hello\n\n");
  emitter.on(signal, send);
  request.on("close", () => emitter.off(signal, send));
  send();
}

const wantsStream = (request) => (request.headers.accept ?? "").includes("text/event-stream");

function events(request, response, url, emitter, list, idField) {
  const from = Number(url.searchParams.get("from") ?? 0);
  if (!wantsStream(request)) {
    const limit = Number(url.searchParams.get("limit") ?? 50);
    return json(response, 200, {
      items: list()
        .filter((event) => event[idField] >= from)
        .slice(0, limit),
    });
  }
  const after = url.searchParams.get("after") === "latest" ? list().length : Math.max(0, from - 1);
  return stream(request, response, emitter, "event", after, (last) => ({
    events: list()
      .filter((event) => event[idField] > last)
      .map((event) => ({ id: event[idField], data: JSON.stringify(event) })),
  }));
}

function log(request, response, url, source, event, encode) {
  const offset = Number(url.searchParams.get("offset") ?? 0);
  if (!wantsStream(request)) {
    response.writeHead(200, { "Content-Type": "text/plain; charset=utf-8" });
    return response.end(
      source
        .from(offset)
        .map((piece) => piece.text)
        .join(""),
    );
  }
  return stream(request, response, source, "more", offset, (last) => ({
    events: source.from(last).map((piece) => ({ id: piece.end, event, data: encode(piece.text) })),
    end: source.closed,
  }));
}

async function api(world, request, response, url) {
  const path = url.pathname.replace("/api/v1", "");
  const [, noun, id, verb, name] = path.split("/").map(decodeURIComponent);
  const { method } = request;
  if (method === "GET" && path === "/info") return json(response, 200, world.info);
  if (await plans(world, request, response, url, [noun, id, verb])) return;
  if (await sessionsApi(world, request, response, url, [noun, id, verb, name], { json, bodyOf })) return;
  if (await pushApi(world.push, request, response, [noun, id, verb], { json, bodyOf })) return;
  if (noun === "projects") {
    if (method === "GET")
      return json(response, 200, { items: [...world.projects.values()], next_cursor: null });
    if (method === "POST") {
      const { name: projectName, git_url: gitUrl } = await bodyOf(request);
      return json(response, 201, world.addProject(projectName, gitUrl));
    }
    if (method === "DELETE") {
      world.projects.delete(world.project(id).id);
      response.writeHead(204);
      return response.end();
    }
  }
  if (path === "/events") return events(request, response, url, world, () => world.events, "position");
  if (noun === "approvals" && method === "POST")
    return json(response, 200, world.decide(id, await bodyOf(request)));
  if (noun === "runs" && !id) {
    if (method === "POST") {
      const run = world.startRun(await bodyOf(request));
      return json(response, 202, run.doc, { Location: `/api/v1/runs/${run.doc.id}` });
    }
    const status = url.searchParams.get("status");
    const project = url.searchParams.get("project");
    const limit = Number(url.searchParams.get("limit") ?? 50);
    const all = [...world.runs.values()]
      .map((run) => run.doc)
      .filter(
        (doc) =>
          (!status || doc.status === status) &&
          (!project || doc.project.id === project || doc.project.name === project),
      )
      .reverse();
    return json(response, 200, {
      items: all.slice(0, limit),
      next_cursor: all.length > limit ? "more" : null,
    });
  }
  if (noun === "runs") {
    // A session's own run is known for nothing but its workspace.
    const place = verb === "files" ? world.sessions.placeOf(id) : null;
    if (place) return files(request, response, url, place, name, json);
    const run = world.run(id);
    if (!verb) {
      const version = Number(url.searchParams.get("version"));
      return json(response, 200, version ? run.versions[version - 1] : run.doc);
    }
    if (verb === "steps") {
      const what = url.pathname.split("/").at(-1);
      const { text = "", permissions = "" } = what === "interrupt" ? {} : await bodyOf(request);
      world.steer(run, name, what, text || permissions);
      return json(response, 202, run.doc);
    }
    if (verb === "cancel") world.cancel(run);
    if (verb === "retry") world.retry(run, (await bodyOf(request)).from);
    if (verb === "fork") {
      const made = world.fork(run, (await bodyOf(request)).from);
      return json(response, 201, made.doc, { Location: `/api/v1/runs/${made.doc.id}` });
    }
    if (verb === "pause" || verb === "resume") {
      world.pause(run, verb === "pause");
      return json(response, 200, run.doc);
    }
    if (verb === "cancel" || verb === "retry") return json(response, 202, run.doc);
    if (verb === "events") return events(request, response, url, run, () => run.events, "version");
    if (verb === "log") return log(request, response, url, run.log, "log", (text) => JSON.stringify(text));
    if (verb === "timeline")
      return log(request, response, url, run.timeline, "agent", (text) => text.trimEnd());
    if (verb === "diff") {
      response.writeHead(200, { "Content-Type": "text/x-diff" });
      return response.end(run.diff);
    }
    if (verb === "files") return files(request, response, url, run, name, json);
    if (verb === "artifacts" && !name) {
      return json(response, 200, { items: run.artifacts.map(({ content, ...rest }) => rest) });
    }
    const artifact = run.artifacts.find((one) => one.name === name);
    if (artifact) {
      response.writeHead(200, { "Content-Type": artifact.media_type });
      return response.end(artifact.content);
    }
  }
  throw new Problem(404, "not_found", `there is nothing at ${path}`);
}

function page(response, path) {
  const wanted = join(dist, path);
  const file =
    path !== "/" && wanted.startsWith(dist) && existsSync(wanted) && extname(wanted)
      ? wanted
      : join(dist, "index.html");
  const type = types[extname(file)] ?? "application/octet-stream";
  response.writeHead(200, {
    "Content-Type": type,
    ...(type === "text/html" ? { "Content-Security-Policy": policy } : {}),
  });
  response.end(readFileSync(file));
}

// Serves the API, and dist/ when it is built. Resolves to { world, url, stop, pause, resume }.
export async function startMock({
  port = 0,
  token = "",
  speed = 1,
  isolation = "sandbox",
  modelSource = "replay",
} = {}) {
  const world = new World({ speed, isolation, modelSource });
  const allowed = (request) => !token || (request.headers.cookie ?? "").includes("corral_session=mock");
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://mock");
    try {
      if (!url.pathname.startsWith("/api/")) return page(response, url.pathname);
      if (url.pathname === "/api/v1/login") {
        if ((await bodyOf(request)).token !== token)
          throw new Problem(401, "unauthenticated", "the token is wrong");
        response.writeHead(204, { "Set-Cookie": "corral_session=mock; HttpOnly; SameSite=Strict; Path=/" });
        return response.end();
      }
      if (url.pathname !== "/api/v1/shared" && !allowed(request)) {
        throw new Problem(401, "unauthenticated", "log in first");
      }
      await api(world, request, response, url);
    } catch (cause) {
      if (!(cause instanceof Problem)) throw cause;
      problem(response, cause.status, cause.code, cause.message);
    }
  });
  world.sessions.listen(server, allowed);
  const listen = (at) => new Promise((resolve) => server.listen(at, "127.0.0.1", resolve));
  const stop = () => {
    server.close();
    server.closeAllConnections();
    world.sessions.cut();
  };
  await listen(port);
  const bound = server.address().port;
  // pause() is a server that went away, resume() the same one back at the same address.
  return { world, url: `http://127.0.0.1:${bound}`, stop, pause: stop, resume: () => listen(bound) };
}
