import { describe, expect, it } from "vitest";
import { lineDiff } from "./line-diff";

const signs = { context: " ", add: "+", delete: "-", note: "\\" };
const show = (a: string, b: string) => lineDiff(a, b).map((l) => signs[l.kind] + l.text);

describe("lineDiff", () => {
  it("keeps what is common and shows removals before additions", () => {
    expect(show("a\nb\nc", "a\nx\nc")).toEqual([" a", "-b", "+x", " c"]);
    expect(show("a\nb\nc\nd", "b\nc\ny\nd")).toEqual(["-a", " b", " c", "+y", " d"]);
  });

  it("handles text that appears or vanishes as a whole", () => {
    expect(show("", "a\nb\n")).toEqual(["+a", "+b"]);
    expect(show("a\n", "")).toEqual(["-a"]);
    expect(show("same", "same")).toEqual([" same"]);
  });

  it("gives back both texts, whatever they are", () => {
    let seed = 7;
    const random = () => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed / 2147483648;
    };
    for (let round = 0; round < 200; round += 1) {
      const text = () =>
        Array.from({ length: 1 + Math.floor(random() * 12) }, () => "abc"[Math.floor(random() * 3)]).join(
          "\n",
        );
      const [before, after] = [text(), text()];
      const lines = lineDiff(before, after);
      const side = (kind: string) =>
        lines
          .filter((l) => l.kind === "context" || l.kind === kind)
          .map((l) => l.text)
          .join("\n");
      expect(side("delete")).toBe(before);
      expect(side("add")).toBe(after);
    }
  });

  it("replaces as a whole what is too large to compare", () => {
    const before = Array.from({ length: 3000 }, (_, i) => `old ${i}`).join("\n");
    const after = Array.from({ length: 3000 }, (_, i) => `new ${i}`).join("\n");
    expect(lineDiff(before, after)).toHaveLength(6000);
  });
});
