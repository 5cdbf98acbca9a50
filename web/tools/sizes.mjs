// Prints what a visitor downloads, and fails when the JavaScript outgrows its budget.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const budgetKb = 150;
const totals = new Map();
for (const name of readdirSync("dist/assets")) {
  const bytes = readFileSync(`dist/assets/${name}`);
  const kind = name.split(".").pop();
  const kb = (kind === "woff2" ? bytes.length : gzipSync(bytes, { level: 9 }).length) / 1000;
  totals.set(kind, (totals.get(kind) ?? 0) + kb);
}
for (const [kind, kb] of totals) console.log(`${kind.padEnd(6)} ${kb.toFixed(1)} kB compressed`);
if ((totals.get("js") ?? 0) > budgetKb) {
  console.error(`JavaScript is over its budget of ${budgetKb} kB`);
  process.exit(1);
}
