// What every start of a workflow asks for: where it works, and its inputs. Used to start one and to schedule one.
import type { Project, WorkflowInput } from "../../api/types";
import { Field } from "../../ui/field";
import type { Declared, Filled } from "./inputs";

export interface Target {
  project: string; // id; empty: another repository
  git_url: string;
  prompt: string;
}

export function emptyTarget(projects: Project[]): Target {
  return { project: projects[0]?.id ?? "", git_url: "", prompt: "" };
}

export type FormErrors = Record<string, string>;

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
        <Field id="project" label="Work on" error={errors.project}>
          {(aria) => (
            <select
              {...aria}
              className="input"
              value={target.project}
              onChange={(event) => onChange({ project: event.target.value })}
            >
              {projects.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
              <option value="">Another repository…</option>
            </select>
          )}
        </Field>
      ) : null}
      {target.project === "" ? (
        <Field
          id="git_url"
          label="Git URL or path"
          hint="An address that git can clone, or an absolute path on the server"
          error={errors.git_url}
        >
          {(aria) => (
            <input
              {...aria}
              className="input"
              placeholder="https://example.org/team/shop.git"
              value={target.git_url}
              onChange={(event) => onChange({ git_url: event.target.value })}
            />
          )}
        </Field>
      ) : null}
      <Field
        id="prompt"
        label="Prompt"
        hint="For workflows whose agents are told what to do when they are started"
        error={errors.prompt}
      >
        {(aria) => (
          <textarea
            {...aria}
            className="input"
            rows={3}
            value={target.prompt}
            onChange={(event) => onChange({ prompt: event.target.value })}
          />
        )}
      </Field>
    </>
  );
}

function InputField({
  name,
  input,
  value,
  error,
  onChange,
}: {
  name: string;
  input: WorkflowInput;
  value: string | boolean;
  error: string | undefined;
  onChange: (value: string | boolean) => void;
}) {
  const id = `input-${name}`;
  if (typeof value === "boolean") {
    return (
      <div className="field">
        <label className="input-check">
          <input
            type="checkbox"
            id={id}
            checked={value}
            onChange={(event) => onChange(event.target.checked)}
          />
          {name}
        </label>
        {input.description ? <div className="field-hint">{input.description}</div> : null}
      </div>
    );
  }
  const needed = input.required && (input.default === null || input.default === undefined);
  const label = (
    <>
      {name} {needed ? null : <span className="muted">(optional)</span>}
    </>
  );
  return (
    <Field id={id} label={label} hint={input.description || undefined} error={error}>
      {(aria) => {
        if (input.options.length > 0)
          return (
            <select
              {...aria}
              className="input"
              value={value}
              onChange={(event) => onChange(event.target.value)}
            >
              <option value="">{needed ? "Choose…" : "The default"}</option>
              {input.options.map((option) => (
                <option key={option} value={option}>
                  {option}
                </option>
              ))}
            </select>
          );
        if (input.type === "list" || input.type === "object")
          return (
            <textarea
              {...aria}
              className="input mono-input"
              rows={3}
              placeholder={input.type === "list" ? '["a", "b"]' : '{"key": "value"}'}
              value={value}
              onChange={(event) => onChange(event.target.value)}
            />
          );
        return (
          <input
            {...aria}
            className="input"
            inputMode={input.type === "number" ? "decimal" : undefined}
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
        );
      }}
    </Field>
  );
}

export function InputFields({
  declared,
  filled,
  errors,
  onChange,
}: {
  declared: Declared;
  filled: Filled;
  errors: FormErrors;
  onChange: (changes: Filled) => void;
}) {
  return Object.entries(declared).map(([name, input]) => (
    <InputField
      key={name}
      name={name}
      input={input}
      value={filled[name] ?? ""}
      error={errors[name]}
      onChange={(value) => onChange({ [name]: value })}
    />
  ));
}
