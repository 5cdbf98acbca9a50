import {
  Ban,
  CircleCheck,
  CircleDashed,
  CircleSlash,
  CircleX,
  Hand,
  Hourglass,
  LoaderCircle,
} from "lucide-react";
import type { RunStatus, StepStatus } from "../api/types";
import "./status.css";

export type AnyStatus = RunStatus | StepStatus | "asleep";

const looks = {
  pending: { icon: CircleDashed, tone: "idle", word: "Pending" },
  running: { icon: LoaderCircle, tone: "running", word: "Running" },
  asleep: { icon: Hourglass, tone: "waiting", word: "Waiting for the provider" }, // nobody need do anything
  waiting: { icon: Hand, tone: "waiting", word: "Waiting" },
  completed: { icon: CircleCheck, tone: "good", word: "Completed" },
  failed: { icon: CircleX, tone: "bad", word: "Failed" },
  cancelled: { icon: Ban, tone: "idle", word: "Cancelled" },
  skipped: { icon: CircleSlash, tone: "idle", word: "Skipped" },
} as const;

export const statusWord = (status: AnyStatus) => looks[status].word;
export const toneOf = (status: AnyStatus) => looks[status].tone;

// A run that waits for a person says so, whatever else it does.
export function shownStatus(run: { status: RunStatus; waiting: boolean }): AnyStatus {
  return run.waiting && run.status === "running" ? "waiting" : run.status;
}

export function shownStep(step: { status: StepStatus; reason: string | null }): AnyStatus {
  return step.status === "waiting" && step.reason === "quota" ? "asleep" : step.status;
}

export function StatusIcon({ status }: { status: AnyStatus }) {
  const { icon: Icon, tone } = looks[status];
  return (
    <span className={`status-icon tone-${tone}`}>
      <Icon aria-hidden className={status === "running" ? "spin" : undefined} />
    </span>
  );
}

export function StatusBadge({ status }: { status: AnyStatus }) {
  const { tone, word } = looks[status];
  return (
    <span className={`badge tone-${tone}`} data-status={status}>
      <StatusIcon status={status} />
      {status === "waiting" ? "Needs you" : word}
    </span>
  );
}
