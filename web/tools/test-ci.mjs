// `npm run test:ci`: the unit tests, then the built page in Chromium. With JUNIT=x.xml the reports are x.xml and x-page.xml.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const junit = process.env.JUNIT;
const run = (args, report) => {
  const env = { ...process.env, ...(report ? { JUNIT: report } : {}) };
  return spawnSync("npx", args, { env, stdio: "inherit" }).status === 0;
};

if (!existsSync("dist/index.html")) {
  console.error("There is no web/dist: build the page first (npm run build, or script/build).");
  process.exit(1);
}
const units = run(["vitest", "run", "--reporter=default", ...(junit ? ["--reporter=junit"] : [])], junit);
const page = run(["playwright", "test", "--project=page"], junit?.replace(/(\.xml)?$/, "-page.xml"));
process.exit(units && page ? 0 : 1);
