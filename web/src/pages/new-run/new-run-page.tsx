import { Play } from "lucide-react";
import { type FormEvent, type KeyboardEvent, useRef, useState } from "react";
import { api } from "../../api/client";
import type { Project } from "../../api/types";
import { navigate, useLocation } from "../../base/router";
import { submitKeys } from "../../base/submit-keys";
import { useResource } from "../../base/use-resource";
import { useTitle } from "../../base/use-title";
import { AgentField } from "../../forms/agent-field";
import { BaseField } from "../../forms/base-field";
import { CommandField } from "../../forms/command-field";
import { SourceField } from "../../forms/source-field";
import { type FormErrors, useForm } from "../../forms/use-form";
import { useInfo } from "../../info-context";
import { AreaField, TextField } from "../../ui/fields";
import { ProblemNotice } from "../../ui/problem-notice";
import { type Draft, emptyDraft, fieldNames, requestOf } from "./draft";
import { PermissionsField } from "./permissions-field";
import "./new-run-page.css";

const advanced: readonly (keyof Draft)[] = ["base", "model", "timeout_s"];

function NewRunForm({ projects, wanted }: { projects: Project[]; wanted: string }) {
  const { data: info } = useInfo();
  const [more, setMore] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const showErrors = (found: FormErrors) => {
    if (advanced.some((name) => found[name])) setMore(true);
    const first = fieldNames.find((name) => found[name]);
    // The field may only now become visible.
    if (first) setTimeout(() => form.current?.querySelector<HTMLElement>(`#${first}`)?.focus());
  };
  const {
    draft,
    change,
    errors,
    problem,
    busy,
    submit: start,
  } = useForm({
    initial: () => emptyDraft(projects, wanted),
    requestOf,
    send: async (request, key) => {
      const run = await api.startRun(request, key);
      navigate(`/runs/${run.id}`);
      window.scrollTo(0, 0);
    },
    fieldsOf: ({ source }) =>
      fieldNames.filter((name) => name !== (source === "project" ? "git_url" : "project")),
    onErrors: showErrors,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void start();
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.metaKey || event.ctrlKey)) return;
    event.preventDefault();
    void start();
  };

  return (
    <form ref={form} className="new-run card" noValidate onSubmit={submit} onKeyDown={keys}>
      <SourceField draft={draft} projects={projects} errors={errors} onChange={change} />
      <AgentField
        agents={info?.agents ?? []}
        value={draft.agent}
        error={errors.agent}
        onChange={(agent) => change({ agent })}
      />
      {draft.agent === "command" ? (
        <CommandField
          value={draft.command}
          error={errors.command}
          placeholder="sh -c 'sed -i s/teh/the/ README.md'"
          onChange={(command) => change({ command })}
        />
      ) : null}
      <AreaField
        id="prompt"
        label={draft.agent === "command" ? "Prompt (goes to the program's standard input)" : "Prompt"}
        error={errors.prompt}
        className="prompt-input"
        rows={7}
        placeholder="Fix the failing test in tests/test_tally.py and explain what was wrong."
        value={draft.prompt}
        onChange={(prompt) => change({ prompt })}
      />
      <div className="new-run-pair">
        <TextField
          id="checks"
          label="Checks"
          hint="Run in the workspace after the agent; the run fails when they do"
          error={errors.checks}
          mono
          placeholder="make test"
          value={draft.checks}
          onChange={(checks) => change({ checks })}
        />
        <TextField
          id="budget_usd"
          label="Budget in US dollars"
          hint="The run stops when it is spent; empty: the server's default"
          error={errors.budget_usd}
          inputMode="decimal"
          placeholder="5.00"
          value={draft.budget_usd}
          onChange={(budget_usd) => change({ budget_usd })}
        />
      </div>
      <PermissionsField draft={draft} onChange={change} />
      <details className="new-run-more" open={more} onToggle={(event) => setMore(event.currentTarget.open)}>
        <summary>More settings</summary>
        <div className="new-run-three">
          <BaseField value={draft.base} error={errors.base} onChange={(base) => change({ base })} />
          <TextField
            id="model"
            label="Model"
            error={errors.model}
            placeholder="the agent's default"
            value={draft.model}
            onChange={(model) => change({ model })}
          />
          <TextField
            id="timeout_s"
            label="Time limit in minutes"
            error={errors.timeout_s}
            inputMode="decimal"
            placeholder="the server's default"
            value={draft.timeout_s}
            onChange={(timeout_s) => change({ timeout_s })}
          />
        </div>
      </details>
      {problem ? <ProblemNotice error={problem} /> : null}
      <div className="new-run-end">
        <span className="muted small new-run-keys">
          <kbd>{submitKeys}</kbd>
        </span>
        <button type="submit" className="button button-primary" disabled={busy}>
          <Play aria-hidden />
          {busy ? "Starting…" : "Start the run"}
        </button>
      </div>
    </form>
  );
}

export function NewRunPage() {
  const { query } = useLocation();
  const { data, error } = useResource("projects", api.projects);
  useTitle("New run");
  return (
    <div className="page page-narrow">
      <div className="page-head">
        <h1>New run</h1>
      </div>
      {error ? <ProblemNotice error={error} /> : null}
      {data ? <NewRunForm projects={data.items} wanted={query.get("project") ?? ""} /> : null}
    </div>
  );
}
