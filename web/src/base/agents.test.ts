import { describe, expect, it } from "vitest";
import { agentTitle } from "./agents";

describe("agentTitle", () => {
  it("says a known agent's name, and any other's as the server does", () => {
    expect(["claude", "codex", "gemini", "opencode", "aider"].map(agentTitle)).toEqual([
      "Claude Code",
      "Codex",
      "Gemini CLI",
      "opencode",
      "aider",
    ]);
  });
});
