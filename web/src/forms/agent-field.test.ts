import { describe, expect, it } from "vitest";
import { isMissing } from "../ui/agent-install";
import { usualAgent } from "./agent-field";

const agent = (name: string, version: string, wanted: string, problem = "") => ({
  name,
  version,
  wanted_version: wanted,
  problem,
});
const missing = agent("claude", "", "2.1", "Claude Code 2.1 is not installed");

describe("usualAgent", () => {
  it("is the first that can run, else the first", () => {
    expect(usualAgent([missing, agent("codex", "0.169.0", "0.169.0")])).toBe("codex");
    expect(usualAgent([missing])).toBe("claude");
    expect(usualAgent([])).toBe("");
  });
});

describe("isMissing", () => {
  it("is true of what is to be installed and is not", () => {
    expect(isMissing(missing)).toBe(true);
    expect(isMissing(agent("codex", "0.169.0", "0.169.0", "node is missing"))).toBe(false);
    expect(isMissing(agent("command", "", ""))).toBe(false);
  });
});
