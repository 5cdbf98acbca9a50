import { describe, expect, it } from "vitest";
import { highlightLines } from "./highlight";
import { languageOfFence, languageOfPath } from "./language";

describe("highlightLines", () => {
  it("keeps every character, line by line", () => {
    const code = 'def f(x):\n    """doc\n    <b>&amp;</b>\n    """\n    return "<script>" + x  # done\n';
    const lines = highlightLines(code, "python");
    expect(lines.map((tokens) => tokens.map((token) => token.text).join("")).join("\n")).toBe(code);
  });

  it("keeps the class of what goes over several lines", () => {
    const lines = highlightLines("/* one\n two */ int x;", "cpp");
    expect(lines[0]?.[0]).toEqual({ text: "/* one", className: "hljs-comment" });
    expect(lines[1]?.[0]?.className).toBe("hljs-comment");
  });

  it("gives plain text for a language it does not know", () => {
    expect(highlightLines("a\nb", "klingon")).toEqual([
      [{ text: "a", className: "" }],
      [{ text: "b", className: "" }],
    ]);
  });
});

describe("languages", () => {
  it("are told by file name", () => {
    expect(languageOfPath("src/a/b.cc")).toBe("cpp");
    expect(languageOfPath("CMakeLists.txt")).toBe("cmake");
    expect(languageOfPath("Makefile")).toBe("makefile");
    expect(languageOfPath("LICENSE")).toBeNull();
    expect(languageOfFence("C++")).toBe("cpp");
    expect(languageOfFence("py")).toBe("python");
  });
});
