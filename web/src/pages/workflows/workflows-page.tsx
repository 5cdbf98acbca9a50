import { Plus, Workflow as WorkflowIcon } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client";
import { type ApiError, toApiError } from "../../api/problem";
import type { Workflow } from "../../api/types";
import { plural } from "../../base/format";
import { Link, navigate } from "../../base/router";
import { useResource } from "../../base/use-resource";
import { useTitle } from "../../base/use-title";
import { Dialog } from "../../ui/dialog";
import { AreaField } from "../../ui/fields";
import { ProblemNotice } from "../../ui/problem-notice";
import "./workflows.css";

const example = `name: checks
description: Runs the tests on each of two versions
inputs:
  suite: {type: string, default: all, options: [all, unit]}
steps:
  - {name: fetch, kind: git, action: clone}
  - name: test
    kind: command
    run: make test-\${{ inputs.suite }}-\${{ matrix.version }}
    matrix: {version: ["20", "22"]}
`;

// Keeps a definition: a new workflow, or a new version of the one that it names.
export function SaveWorkflow({ source, onClose }: { source: string; onClose: () => void }) {
  const [text, setText] = useState(source);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const saved = await api.saveWorkflow(text);
      onClose();
      navigate(`/workflows/${encodeURIComponent(saved.name)}`);
    } catch (cause) {
      setError(toApiError(cause));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Save a workflow" onClose={onClose} wide>
      <form className="workflow-save" onSubmit={(event) => void submit(event)}>
        <AreaField
          id="definition"
          label="Definition (YAML)"
          hint="Its name says which workflow it is; when there is one of that name already, this becomes its next version."
          error={error ? error.message : null}
          className="mono-input"
          rows={16}
          required
          spellCheck={false}
          placeholder={example}
          value={text}
          onChange={setText}
        />
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>
            Close
          </button>
          <button type="submit" className="button button-primary" disabled={busy}>
            Save the workflow
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Row({ workflow }: { workflow: Workflow }) {
  const { name, version, description, steps, inputs, origin, schedule } = workflow;
  return (
    <li className="workflow-row" data-workflow={name}>
      <WorkflowIcon aria-hidden className="muted" />
      <div className="workflow-text">
        <Link href={`/workflows/${encodeURIComponent(name)}`} className="workflow-name">
          {name}
        </Link>
        <div className="muted small">
          {description ? `${description} · ` : ""}
          {plural(steps.length, "step")}
          {Object.keys(inputs).length > 0 ? ` · ${plural(Object.keys(inputs).length, "input")}` : ""}
        </div>
      </div>
      {schedule ? <span className="chip">{schedule.cron}</span> : null}
      <span className="chip">{origin === "stored" ? `version ${version}` : origin}</span>
    </li>
  );
}

export function WorkflowsPage() {
  const { data, error } = useResource("workflows", api.workflows);
  const [saving, setSaving] = useState(false);
  useTitle("Workflows");
  return (
    <div className="page">
      <div className="page-head">
        <h1>Workflows</h1>
        <button type="button" className="button" onClick={() => setSaving(true)}>
          <Plus aria-hidden />
          New workflow
        </button>
      </div>
      {error ? <ProblemNotice error={error} /> : null}
      {data ? (
        // biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets
        <ul role="list" className="workflow-list card">
          {data.items.map((workflow) => (
            <Row key={workflow.name} workflow={workflow} />
          ))}
        </ul>
      ) : null}
      {saving ? <SaveWorkflow source="" onClose={() => setSaving(false)} /> : null}
    </div>
  );
}
