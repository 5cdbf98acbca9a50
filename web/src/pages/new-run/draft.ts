import type { Project, StartRun } from "../../api/types";
import { noMinutes, optionalPositive, secondsOf } from "../../forms/amount";
import { commandFrom } from "../../forms/command";
import { emptySource, type Source, sourceErrors, sourceRequest } from "../../forms/source";

// The new-run form's fields as a person fills them in.
export interface Draft extends Source {
  agent: string;
  prompt: string;
  command: string;
  checks: string;
  permissions: "workspace" | "ask";
  budget_usd: string;
  base: string;
  model: string;
  timeout_s: string; // in minutes on screen
}

export type DraftErrors = Partial<Record<keyof Draft, string>>;

export const fieldNames = [
  "git_url",
  "project",
  "prompt",
  "command",
  "checks",
  "permissions",
  "budget_usd",
  "timeout_s",
  "base",
  "model",
  "agent",
] as const satisfies readonly (keyof Draft)[];

export function emptyDraft(projects: Project[], wanted: string): Draft {
  return {
    ...emptySource(projects, wanted),
    agent: "claude",
    prompt: "",
    command: "",
    checks: "",
    permissions: "workspace",
    budget_usd: "",
    base: "",
    model: "",
    timeout_s: "",
  };
}

// The request that a draft makes, or what is wrong with it. The server has the last word on everything else.
export function requestOf(draft: Draft): { request: StartRun } | { errors: DraftErrors } {
  const errors: DraftErrors = sourceErrors(draft);
  const command = draft.agent === "command" ? commandFrom(draft.command) : null;
  if (command && "error" in command) errors.command = command.error;
  if (!command && !draft.prompt.trim()) errors.prompt = "Say what the agent should do";
  const budget = optionalPositive(draft.budget_usd);
  if (budget === null) errors.budget_usd = "Give an amount above 0, or nothing";
  const minutes = optionalPositive(draft.timeout_s);
  if (minutes === null) errors.timeout_s = noMinutes;
  if (Object.keys(errors).length > 0) return { errors };

  const request: StartRun = {
    agent: draft.agent,
    prompt: draft.prompt,
    permissions: draft.permissions,
    ...sourceRequest(draft),
  } as StartRun;
  if (command && "words" in command) request.command = command.words;
  if (draft.checks.trim()) request.checks = draft.checks.trim();
  if (draft.base.trim()) request.base = draft.base.trim();
  if (draft.model.trim()) request.model = draft.model.trim();
  if (budget) request.budget_usd = budget;
  if (minutes) request.timeout_s = secondsOf(minutes);
  return { request };
}
