import { describe, expect, it } from "vitest";
import { childRun, forkOf, retryOf } from "./rerun";
import { step } from "./sample";

const steps = [
  step("fetch", { status: "completed" }),
  step("build", { status: "completed", needs: ["fetch"] }),
  step("docs", { status: "skipped", needs: ["fetch"] }),
  step("test", { status: "failed", needs: ["build"] }),
  step("test.1", { status: "completed", matrix_of: "test", needs: ["build"] }),
  step("test.2", { status: "failed", matrix_of: "test", needs: ["build"] }),
  step("ship", { status: "skipped", needs: ["test"] }),
  step("clean", { status: "completed", finally: true }),
];

describe("what runs again", () => {
  it("of a retry is what did not go well, and the `finally` steps", () => {
    expect(retryOf(steps, "")).toEqual({
      kept: ["fetch", "build"],
      again: ["docs", "test", "ship", "clean"],
    });
  });
  it("of a retry from a step is that step too, and all that needs it", () => {
    expect(retryOf(steps, "build")).toEqual({
      kept: ["fetch"],
      again: ["build", "docs", "test", "ship", "clean"],
    });
  });
  it("of a fork from a step is what comes after it and what did not go well; what was skipped stays so", () => {
    expect(forkOf(steps, "test")).toEqual({
      kept: ["fetch", "build", "docs"],
      again: ["test", "ship", "clean"],
    });
    expect(forkOf(steps, "docs")).toEqual({
      kept: ["fetch", "build", "ship"],
      again: ["docs", "test", "clean"],
    });
  });
  it("of a fork without a step is everything", () => {
    expect(forkOf(steps, "").kept).toEqual([]);
  });
});

describe("childRun", () => {
  const id = "0196f0c2-7b1e-7c3a-9d2e-3f4a5b6c7d8e";
  it("is found while it runs, when it is over and when it failed", () => {
    expect(childRun(step("s", { kind: "workflow", status: "waiting", reason: `run ${id}` }))).toBe(id);
    expect(childRun(step("s", { kind: "workflow", outputs: { run: id } }))).toBe(id);
    const error = { code: "conflict", message: `run ${id} failed: the tests` };
    expect(childRun(step("s", { kind: "workflow", error }))).toBe(id);
  });
  it("is none of a step of another kind", () => {
    expect(childRun(step("s", { outputs: { run: id } }))).toBeNull();
    expect(childRun(step("s", { kind: "workflow", reason: "approval" }))).toBeNull();
  });
});
