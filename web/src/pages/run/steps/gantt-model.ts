// When each step was at work and when it waited, from the run's events.
import type { RunEvent, Step, StepStatus } from "../../../api/types";

export interface Attempt {
  number: number;
  from: number;
  to: number | null; // null: it is under way
  outcome: StepStatus;
  error: string;
}

export interface Wait {
  from: number;
  to: number | null;
  reason: string;
}

export interface Row {
  step: string;
  attempts: Attempt[];
  waits: Wait[];
}

export interface Gantt {
  rows: Row[]; // in the order of the run's steps
  pauses: Wait[]; // of the whole run
  from: number;
  to: number | null; // the last end; null: something is under way
}

const text = (value: unknown) => (typeof value === "string" ? value : "");

function fieldsOf(data: unknown): Record<string, unknown> {
  return typeof data === "object" && data !== null ? (data as Record<string, unknown>) : {};
}

class Builder {
  readonly rows = new Map<string, Row>();
  readonly pauses: Wait[] = [];
  first: number | null = null;
  last = 0;

  private row(step: string): Row {
    let row = this.rows.get(step);
    if (!row) {
      row = { step, attempts: [], waits: [] };
      this.rows.set(step, row);
    }
    return row;
  }

  private endWait(row: Row, at: number) {
    const wait = row.waits.at(-1);
    if (wait?.to === null) wait.to = at;
  }

  private begin(step: string, at: number, attempt: unknown) {
    this.first ??= at;
    const row = this.row(step);
    this.endWait(row, at);
    if (row.attempts.at(-1)?.to === null) return;
    const number = typeof attempt === "number" ? attempt : row.attempts.length + 1;
    row.attempts.push({ number, from: at, to: null, outcome: "running", error: "" });
  }

  private end(step: string, at: number, outcome: StepStatus, error = "") {
    const row = this.row(step);
    this.endWait(row, at);
    const attempt = row.attempts.at(-1);
    if (attempt?.to === null) Object.assign(attempt, { to: at, outcome, error });
  }

  push(event: RunEvent) {
    const at = Date.parse(event.time);
    const data = fieldsOf(event.data);
    const step = text(data.step);
    this.last = Math.max(this.last, at);
    switch (event.type) {
      case "run.step.started":
      case "run.step.expanded": // a matrix: at work from here until its steps are
        this.begin(step, at, data.attempt);
        break;
      case "run.step.waiting":
        this.row(step).waits.push({ from: at, to: null, reason: text(data.reason) });
        break;
      case "run.step.resumed":
        this.endWait(this.row(step), at);
        break;
      case "run.step.completed":
        this.end(step, at, "completed");
        break;
      case "run.step.failed":
        this.end(step, at, "failed", text(fieldsOf(data.error).message));
        break;
      case "run.step.retried":
        this.row(step).waits.push({ from: at, to: null, reason: "the next attempt" });
        break;
      case "run.step.cancelled":
        this.end(step, at, "cancelled");
        break;
      case "run.paused":
        this.pauses.push({ from: at, to: null, reason: text(data.reason) });
        break;
      case "run.resumed":
        this.closePause(at);
        break;
      case "run.completed":
      case "run.failed":
      case "run.cancelled":
        this.closePause(at);
        for (const row of this.rows.values()) this.end(row.step, at, "cancelled");
        break;
    }
  }

  private closePause(at: number) {
    const pause = this.pauses.at(-1);
    if (pause?.to === null) pause.to = at;
  }
}

export function ganttOf(events: RunEvent[], steps: Step[]): Gantt {
  const builder = new Builder();
  for (const event of events) builder.push(event);
  const rows = steps.map(
    ({ name }) => builder.rows.get(name) ?? { step: name, attempts: [], waits: [] as Wait[] },
  );
  const open = [...rows.flatMap(({ attempts, waits }) => [...attempts, ...waits]), ...builder.pauses].some(
    ({ to }) => to === null,
  );
  const from = builder.first ?? builder.last;
  return { rows, pauses: builder.pauses, from, to: open ? null : builder.last };
}

// Round distances for the marks of a time axis: at most `most` of them.
export function ticks(lengthMs: number, most: number): number[] {
  const steps = [
    100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 216e5, 432e5,
    864e5,
  ];
  const every = steps.find((step) => lengthMs / step <= most) ?? Math.ceil(lengthMs / most / 864e5) * 864e5;
  return Array.from({ length: Math.floor(lengthMs / every) + 1 }, (_, index) => index * every);
}
