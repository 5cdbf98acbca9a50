import type { Project, Workflow, WorkflowInput } from "../../api/types";
import { AreaField, SelectField, TextField } from "../../ui/fields";
import { ProblemNotice } from "../../ui/problem-notice";
import { TargetFields } from "./target-fields";
import type { Start } from "./use-start";

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
  const said = { id, label, hint: input.description || undefined, error, value, onChange };
  if (input.options.length > 0) {
    const unset = needed ? "Choose…" : "The default";
    return (
      <SelectField {...said} options={[["", unset], ...input.options.map((one) => [one, one] as const)]} />
    );
  }
  if (input.type === "list" || input.type === "object") {
    const placeholder = input.type === "list" ? '["a", "b"]' : '{"key": "value"}';
    return <AreaField {...said} className="mono-input" rows={3} placeholder={placeholder} />;
  }
  return <TextField {...said} inputMode={input.type === "number" ? "decimal" : undefined} />;
}

// What every start of a workflow asks for: where it works, and its inputs. Used to start one and to schedule one.
export function StartFields({
  workflow,
  projects,
  form,
}: {
  workflow: Workflow;
  projects: Project[];
  form: Start;
}) {
  return (
    <>
      <TargetFields
        target={form.target}
        projects={projects}
        errors={form.errors}
        onChange={form.changeTarget}
      />
      {Object.entries(workflow.inputs).map(([name, input]) => (
        <InputField
          key={name}
          name={name}
          input={input}
          value={form.filled[name] ?? ""}
          error={form.errors[name]}
          onChange={(value) => form.changeInputs({ [name]: value })}
        />
      ))}
      {form.problem ? <ProblemNotice error={form.problem} /> : null}
    </>
  );
}
