import { describe, expect, it } from "vitest";
import { splitWords } from "./words";

describe("splitWords", () => {
  it("splits as a shell does, without expanding", () => {
    expect(splitWords("sh -c 'make test && ls' \"a \\\"b\\\"\" c\\ d ''")).toEqual([
      "sh",
      "-c",
      "make test && ls",
      'a "b"',
      "c d",
      "",
    ]);
    expect(splitWords("  ")).toEqual([]);
    expect(splitWords("echo $HOME *")).toEqual(["echo", "$HOME", "*"]);
  });
  it("refuses an open quote", () => {
    expect(splitWords("echo 'x")).toBeNull();
  });
});
