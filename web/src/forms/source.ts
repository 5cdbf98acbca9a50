// What a new run or session works on: a project that is there, or a repository that becomes one.
import type { Project } from "../api/types";

export interface Source {
  source: "project" | "repository";
  project: string; // id
  git_url: string;
}

export type SourceErrors = Partial<Record<keyof Source, string>>;

export const noRepository = "Give a git URL or an absolute path";

// The project whose id or name is wanted, else the first; a repository where there is none.
export function emptySource(projects: Project[], wanted = ""): Source {
  const project = projects.find(({ id, name }) => id === wanted || name === wanted) ?? projects[0];
  return { source: project ? "project" : "repository", project: project?.id ?? "", git_url: "" };
}

export function sourceErrors({ source, project, git_url }: Source): SourceErrors {
  if (source === "project") return project ? {} : { project: "Choose a project" };
  return git_url.trim() ? {} : { git_url: noRepository };
}

// Its part of a request.
export function sourceRequest({
  source,
  project,
  git_url,
}: Source): { project: string } | { git_url: string } {
  return source === "project" ? { project } : { git_url: git_url.trim() };
}
