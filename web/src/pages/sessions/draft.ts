import type { NewSession, Project } from "../../api/types";
import { splitWords } from "../../base/words";
import type { Source } from "../new-run/source-field";

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

export function emptyDraft(projects: Project[], agents: string[]): Draft {
  return {
    source: projects[0] ? "project" : "repository",
    project: projects[0]?.id ?? "",
    git_url: "",
    what: "shell",
    command: "",
    agent: agents[0] ?? "",
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
  const errors: DraftErrors = {};
  if (draft.source === "project" && !draft.project) errors.project = "Choose a project";
  if (draft.source === "repository" && !draft.git_url.trim())
    errors.git_url = "Give a git URL or an absolute path";
  const words = splitWords(draft.command);
  if (draft.what === "command") {
    if (words === null) errors.command = "A quote is not closed";
    else if (words.length === 0) errors.command = "Give the program to run";
  }
  const minutes = Number(draft.idle.trim().replace(",", "."));
  if (draft.idle.trim() && !(minutes > 0)) errors.idle = "Give a number of minutes above 0, or nothing";
  if (Object.keys(errors).length > 0) return { errors };

  const [columns, rows] = draft.size ? draft.size.split("x").map(Number) : [window.columns, window.rows];
  const request = { columns, rows } as NewSession;
  if (draft.source === "project") request.project = draft.project;
  else request.git_url = draft.git_url.trim();
  if (draft.what === "command") request.command = words ?? [];
  if (draft.what === "agent") request.agent = draft.agent;
  if (draft.name.trim()) request.name = draft.name.trim();
  if (draft.base.trim()) request.base = draft.base.trim();
  if (draft.idle.trim()) request.idle_s = Math.max(1, Math.round(minutes * 60));
  return { request };
}
