// Prints what a visitor downloads, and fails when the JavaScript outgrows its budget: what every page needs, and all of
// it, with what is loaded when it is looked at (syntax colours, the graph of a run, terminals).
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const budgetKb = { first: 125, all: 385 };
const totals = new Map();
const html = readFileSync("dist/index.html", "utf8");
let first = 0;
for (const name of readdirSync("dist/assets")) {
  const bytes = readFileSync(`dist/assets/${name}`);
  const kind = name.split(".").pop();
  const kb = (kind === "woff2" ? bytes.length : gzipSync(bytes, { level: 9 }).length) / 1000;
  totals.set(kind, (totals.get(kind) ?? 0) + kb);
  if (kind === "js" && html.includes(name)) first += kb;
}
for (const [kind, kb] of totals) console.log(`${kind.padEnd(6)} ${kb.toFixed(1)} kB compressed`);
console.log(`js     ${first.toFixed(1)} kB of it on every page`);
if (first > budgetKb.first || (totals.get("js") ?? 0) > budgetKb.all) {
  console.error(
    `JavaScript is over its budget of ${budgetKb.first} kB on every page, ${budgetKb.all} kB in all`,
  );
  process.exit(1);
}
