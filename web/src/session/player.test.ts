import serialize from "@xterm/addon-serialize";
import headless from "@xterm/headless";
import { describe, expect, it } from "vitest";
import { type Recording, RecordingReader } from "./asciicast";
import { Player, type PlayerScreen } from "./player";

function screenOn(columns: number, rows: number) {
  const terminal = new headless.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 200 });
  const addon = new serialize.SerializeAddon();
  terminal.loadAddon(addon);
  const settled = () => new Promise<void>((resolve) => terminal.write("", resolve));
  let written = 0;
  const screen: PlayerScreen = {
    reset: (cols, lines) =>
      terminal.write("\x1bc", () => {
        terminal.resize(cols, lines);
      }),
    write: (text) => {
      written += text.length;
      terminal.write(text);
    },
    resize: (cols, lines) => terminal.write("", () => terminal.resize(cols, lines)),
    picture: async () => {
      await settled();
      return { columns: terminal.cols, rows: terminal.rows, text: addon.serialize() };
    },
  };
  const text = async () => {
    await settled();
    const buffer = terminal.buffer.active;
    const lines = Array.from(
      { length: terminal.rows },
      (_, row) => buffer.getLine(buffer.baseY + row)?.translateToString(true) ?? "",
    );
    return `${terminal.cols}x${terminal.rows}\n${lines.join("\n")}`;
  };
  return { screen, text, written: () => written };
}

// Prints `count` lines of `width` characters, one a tenth of a second, with colours and another size on the way.
function sample(count: number, width = 60): Recording {
  const reader = new RecordingReader();
  reader.push(`${JSON.stringify({ version: 2, width: 80, height: 10, title: "sample" })}\n`);
  for (let line = 0; line < count; line += 1) {
    const text = `\x1b[3${line % 8}m${String(line).padEnd(width, ".")}\x1b[0m\r\n`;
    reader.push(`${JSON.stringify([line / 10, "o", text])}\n`);
    if (line === Math.floor(count / 2)) reader.push(`${JSON.stringify([line / 10, "r", "100x12"])}\n`);
  }
  return reader.end();
}

describe("RecordingReader", () => {
  it("reads a file in any split", () => {
    const file =
      '{"version": 2, "width": 90, "height": 20, "title": "t"}\n[0.5, "o", "ä\\r\\n"]\n[1.0, "i", "x"]\n[1.5, "r", "80x24"]\n[1.2, "o", "late"]';
    for (let size = 1; size < 20; size += 3) {
      const reader = new RecordingReader();
      for (let at = 0; at < file.length; at += size) reader.push(file.slice(at, at + size));
      expect(reader.end()).toEqual({
        columns: 90,
        rows: 20,
        title: "t",
        duration: 1.5,
        cut: false,
        events: [
          { at: 0.5, kind: "output", text: "ä\r\n" },
          { at: 1.5, kind: "resize", columns: 80, rows: 24 },
          { at: 1.5, kind: "output", text: "late" },
        ],
      });
    }
  });

  it("says what is no recording", () => {
    expect(() => new RecordingReader().end()).toThrow("empty");
    expect(() => new RecordingReader().push('{"version": 1}\n')).toThrow("version 2");
  });

  it("keeps a bounded part of one that is very long", () => {
    const reader = new RecordingReader();
    reader.push('{"version": 2, "width": 80, "height": 24}\n');
    const line = `${JSON.stringify([1, "o", "x".repeat(1 << 20)])}\n`;
    for (let count = 0; count < 40; count += 1) reader.push(line);
    expect(reader.full).toBe(true);
    expect(reader.end().events).toHaveLength(32);
  });
});

describe("Player", () => {
  it("shows at any moment what playing from the start shows, however it is jumped about", async () => {
    const recording = sample(6000, 400);
    const jumping = screenOn(80, 10);
    const player = new Player(recording, jumping.screen);
    for (const seconds of [599, 3, 450.05, 300, 299.9, 0, 598.9, 120.33]) {
      await player.seek(seconds);
      const straight = screenOn(80, 10);
      await new Player(recording, straight.screen).seek(seconds);
      expect(await jumping.text(), `at ${seconds} s`).toBe(await straight.text());
    }
    expect(player.keptPictures).toBeGreaterThan(3);
  });

  it("goes back without playing everything again, and keeps few pictures", async () => {
    const recording = sample(40_000, 400);
    const { screen, written } = screenOn(80, 10);
    const player = new Player(recording, screen);
    await player.seek(4000);
    expect(player.keptPictures).toBeLessThanOrEqual(24);
    const before = written();
    await player.seek(3900);
    expect(written() - before).toBeLessThan(before / 8);
  });

  it("cuts pauses short when asked to", async () => {
    const reader = new RecordingReader();
    reader.push(
      '{"version": 2, "width": 80, "height": 24}\n[1, "o", "a"]\n[500, "o", "b"]\n[501, "o", "c"]\n',
    );
    const recording = reader.end();
    const { screen, text } = screenOn(80, 24);
    const player = new Player(recording, screen, true);
    expect(player.duration).toBeCloseTo(4);
    await player.seek(3);
    expect((await text()).split("\n")[1]).toBe("ab");
  });
});
