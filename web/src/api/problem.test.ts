import { describe, expect, it } from "vitest";
import { fieldOf, problemFrom, toApiError } from "./problem";

describe("problems", () => {
  it("take their words from the server", () => {
    const error = problemFrom(409, {
      title: "Conflict",
      detail: "the run has ended",
      code: "conflict",
      request_id: "r1",
    });
    expect([error.message, error.code, error.requestId]).toEqual(["the run has ended", "conflict", "r1"]);
  });

  it("stay readable when the answer is no problem document", () => {
    expect(problemFrom(502, "<html>").message).toBe("The server answered 502");
    expect(toApiError(new TypeError("Failed to fetch")).message).toContain("corral serve");
  });

  it("find the form field they speak of", () => {
    const fields = ["project", "git_url", "prompt", "budget_usd"];
    const of = (detail: string) => fieldOf(problemFrom(400, { title: "Bad Request", detail }), fields);
    expect(of("git_url: no repository at /x")).toBe("git_url");
    expect(of("'budget_usd' must be above 0")).toBe("budget_usd");
    expect(of("prompt must not be empty (project was given)")).toBe("prompt");
    expect(of("the disk is full")).toBeNull();
    expect(of("subprojects are not supported")).toBeNull();
  });
});
