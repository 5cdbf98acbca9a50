// `npm run e2e:mock`: the end-to-end tests against the mock, to work on them and the page without a server.
import { spawn } from "node:child_process";
import { startMock } from "./mock-server.mjs";

const mock = await startMock({ speed: 2 });
const env = { CORRAL_REPO: "/srv/git/sample", ...process.env, CORRAL_URL: mock.url };
const child = spawn("npx", ["playwright", "test", ...process.argv.slice(2)], { env, stdio: "inherit" });
child.on("exit", (code) => {
  mock.stop();
  process.exit(code ?? 1);
});
