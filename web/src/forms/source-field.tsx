import type { Project } from "../api/types";
import { SelectField } from "../ui/fields";
import { Segments } from "../ui/segments";
import { GitUrlField } from "./git-url-field";
import type { Source, SourceErrors } from "./source";

const choices = [
  ["project", "A project"],
  ["repository", "Another repository"],
] as const;

export function SourceField({
  draft,
  projects,
  errors,
  onChange,
}: {
  draft: Source;
  projects: Project[];
  errors: SourceErrors;
  onChange: (changes: Partial<Source>) => void;
}) {
  return (
    <div className="source-field">
      {projects.length > 0 ? (
        <Segments
          legend="Work on"
          name="source"
          labelled
          options={choices}
          value={draft.source}
          onChange={(source) => onChange({ source })}
        />
      ) : null}
      {draft.source === "project" ? (
        <SelectField
          id="project"
          label="Project"
          error={errors.project}
          hint={projects.find(({ id }) => id === draft.project)?.git_url}
          options={projects.map(({ id, name }) => [id, name])}
          value={draft.project}
          onChange={(project) => onChange({ project })}
        />
      ) : (
        <GitUrlField
          untouched
          value={draft.git_url}
          error={errors.git_url}
          onChange={(git_url) => onChange({ git_url })}
        />
      )}
    </div>
  );
}
