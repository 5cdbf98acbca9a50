import { describe, expect, it } from "vitest";
import { describeCall } from "./call-title";

const words = (tool: string, input: unknown) => {
  const { verb, target, note } = describeCall(tool, input);
  return [verb, target, note].filter(Boolean).join(" | ");
};

describe("describeCall", () => {
  it("names what is touched, as the repository calls it", () => {
    expect(words("Edit", { file_path: "/workspace/src/tally.py" })).toBe("Edit | src/tally.py");
    expect(words("Bash", { command: "make test\nls", description: "Run tests" })).toBe(
      "Run | make test | Run tests",
    );
    expect(words("Read", { file_path: "/workspace/a", offset: 10, limit: 5 })).toBe("Read | a | lines 10–14");
    expect(words("Grep", { pattern: "x+", path: "/workspace/src" })).toBe("Search for | x+ | in src");
  });

  it("copes with tools and inputs it does not know", () => {
    expect(words("mcp__x", { a: 1 })).toBe("Use mcp__x");
    expect(words("Bash", null)).toBe("Run");
    expect(words("Edit", [1])).toBe("Edit");
    expect(words("", "text")).toBe("Use a tool");
  });
});
