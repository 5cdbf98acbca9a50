import { describe, expect, it } from "vitest";
import { type Draft, emptyDraft, requestOf } from "./draft";

const project = { id: "p1", name: "tally", git_url: "/srv/tally" } as Parameters<
  typeof emptyDraft
>[0][number];
const window = { columns: 132, rows: 40 };
const draft = (changes: Partial<Draft>) => ({ ...emptyDraft([project], "claude"), ...changes });
const made = (changes: Partial<Draft>) => requestOf(draft(changes), window);

describe("requestOf", () => {
  it("asks for a shell in the first project, as large as the window", () => {
    expect(made({})).toEqual({ request: { project: "p1", columns: 132, rows: 40 } });
  });
  it("asks for what was filled in", () => {
    expect(
      made({
        source: "repository",
        git_url: " /srv/x ",
        what: "command",
        command: "sh -c 'make all'",
        size: "80x24",
      }),
    ).toEqual({ request: { git_url: "/srv/x", command: ["sh", "-c", "make all"], columns: 80, rows: 24 } });
    expect(made({ what: "agent", name: " review ", base: "dev", idle: "1,5" })).toEqual({
      request: {
        project: "p1",
        agent: "claude",
        name: "review",
        base: "dev",
        idle_s: 90,
        columns: 132,
        rows: 40,
      },
    });
  });
  it("says what is missing", () => {
    expect(made({ source: "repository", what: "command", command: "echo 'x", idle: "soon" })).toEqual({
      errors: {
        git_url: "Give a git URL or an absolute path",
        command: "A quote is not closed",
        idle: "Give a number of minutes above 0, or nothing",
      },
    });
    expect(made({ what: "command", command: " " })).toEqual({
      errors: { command: "Give the program to run" },
    });
  });
});
