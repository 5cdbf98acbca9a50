import { Play } from "lucide-react";
import { type FormEvent, type KeyboardEvent, useRef, useState } from "react";
import { api } from "../../api/client";
import { type ApiError, fieldOf, toApiError } from "../../api/problem";
import type { Project } from "../../api/types";
import { navigate, useLocation } from "../../base/router";
import { uniqueKey } from "../../base/unique-key";
import { useResource } from "../../base/use-resource";
import { useTitle } from "../../base/use-title";
import { useInfo } from "../../info-context";
import { Field } from "../../ui/field";
import { ProblemNotice } from "../../ui/problem-notice";
import { AgentField } from "./agent-field";
import { type Draft, type DraftErrors, emptyDraft, fieldNames, requestOf } from "./draft";
import { PermissionsField } from "./permissions-field";
import { SourceField } from "./source-field";
import "./new-run-page.css";

const advanced: readonly (keyof Draft)[] = ["base", "model", "timeout_s"];
const submitKeys = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘ Enter" : "Ctrl Enter";

function NewRunForm({ projects, wanted }: { projects: Project[]; wanted: string }) {
  const { data: info } = useInfo();
  const [draft, setDraft] = useState<Draft>(() => emptyDraft(projects, wanted));
  const [errors, setErrors] = useState<DraftErrors>({});
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const [more, setMore] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const key = useRef({ draft, key: uniqueKey() }); // pressing twice starts one run; a changed form is another request

  const change = (changes: Partial<Draft>) => {
    setDraft((old) => ({ ...old, ...changes }));
    setErrors((old) => {
      const next = { ...old };
      for (const name of Object.keys(changes) as (keyof Draft)[]) delete next[name];
      return next;
    });
  };
  const showErrors = (found: DraftErrors) => {
    setErrors(found);
    if (advanced.some((name) => found[name])) setMore(true);
    const first = fieldNames.find((name) => found[name]);
    // The field may only now become visible.
    if (first) setTimeout(() => form.current?.querySelector<HTMLElement>(`#${first}`)?.focus());
  };
  const start = async () => {
    if (busy) return;
    setProblem(null);
    const made = requestOf(draft);
    if ("errors" in made) {
      showErrors(made.errors);
      return;
    }
    if (key.current.draft !== draft) key.current = { draft, key: uniqueKey() };
    setBusy(true);
    try {
      const run = await api.startRun(made.request, key.current.key);
      navigate(`/runs/${run.id}`);
      window.scrollTo(0, 0);
    } catch (cause) {
      const error = toApiError(cause);
      const shown = fieldNames.filter(
        (name) => name !== (draft.source === "project" ? "git_url" : "project"),
      );
      const field = fieldOf(error, shown) as keyof Draft | null;
      if (field) showErrors({ [field]: error.message });
      else setProblem(error);
      setBusy(false);
    }
  };
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
      <AgentField draft={draft} agents={info?.agents ?? []} errors={errors} onChange={change} />
      <Field
        id="prompt"
        label={draft.agent === "command" ? "Prompt (goes to the program's standard input)" : "Prompt"}
        error={errors.prompt}
      >
        {(aria) => (
          <textarea
            {...aria}
            className="input prompt-input"
            rows={7}
            placeholder="Fix the failing test in tests/test_tally.py and explain what was wrong."
            value={draft.prompt}
            onChange={(event) => change({ prompt: event.target.value })}
          />
        )}
      </Field>
      <div className="new-run-pair">
        <Field
          id="checks"
          label="Checks"
          hint="Run in the workspace after the agent; the run fails when they do"
          error={errors.checks}
        >
          {(aria) => (
            <input
              {...aria}
              className="input mono-input"
              placeholder="make test"
              value={draft.checks}
              onChange={(event) => change({ checks: event.target.value })}
            />
          )}
        </Field>
        <Field
          id="budget_usd"
          label="Budget in US dollars"
          hint="The run stops when it is spent; empty: the server's default"
          error={errors.budget_usd}
        >
          {(aria) => (
            <input
              {...aria}
              className="input"
              inputMode="decimal"
              placeholder="5.00"
              value={draft.budget_usd}
              onChange={(event) => change({ budget_usd: event.target.value })}
            />
          )}
        </Field>
      </div>
      <PermissionsField draft={draft} onChange={change} />
      <details className="new-run-more" open={more} onToggle={(event) => setMore(event.currentTarget.open)}>
        <summary>More settings</summary>
        <div className="new-run-three">
          <Field id="base" label="Base branch" error={errors.base}>
            {(aria) => (
              <input
                {...aria}
                className="input"
                placeholder="the project's default"
                value={draft.base}
                onChange={(event) => change({ base: event.target.value })}
              />
            )}
          </Field>
          <Field id="model" label="Model" error={errors.model}>
            {(aria) => (
              <input
                {...aria}
                className="input"
                placeholder="the agent's default"
                value={draft.model}
                onChange={(event) => change({ model: event.target.value })}
              />
            )}
          </Field>
          <Field id="timeout_s" label="Time limit in minutes" error={errors.timeout_s}>
            {(aria) => (
              <input
                {...aria}
                className="input"
                inputMode="decimal"
                placeholder="the server's default"
                value={draft.timeout_s}
                onChange={(event) => change({ timeout_s: event.target.value })}
              />
            )}
          </Field>
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
