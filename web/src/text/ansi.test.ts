import { describe, expect, it } from "vitest";
import { lastOverwrite, parseAnsi, plainStyle } from "./ansi";

const parse = (line: string) =>
  parseAnsi(line, plainStyle).pieces.map((p) => [p.text, p.style.fg, p.style.bold]);

describe("parseAnsi", () => {
  it("colours what follows an SGR sequence until it is reset", () => {
    expect(parse("a\x1b[31;1mred\x1b[0mb")).toEqual([
      ["a", "", false],
      ["red", "1", true],
      ["b", "", false],
    ]);
  });

  it("takes an empty SGR as a reset", () => {
    expect(parse("\x1b[32mok\x1b[m!")).toEqual([
      ["ok", "2", false],
      ["!", "", false],
    ]);
  });

  it("carries the style on to the next line", () => {
    const first = parseAnsi("\x1b[33mwarn", plainStyle);
    expect(parseAnsi("still", first.style).pieces[0]?.style.fg).toBe("3");
  });

  it("knows bright, 256 and true colours, and their backgrounds", () => {
    expect(parse("\x1b[91mx")[0]).toEqual(["x", "9", false]);
    expect(parse("\x1b[38;5;196mx")[0]).toEqual(["x", "#ff0000", false]);
    expect(parse("\x1b[38;5;244mx")[0]).toEqual(["x", "#808080", false]);
    expect(parse("\x1b[38;2;1;2;300mx")[0]).toEqual(["x", "#0102ff", false]);
    expect(parseAnsi("\x1b[48;5;4mx", plainStyle).pieces[0]?.style.bg).toBe("4");
  });

  it("drops cursor movement, titles, hyperlinks and stray control characters", () => {
    expect(
      parse("\x1b[2K\x1b[1Ga\x1b]0;title\x07b\x1b]8;;http://x\x1b\\c\x1b]8;;\x1b\\\x07d")
        .map((p) => p[0])
        .join(""),
    ).toBe("abcd");
  });

  it("leaves markup as text", () => {
    expect(parse("<img src=x onerror=alert(1)>")).toEqual([["<img src=x onerror=alert(1)>", "", false]]);
  });

  it("keeps an unfinished sequence from swallowing text", () => {
    expect(parse("a\x1b").map((p) => p[0])).toEqual(["a"]);
  });
});

describe("lastOverwrite", () => {
  it("shows the last version of a progress line", () => {
    expect(lastOverwrite("10%\r50%\r100%")).toBe("100%");
    expect(lastOverwrite("done\r")).toBe("done");
    expect(lastOverwrite("plain")).toBe("plain");
  });
});
