import { describe, expect, it } from "vitest";
import type { Run } from "../../api/types";
import { agentsAtWork, modeOf, providerWait, steeringsOf } from "./steering";
import { events, second, step } from "./steps/sample";

const at = (seconds: number) => new Date(second(seconds)).toISOString();
const agent = step("agent", { kind: "agent", status: "running", attempt: 2 });
const run = (fields: Partial<Run> = {}) =>
  ({ status: "running", workflow: "task", permissions: "ask", steps: [agent], ...fields }) as Run;
const mode = (number: number, attempt: number, text: string) =>
  [0, "run.step.steered", { step: "agent", attempt, number, what: "mode", text }] as [number, string, object];

describe("steeringsOf", () => {
  it("says which have reached the agent", () => {
    const found = steeringsOf(
      events(
        [0, "run.step.steered", { step: "agent", attempt: 1, number: 1, what: "prompt", text: "Then test" }],
        [1, "run.step.steered", { step: "agent", attempt: 1, number: 2, what: "interrupt", text: "" }],
        [2, "run.step.steering_applied", { step: "agent", number: 1 }],
      ),
    );
    expect(found.map(({ what, text, told }) => [what, text, told])).toEqual([
      ["prompt", "Then test", true],
      ["interrupt", "", false],
    ]);
  });
});

describe("a prompt that the agent's process ended without", () => {
  const story: [number, string, object][] = [
    [0, "run.step.steered", { step: "agent", attempt: 1, number: 1, what: "prompt", text: "Test" }],
    [1, "run.step.steering_applied", { step: "agent", number: 1 }],
    [2, "run.step.waiting", { step: "agent", reason: "quota", round: 1, untold: [1] }],
  ];
  const told = (...more: [number, string, object][]) =>
    steeringsOf(events(...story, ...more)).map((one) => one.told);

  it("is on its way again until the next one is told", () => {
    expect(told()).toEqual([false]);
    expect(told([3, "run.step.steering_applied", { step: "agent", number: 1 }])).toEqual([true]);
    expect(told([3, "run.step.waiting", { step: "agent", reason: "quota", round: 2 }])).toEqual([false]);
  });
});

describe("agentsAtWork", () => {
  it("are the agents of a running run that have begun and not ended", () => {
    const steps = [step("checks", { status: "running" }), step("later", { kind: "agent" }), agent];
    expect(agentsAtWork(run({ steps })).map(({ name }) => name)).toEqual(["agent"]);
    expect(agentsAtWork(run({ status: "failed" }))).toEqual([]);
  });
});

describe("modeOf", () => {
  it("is the run's until somebody changed it for this attempt", () => {
    expect(modeOf(run(), agent, [])).toBe("ask");
    expect(modeOf(run(), agent, steeringsOf(events(mode(1, 1, "workspace"))))).toBe("ask");
    expect(modeOf(run(), agent, steeringsOf(events(mode(1, 2, "workspace"))))).toBe("workspace");
  });
  it("is not known for a workflow's own agents", () => {
    expect(modeOf(run({ workflow: "review" }), agent, [])).toBeNull();
    expect(modeOf(run({ workflow: "review" }), agent, steeringsOf(events(mode(1, 2, "ask"))))).toBe("ask");
  });
});

describe("providerWait", () => {
  it("is a step's sleep until its quota is back", () => {
    const asleep = step("agent", { kind: "agent", status: "waiting", reason: "quota", wakes_at: at(60) });
    expect(providerWait(run({ steps: [asleep] }), [], second(0))).toEqual({ step: "agent", until: at(60) });
  });
  it("is a refused call's time, until it comes or another call succeeds", () => {
    const refused = events([0, "run.model_called", { status: 429, retry_at: at(30) }]);
    expect(providerWait(run(), refused, second(10))).toEqual({ step: "", until: at(30) });
    expect(providerWait(run(), refused, second(31))).toBeNull();
    const later = events(
      [0, "run.model_called", { status: 429, retry_at: at(30) }],
      [5, "run.model_called", { status: 200, retry_at: null }],
    );
    expect(providerWait(run(), later, second(10))).toBeNull();
  });
  it("is nothing while an approval is waited for", () => {
    const asks = step("agent", { kind: "agent", status: "waiting", reason: "approval" });
    expect(providerWait(run({ steps: [asks] }), [], second(0))).toBeNull();
  });
});
