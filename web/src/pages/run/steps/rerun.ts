// What happens again when a run is retried or forked from a step, and what is kept: said before it is done. The server
// decides by the same rules.
import type { Step } from "../../../api/types";

export interface Rerun {
  kept: string[];
  again: string[];
}

// Whether `name` is `from` or needs it, directly or not. The `finally` steps come after all others.
function comesAfter(steps: Map<string, Step>, name: string, from: string): boolean {
  if (name === from) return true;
  const step = steps.get(name);
  return step !== undefined && (step.finally || step.needs.some((need) => comesAfter(steps, need, from)));
}

const topOf = (steps: Step[]) => steps.filter((step) => step.matrix_of === null);
const mapOf = (steps: Step[]) => new Map(steps.map((step) => [step.name, step]));

// Of a retry. Without a step: only what did not go well is done again.
export function retryOf(steps: Step[], from: string): Rerun {
  const top = topOf(steps);
  const known = mapOf(top);
  const again = (step: Step) =>
    step.status !== "completed" || step.finally || (from !== "" && comesAfter(known, step.name, from));
  return split(top, again);
}

// Of a fork. Without a step: all of it is done again.
export function forkOf(steps: Step[], from: string): Rerun {
  const top = topOf(steps);
  const known = mapOf(top);
  const again = (step: Step) =>
    from === "" ||
    (step.status !== "completed" && step.status !== "skipped") ||
    comesAfter(known, step.name, from);
  return split(top, again);
}

function split(steps: Step[], again: (step: Step) => boolean): Rerun {
  const result: Rerun = { kept: [], again: [] };
  for (const step of steps) (again(step) ? result.again : result.kept).push(step.name);
  return result;
}

// The run that a step of the kind "workflow" has started, once it has: in its outputs when it is over, in what it
// waits for before that, in its error when it failed.
export function childRun(step: Step): string | null {
  if (step.kind !== "workflow") return null;
  const given = step.outputs.run;
  if (typeof given === "string") return given;
  const text = step.reason ?? step.error?.message ?? "";
  return /^run ([0-9a-f]{8}-[0-9a-f-]{27})\b/.exec(text)?.[1] ?? null;
}
