import { describe, expect, it } from "vitest";
import { bytesOfKey, pasteIsRisky, withControl } from "./keys";

describe("bytesOfKey", () => {
  it("sends arrows as the program asked for them", () => {
    expect(bytesOfKey("up", false)).toBe("\x1b[A");
    expect(bytesOfKey("left", true)).toBe("\x1bOD");
    expect(bytesOfKey("esc", true)).toBe("\x1b");
    expect(bytesOfKey("pipe", false)).toBe("|");
  });
});

describe("withControl", () => {
  it("makes control characters of single keys", () => {
    expect(["c", "C", "[", " ", "?", "@"].map(withControl)).toEqual([
      "\x03",
      "\x03",
      "\x1b",
      "\0",
      "\x7f",
      "\0",
    ]);
  });
  it("leaves the rest alone", () => {
    expect(["1", "é", "\r", "\x1b[A", "ab"].map(withControl)).toEqual(["1", "é", "\r", "\x1b[A", "ab"]);
  });
});

describe("pasteIsRisky", () => {
  it("is when an Enter is in it that the program takes for one", () => {
    expect(pasteIsRisky("rm -rf a\nls", false)).toBe(true);
    expect(pasteIsRisky("a\r\nb\r\n", false)).toBe(true);
    expect(pasteIsRisky("one line", false)).toBe(false);
    expect(pasteIsRisky("one line\n", false)).toBe(true);
    expect(pasteIsRisky("a\nb", true)).toBe(false);
  });
});
