import type { NewSession, Project } from "../../api/types";
import { noMinutes, optionalPositive, secondsOf } from "../../forms/amount";
import { commandFrom } from "../../forms/command";
import { emptySource, type Source, sourceErrors, sourceRequest } from "../../forms/source";

// The new-session form's fields as a person fills them in.
export interface Draft extends Source {
  what: "shell" | "command" | "agent";
  command: string;
  agent: string;
  name: string;
  base: string;
  size: string; // columns x rows; empty: as large as the window
  idle: string; // minutes
}

export type DraftErrors = Partial<Record<keyof Draft, string>>;

export const sizes = [
  ["", "Fit my window"],
  ["80x24", "80 × 24"],
  ["120x36", "120 × 36"],
  ["160x48", "160 × 48"],
] as const;

export function emptyDraft(projects: Project[], agent: string): Draft {
  return {
    ...emptySource(projects),
    what: "shell",
    command: "",
    agent,
    name: "",
    base: "",
    size: "",
    idle: "",
  };
}

// The request that a draft makes, or what is wrong with it. The server has the last word on everything else.
export function requestOf(
  draft: Draft,
  window: { columns: number; rows: number },
): { request: NewSession } | { errors: DraftErrors } {
  const errors: DraftErrors = sourceErrors(draft);
  const command = draft.what === "command" ? commandFrom(draft.command) : null;
  if (command && "error" in command) errors.command = command.error;
  const minutes = optionalPositive(draft.idle);
  if (minutes === null) errors.idle = noMinutes;
  if (Object.keys(errors).length > 0) return { errors };

  const [columns, rows] = draft.size ? draft.size.split("x").map(Number) : [window.columns, window.rows];
  const request = { ...sourceRequest(draft), columns, rows } as NewSession;
  if (command && "words" in command) request.command = command.words;
  if (draft.what === "agent") request.agent = draft.agent;
  if (draft.name.trim()) request.name = draft.name.trim();
  if (draft.base.trim()) request.base = draft.base.trim();
  if (minutes) request.idle_s = secondsOf(minutes);
  return { request };
}
