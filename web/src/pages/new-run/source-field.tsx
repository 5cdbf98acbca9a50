import type { Project } from "../../api/types";
import { Field } from "../../ui/field";
import type { Draft } from "./draft";

export type Source = Pick<Draft, "source" | "project" | "git_url">;

interface Props {
  draft: Source;
  projects: Project[];
  errors: Partial<Record<keyof Source, string>>;
  onChange: (changes: Partial<Source>) => void;
}

const choices = [
  ["project", "A project"],
  ["repository", "Another repository"],
] as const;

export function SourceField({ draft, projects, errors, onChange }: Props) {
  const chosen = projects.find(({ id }) => id === draft.project);
  return (
    <div className="new-run-source">
      {projects.length > 0 ? (
        <fieldset className="segments new-run-segments">
          <legend className="field-label">Work on</legend>
          {choices.map(([value, label]) => (
            <label key={value} className="segment">
              <input
                type="radio"
                name="source"
                checked={draft.source === value}
                onChange={() => onChange({ source: value })}
              />
              <span>{label}</span>
            </label>
          ))}
        </fieldset>
      ) : null}
      {draft.source === "project" ? (
        <Field id="project" label="Project" error={errors.project} hint={chosen?.git_url}>
          {(aria) => (
            <select
              {...aria}
              className="input"
              value={draft.project}
              onChange={(event) => onChange({ project: event.target.value })}
            >
              {projects.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
      ) : (
        <Field
          id="git_url"
          label="Git URL or path"
          hint="An address that git can clone, or an absolute path on the server. Your work tree is never touched."
          error={errors.git_url}
        >
          {(aria) => (
            <input
              {...aria}
              className="input"
              placeholder="https://example.org/team/shop.git"
              value={draft.git_url}
              onChange={(event) => onChange({ git_url: event.target.value })}
            />
          )}
        </Field>
      )}
    </div>
  );
}
