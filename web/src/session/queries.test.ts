import headless from "@xterm/headless";
import { describe, expect, it } from "vitest";
import { isFocusReport, silenceQueries } from "./queries";

const { Terminal } = headless;

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);
const chars = (from: string, to: string) =>
  range(from.charCodeAt(0), to.charCodeAt(0)).map((code) => String.fromCharCode(code));

// Every control sequence that has a name, with parameters that ask for something somewhere.
function* everySequence() {
  const prefixes = ["", "<", "=", ">", "?"];
  const intermediates = ["", ..." !\"#$'*+,-"];
  const parameters = ["", "0", "1", "2", "5", "6", "14", "16", "18", "21", "25", "1004", "2026"];
  for (const prefix of prefixes)
    for (const between of intermediates)
      for (const final of chars("@", "~"))
        for (const parameter of parameters) yield `\x1b[${prefix}${parameter}${between}${final}`;
  for (const ident of range(0, 200))
    for (const data of ["?", "1;?", "1;#fff;2;?", "?;?", "c;?"])
      for (const end of ["\x07", "\x1b\\"]) yield `\x1b]${ident};${data}${end}`;
  for (const prefix of prefixes)
    for (const between of intermediates)
      for (const final of chars("@", "~"))
        for (const data of ["m", '"q', "r", "544e", " q", ""])
          yield `\x1bP${prefix}${between}${final}${data}\x1b\\`;
  // What begins a string is above; a reset would end the test's own modes and asks nothing.
  for (const between of ["", "#", "%", "(", " "])
    for (const final of chars("0", "~"))
      if (between || !"PX]^_[c".includes(final)) yield `\x1b${between}${final}`;
  yield "\x05";
}

async function replies(silent: boolean, sequences: Iterable<string>) {
  const terminal = new Terminal({ allowProposedApi: true, windowOptions: { getWinSizeChars: true } });
  if (silent) silenceQueries(terminal.parser);
  const said: string[] = [];
  terminal.onData((data) => said.push(data));
  terminal.onBinary((data) => said.push(data));
  let text = "";
  // From a corner, where none of them has an effect that stands in the way of another.
  for (const sequence of sequences) text += `\x1b[H${sequence}`;
  await new Promise<void>((resolve) => terminal.write(text, resolve));
  terminal.dispose();
  return said;
}

describe("silenceQueries", () => {
  it("leaves a terminal with nothing to say to any sequence", async () => {
    expect(await replies(true, everySequence())).toEqual([]);
  });

  it("is needed: the terminal answers otherwise", async () => {
    const asked = [
      "\x1b[c",
      "\x1b[>c",
      "\x1b[6n",
      "\x1b[?6n",
      "\x1b[5n",
      "\x1b[?2026$p",
      "\x1bP$qm\x1b\\",
      "\x1b[18t",
    ];
    expect((await replies(false, asked)).length).toBe(asked.length);
    expect(await replies(true, asked)).toEqual([]);
  });

  it("leaves what is no query alone", async () => {
    const terminal = new Terminal({ allowProposedApi: true });
    silenceQueries(terminal.parser);
    let title = "";
    terminal.onTitleChange((text) => {
      title = text;
    });
    await new Promise<void>((resolve) =>
      terminal.write("\x1b]0;build\x07\x1b[2;3Hx\x1b[4mu\x1b[?2004h", resolve),
    );
    expect(title).toBe("build");
    expect(terminal.buffer.active.getLine(1)?.translateToString(true)).toBe("  xu");
    expect(terminal.modes.bracketedPasteMode).toBe(true);
  });
});

describe("isFocusReport", () => {
  it("knows reports from keys", () => {
    expect(["\x1b[I", "\x1b[O"].every(isFocusReport)).toBe(true);
    expect(["\x1b", "\x1b[A", "\x1bOA", "\x1b[Z", "I", "\x1bI"].some(isFocusReport)).toBe(false);
  });
});
