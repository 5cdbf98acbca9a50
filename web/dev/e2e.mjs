// `npm run e2e:mock`: the end-to-end tests against the mock, to work on them and the page without a server.
import { spawn } from "node:child_process";
import { startMock } from "./mock-server.mjs";

// Of e2e/, those that ask nothing of the server that only the real one can do.
const usual = ["e2e/run.spec.ts", "e2e/pages.spec.ts", "dev/"];
const wanted = process.argv.slice(2);

const mock = await startMock({ speed: 2 });
const env = { CORRAL_REPO: "/srv/git/sample", ...process.env, CORRAL_URL: mock.url };
const child = spawn("npx", ["playwright", "test", ...(wanted.length > 0 ? wanted : usual)], {
  env,
  stdio: "inherit",
});
child.on("exit", (code) => {
  mock.stop();
  process.exit(code ?? 1);
});
