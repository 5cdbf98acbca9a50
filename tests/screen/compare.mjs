// Sets Corral's screen beside xterm.js, over recordings of real programs: at places picked by a seed, the state that a
// fresh xterm.js has after the snapshot must be that of one which saw everything; and so at the end, after both were fed
// the rest. Replies must be the same too.
//
//   node compare.mjs [NAME…]      recordings/NAME.gz; all without a name
//   SEED=… CUTS=… TOOL=corral_screen_tool JUNIT=report.xml
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { Peer } from "./terminal.mjs";

const here = new URL(".", import.meta.url);
const tool = process.env.TOOL ?? new URL("../../build/bin/corral_screen_tool", here).pathname;
const seed = Number(process.env.SEED ?? 1);
const cutCount = Number(process.env.CUTS ?? 8);
const scrollback = 2000;

function random(state) {
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function parse(bytes) {
  const events = [];
  for (let at = 0; at < bytes.length;) {
    const kind = String.fromCharCode(bytes[at]);
    if (kind === "r") {
      events.push({ columns: bytes.readUInt16LE(at + 1), rows: bytes.readUInt16LE(at + 3) });
      at += 5;
    } else {
      const size = bytes.readUInt32LE(at + 1);
      events.push({ bytes: bytes.subarray(at + 5, at + 5 + size) });
      at += 5 + size;
    }
  }
  return events;
}

function differences(name, expected, got) {
  const found = [];
  for (let index = 0; index < Math.max(expected.length, got.length) && found.length < 3; ++index) {
    if (expected[index] !== got[index]) found.push(`${name}\n  xterm.js: ${expected[index]}\n  Corral:   ${got[index]}`);
  }
  return found;
}

// What the windowless xterm.js has nothing to answer with.
const withoutColors = (replies) => replies.replace(/\x1b\](?:4;\d+|1[012]);rgb:[^\x1b]*\x1b\\/g, "");

export async function compare(recording, name) {
  const events = parse(recording);
  const total = events.reduce((sum, event) => sum + (event.bytes?.length ?? 0), 0);
  const next = random(seed * 7919 + name.length * 104729 + total);
  const cuts = [...new Set(Array.from({ length: cutCount }, () => 1 + Math.floor(next() * (total - 1))))].sort((a, b) => a - b);
  const run = spawnSync(tool, [scrollback, ...cuts].map(String), { input: recording, maxBuffer: 1 << 30 });
  if (run.status !== 0) return [`corral_screen_tool ended with ${run.status ?? run.signal}: ${run.stderr}`];
  const answers = [];
  for (let at = 0; at < run.stdout.length;) {
    const size = run.stdout.readUInt32LE(at);
    answers.push(run.stdout.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  const failures = [];
  const full = new Peer(events[0].columns, events[0].rows, scrollback);
  const late = [];
  let replies = "";
  const check = async (offset) => {
    const fresh = new Peer(full.term.cols, full.term.rows, scrollback);
    await fresh.write(answers[2 * late.length]);
    replies += answers[2 * late.length + 1].toString();
    failures.push(...differences(`${name}, snapshot at byte ${offset}:`, full.dump(), fresh.dump()));
    late.push({ fresh, offset });
  };
  let played = 0;
  for (const event of events) {
    if (!event.bytes) {
      for (const peer of [full, ...late.map((each) => each.fresh)]) peer.resize(event.columns, event.rows);
      continue;
    }
    let { bytes } = event;
    const feed = async (part) => {
      for (const peer of [full, ...late.map((each) => each.fresh)]) await peer.write(part);
      played += part.length;
    };
    while (late.length < cuts.length && cuts[late.length] <= played + bytes.length) {
      const part = bytes.subarray(0, cuts[late.length] - played);
      bytes = bytes.subarray(part.length);
      await feed(part);
      await check(played);
    }
    await feed(bytes);
  }
  const end = full.dump();
  for (const { fresh, offset } of late) failures.push(...differences(`${name}, at the end, after a snapshot at byte ${offset}:`, end, fresh.dump()));
  await check(played);
  if (withoutColors(replies) !== full.replies) failures.push(`${name}, replies\n  xterm.js: ${JSON.stringify(full.replies)}\n  Corral:   ${JSON.stringify(replies)}`);
  for (const { fresh } of late) fresh.dispose();
  full.dispose();
  return failures;
}

const escape = (text) => text.replace(/[^\x20-\x7e\n]/g, "?").replace(/[<>&"]/g, (c) => `&#${c.charCodeAt(0)};`);
const recordings = new URL("recordings/", here);
const names = process.argv.length > 2 ? process.argv.slice(2) : readdirSync(recordings).filter((file) => file.endsWith(".gz")).map((file) => file.slice(0, -3)).sort();
let failed = 0;
let report = "";
for (const name of names) {
  const failures = await compare(gunzipSync(readFileSync(new URL(`${name}.gz`, recordings))), name);
  if (failures.length > 0) {
    ++failed;
    console.log(failures.slice(0, Number(process.env.SHOW ?? 4)).join("\n"));
  }
  report += `<testcase classname="screen" name="${name} as in xterm.js">${failures.length > 0 ? `<failure>${escape(failures[0])}</failure>` : ""}</testcase>`;
}
if (process.env.JUNIT) writeFileSync(process.env.JUNIT, `<testsuite>${report}</testsuite>\n`);
console.log(`${names.length - failed} of ${names.length} recordings as in xterm.js (seed ${seed}, ${cutCount} cuts each)`);
process.exit(failed > 0 ? 1 : 0);
