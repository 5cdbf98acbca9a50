import { describe, expect, it } from "vitest";
import { type Draft, emptyDraft, requestOf } from "./draft";

const project = {
  id: "p1",
  name: "shop",
  git_url: "/srv/shop",
  group: "default",
  default_branch: "main",
  created_at: "",
};
const draft = (changes: Partial<Draft>): Draft => ({
  ...emptyDraft([project], ""),
  prompt: "Fix it",
  ...changes,
});

describe("requestOf", () => {
  it("sends what was filled in and nothing else", () => {
    expect(requestOf(draft({}))).toEqual({
      request: { agent: "claude", prompt: "Fix it", permissions: "workspace", project: "p1" },
    });
    expect(
      requestOf(
        draft({
          source: "repository",
          git_url: " /srv/x ",
          checks: "make test",
          budget_usd: "2,5",
          timeout_s: "1.5",
        }),
      ),
    ).toEqual({
      request: {
        agent: "claude",
        prompt: "Fix it",
        permissions: "workspace",
        git_url: "/srv/x",
        checks: "make test",
        budget_usd: 2.5,
        timeout_s: 90,
      },
    });
  });

  it("splits a command as a shell would", () => {
    expect(requestOf(draft({ agent: "command", command: "sh -c 'a b'", prompt: "" }))).toMatchObject({
      request: { command: ["sh", "-c", "a b"] },
    });
  });

  it("says at the field what is missing or wrong", () => {
    expect(requestOf(draft({ prompt: " " }))).toEqual({ errors: { prompt: "Say what the agent should do" } });
    expect(requestOf(draft({ budget_usd: "-1" }))).toHaveProperty("errors.budget_usd");
    expect(requestOf(draft({ source: "repository" }))).toHaveProperty("errors.git_url");
    expect(requestOf(draft({ agent: "command", command: "a 'b" }))).toHaveProperty("errors.command");
  });
});

describe("emptyDraft", () => {
  it("starts on the wanted project, else the first, else a repository", () => {
    expect(emptyDraft([project], "shop").project).toBe("p1");
    expect(emptyDraft([project], "other").project).toBe("p1");
    expect(emptyDraft([], "").source).toBe("repository");
  });
});
