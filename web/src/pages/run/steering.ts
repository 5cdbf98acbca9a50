// What people have told a run's agents, and what its agents wait for: read from the run and its events.
import type { Run, RunEvent, Step } from "../../api/types";

export type Mode = "ask" | "workspace";

export interface Steering {
  number: number;
  step: string;
  attempt: number;
  what: "prompt" | "interrupt" | "mode";
  text: string; // the prompt, or the mode
  by: string;
  told: boolean; // the agent's driver has it; a prompt is said once the agent's turn is over
}

const fieldsOf = (event: RunEvent) => event.data as Record<string, unknown>;

export function steeringsOf(events: RunEvent[]): Steering[] {
  const all = new Map<number, Steering>();
  for (const event of events) {
    const data = fieldsOf(event);
    const number = Number(data.number);
    if (event.type === "run.step.steered")
      all.set(number, {
        number,
        step: String(data.step),
        attempt: Number(data.attempt),
        what: data.what as Steering["what"],
        text: String(data.text ?? ""),
        by: event.actor,
        told: false,
      });
    const known = event.type === "run.step.steering_applied" ? all.get(number) : undefined;
    if (known) known.told = true;
    // Its process ended for a quota before the agent got them: the next one is told.
    if (event.type === "run.step.waiting" && Array.isArray(data.untold))
      for (const one of data.untold) {
        const again = all.get(Number(one));
        if (again) again.told = false;
      }
  }
  return [...all.values()];
}

// The steps whose agents can be told something.
export function agentsAtWork(run: Run): Step[] {
  if (run.status !== "running") return [];
  return run.steps.filter(
    ({ kind, status }) => kind === "agent" && (status === "running" || status === "waiting"),
  );
}

// Who decides what the agent may do. Null: its workflow says so, and this page does not know.
export function modeOf(run: Run, step: Step, steerings: Steering[]): Mode | null {
  const changed = steerings.findLast(
    (one) => one.what === "mode" && one.step === step.name && one.attempt === step.attempt,
  );
  if (changed) return changed.text === "ask" ? "ask" : "workspace";
  if (run.workflow !== "task") return null;
  return run.permissions === "ask" ? "ask" : "workspace";
}

export interface ProviderWait {
  step: string; // empty: the agent asks again by itself
  until: string;
}

// Whether the model's provider keeps the run waiting: a step sleeps until its quota is back, or the last model call was
// refused until a time that has not come.
export function providerWait(run: Run, events: RunEvent[], now: number): ProviderWait | null {
  if (run.status !== "running") return null;
  const asleep = run.steps.find(
    (step) => step.status === "waiting" && step.reason === "quota" && step.wakes_at !== null,
  );
  if (asleep?.wakes_at) return { step: asleep.name, until: asleep.wakes_at };
  const last = events.findLast(({ type }) => type === "run.model_called");
  const until = last ? fieldsOf(last).retry_at : null;
  return typeof until === "string" && Date.parse(until) > now ? { step: "", until } : null;
}
