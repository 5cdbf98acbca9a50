import type { Project, StartRun } from "../../api/types";
import { splitWords } from "../../base/words";

// The new-run form's fields as a person fills them in.
export interface Draft {
  source: "project" | "repository";
  project: string;
  git_url: string;
  agent: "claude" | "command";
  prompt: string;
  command: string;
  checks: string;
  permissions: "workspace" | "ask";
  budget_usd: string;
  base: string;
  model: string;
  timeout_s: string; // in minutes on screen: see minutesToSeconds
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
  const project = projects.find(({ id, name }) => id === wanted || name === wanted) ?? projects[0];
  return {
    source: project ? "project" : "repository",
    project: project?.id ?? "",
    git_url: "",
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

function positive(text: string): number | null {
  const value = Number(text.trim().replace(",", "."));
  return Number.isFinite(value) && value > 0 ? value : null;
}

// The request that a draft makes, or what is wrong with it. The server has the last word on everything else.
export function requestOf(draft: Draft): { request: StartRun } | { errors: DraftErrors } {
  const errors: DraftErrors = {};
  if (draft.source === "project" && !draft.project) errors.project = "Choose a project";
  if (draft.source === "repository" && !draft.git_url.trim())
    errors.git_url = "Give a git URL or an absolute path";
  if (draft.agent === "claude" && !draft.prompt.trim()) errors.prompt = "Say what the agent should do";
  const words = splitWords(draft.command);
  if (draft.agent === "command") {
    if (words === null) errors.command = "A quote is not closed";
    else if (words.length === 0) errors.command = "Give the program to run";
  }
  const budget = draft.budget_usd.trim() ? positive(draft.budget_usd) : undefined;
  if (budget === null) errors.budget_usd = "Give an amount above 0, or nothing";
  const minutes = draft.timeout_s.trim() ? positive(draft.timeout_s) : undefined;
  if (minutes === null) errors.timeout_s = "Give a number of minutes above 0, or nothing";
  if (Object.keys(errors).length > 0) return { errors };

  const request: StartRun = {
    agent: draft.agent,
    prompt: draft.prompt,
    permissions: draft.permissions,
  } as StartRun;
  if (draft.source === "project") request.project = draft.project;
  else request.git_url = draft.git_url.trim();
  if (draft.agent === "command") request.command = words ?? [];
  if (draft.checks.trim()) request.checks = draft.checks.trim();
  if (draft.base.trim()) request.base = draft.base.trim();
  if (draft.model.trim()) request.model = draft.model.trim();
  if (budget) request.budget_usd = budget;
  if (minutes) request.timeout_s = Math.max(1, Math.round(minutes * 60));
  return { request };
}
