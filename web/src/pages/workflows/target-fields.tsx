import type { Project } from "../../api/types";
import { GitUrlField } from "../../forms/git-url-field";
import type { FormErrors } from "../../forms/use-form";
import { AreaField, SelectField } from "../../ui/fields";

// Where a workflow works, and what its agents are told.
export interface Target {
  project: string; // id; empty: another repository
  git_url: string;
  prompt: string;
}

export function emptyTarget(projects: Project[]): Target {
  return { project: projects[0]?.id ?? "", git_url: "", prompt: "" };
}

// The part of a request that the target makes.
export function targetOf({ project, git_url, prompt }: Target) {
  return project ? { project, prompt } : { git_url: git_url.trim(), prompt };
}

export function TargetFields({
  target,
  projects,
  errors,
  onChange,
}: {
  target: Target;
  projects: Project[];
  errors: FormErrors;
  onChange: (changes: Partial<Target>) => void;
}) {
  return (
    <>
      {projects.length > 0 ? (
        <SelectField
          id="project"
          label="Work on"
          error={errors.project}
          options={[...projects.map(({ id, name }) => [id, name] as const), ["", "Another repository…"]]}
          value={target.project}
          onChange={(project) => onChange({ project })}
        />
      ) : null}
      {target.project === "" ? (
        <GitUrlField
          value={target.git_url}
          error={errors.git_url}
          onChange={(git_url) => onChange({ git_url })}
        />
      ) : null}
      <AreaField
        id="prompt"
        label="Prompt"
        hint="For workflows whose agents are told what to do when they are started"
        error={errors.prompt}
        rows={3}
        value={target.prompt}
        onChange={(prompt) => onChange({ prompt })}
      />
    </>
  );
}
