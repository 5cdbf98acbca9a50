import { describe, expect, it } from "vitest";
import { ganttOf, ticks } from "./gantt-model";
import { events, second, step } from "./sample";

describe("ganttOf", () => {
  it("shows each attempt, and the wait between two", () => {
    const gantt = ganttOf(
      events(
        [0, "run.created"],
        [1, "run.step.started", { step: "build", attempt: 1 }],
        [4, "run.step.failed", { step: "build", attempt: 1, error: { code: "conflict", message: "exit 2" } }],
        [4, "run.step.retried", { step: "build" }],
        [6, "run.step.started", { step: "build", attempt: 2 }],
        [9, "run.step.completed", { step: "build", attempt: 2 }],
        [9, "run.completed"],
      ),
      [step("build"), step("never")],
    );
    expect(gantt.rows).toEqual([
      {
        step: "build",
        attempts: [
          { number: 1, from: second(1), to: second(4), outcome: "failed", error: "exit 2" },
          { number: 2, from: second(6), to: second(9), outcome: "completed", error: "" },
        ],
        waits: [{ from: second(4), to: second(6), reason: "the next attempt" }],
      },
      { step: "never", attempts: [], waits: [] },
    ]);
    expect([gantt.from, gantt.to]).toEqual([second(1), second(9)]);
  });

  it("shows what a step waited for, and how long the run was paused", () => {
    const { rows, pauses, to } = ganttOf(
      events(
        [0, "run.step.started", { step: "ok", attempt: 1 }],
        [1, "run.step.waiting", { step: "ok", reason: "approval" }],
        [2, "run.paused", { reason: "lunch" }],
        [5, "run.resumed"],
        [6, "run.step.resumed", { step: "ok" }],
      ),
      [step("ok")],
    );
    expect(rows[0]?.waits).toEqual([{ from: second(1), to: second(6), reason: "approval" }]);
    expect(pauses).toEqual([{ from: second(2), to: second(5), reason: "lunch" }]);
    expect(to, "the step is still at work").toBeNull();
  });

  it("shows a matrix as at work while its steps are", () => {
    const { rows } = ganttOf(
      events(
        [0, "run.step.expanded", { step: "test" }],
        [0, "run.step.started", { step: "test.1", attempt: 1 }],
        [3, "run.step.completed", { step: "test.1" }],
        [3, "run.step.completed", { step: "test" }],
      ),
      [step("test"), step("test.1", { matrix_of: "test" })],
    );
    expect(rows.map(({ attempts }) => attempts.map(({ from, to }) => [from, to]))).toEqual([
      [[second(0), second(3)]],
      [[second(0), second(3)]],
    ]);
  });

  it("leaves nothing open once the run has ended", () => {
    const gantt = ganttOf(
      events(
        [0, "run.step.started", { step: "a" }],
        [1, "run.step.waiting", { step: "a", reason: "approval" }],
        [3, "run.cancelled"],
      ),
      [step("a")],
    );
    expect(gantt.to).toBe(second(3));
    expect(gantt.rows[0]?.attempts[0]?.to).toBe(second(3));
    expect(gantt.rows[0]?.waits[0]?.to).toBe(second(3));
  });

  it("is empty without events", () => {
    expect(ganttOf([], [step("a")]).rows).toEqual([{ step: "a", attempts: [], waits: [] }]);
  });
});

describe("ticks", () => {
  it("are round and few", () => {
    expect(ticks(9_500, 5)).toEqual([0, 2000, 4000, 6000, 8000]);
    for (const length of [1, 950, 61_000, 3.7e6, 9e7, 3e9]) expect(ticks(length, 6).length).toBeLessThan(8);
  });
});
