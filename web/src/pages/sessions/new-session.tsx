import { SquareTerminal } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";
import { api } from "../../api/client";
import { type ApiError, fieldOf, toApiError } from "../../api/problem";
import type { AgentInfo, Project } from "../../api/types";
import { navigate } from "../../base/router";
import { uniqueKey } from "../../base/unique-key";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { ProblemNotice } from "../../ui/problem-notice";
import { SourceField } from "../new-run/source-field";
import { type Draft, type DraftErrors, emptyDraft, requestOf, sizes } from "./draft";

const programs = [
  ["shell", "A shell"],
  ["command", "A command"],
  ["agent", "An agent"],
] as const;
const titles: Record<string, string> = { claude: "Claude Code" };

// About what a terminal in this window holds; once it is there it is measured.
const windowSize = () => ({
  columns: Math.min(300, Math.max(40, Math.floor((window.innerWidth - 60) / 8.4))),
  rows: Math.min(100, Math.max(10, Math.floor((window.innerHeight - 220) / 17))),
});

export function NewSessionDialog({
  projects,
  agents,
  onClose,
}: {
  projects: Project[];
  agents: AgentInfo[];
  onClose: () => void;
}) {
  const terminalAgents = agents.filter(({ name }) => name !== "command");
  const [draft, setDraft] = useState<Draft>(() =>
    emptyDraft(
      projects,
      terminalAgents.map(({ name }) => name),
    ),
  );
  const [errors, setErrors] = useState<DraftErrors>({});
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const key = useRef({ draft, key: uniqueKey() }); // pressing twice makes one session
  const change = (changes: Partial<Draft>) => {
    setDraft((old) => ({ ...old, ...changes }));
    setErrors({});
  };
  const make = async (event: FormEvent) => {
    event.preventDefault();
    setProblem(null);
    const made = requestOf(draft, windowSize());
    if ("errors" in made) {
      setErrors(made.errors);
      return;
    }
    if (key.current.draft !== draft) key.current = { draft, key: uniqueKey() };
    setBusy(true);
    try {
      const session = await api.createSession(made.request, key.current.key);
      navigate(`/sessions/${session.id}${draft.size ? "" : "?fit=1"}`);
    } catch (cause) {
      const error = toApiError(cause);
      const field = fieldOf(error, ["git_url", "project", "command", "agent", "name", "base"]);
      if (field) setErrors({ [field]: error.message });
      else setProblem(error);
      setBusy(false);
    }
  };
  const agent = terminalAgents.find(({ name }) => name === draft.agent);
  return (
    <Dialog title="New session" onClose={onClose} wide>
      <form className="new-session" noValidate onSubmit={(event) => void make(event)}>
        <SourceField draft={draft} projects={projects} errors={errors} onChange={change} />
        <fieldset className="segments new-run-segments">
          <legend className="field-label">Run</legend>
          {programs.map(([value, label]) => (
            <label key={value} className="segment">
              <input
                type="radio"
                name="what"
                checked={draft.what === value}
                onChange={() => change({ what: value })}
              />
              <span>{label}</span>
            </label>
          ))}
        </fieldset>
        {draft.what === "command" ? (
          <Field
            id="command"
            label="Command"
            hint="Split into words as a shell does; for pipes and variables use sh -c '…'"
            error={errors.command}
          >
            {(aria) => (
              <input
                {...aria}
                className="input mono-input"
                placeholder="htop"
                value={draft.command}
                onChange={(event) => change({ command: event.target.value })}
              />
            )}
          </Field>
        ) : null}
        {draft.what === "agent" ? (
          <Field
            id="agent"
            label="Agent"
            hint="Its own terminal program, which you talk to"
            error={errors.agent ?? agent?.problem}
          >
            {(aria) => (
              <select
                {...aria}
                className="input"
                value={draft.agent}
                onChange={(event) => change({ agent: event.target.value })}
              >
                {terminalAgents.map(({ name }) => (
                  <option key={name} value={name}>
                    {titles[name] ?? name}
                  </option>
                ))}
              </select>
            )}
          </Field>
        ) : null}
        <div className="new-session-pair">
          <Field id="name" label="Name" error={errors.name}>
            {(aria) => (
              <input
                {...aria}
                className="input"
                maxLength={100}
                placeholder="the program's"
                value={draft.name}
                onChange={(event) => change({ name: event.target.value })}
              />
            )}
          </Field>
          <Field id="size" label="Size">
            {(aria) => (
              <select
                {...aria}
                className="input"
                value={draft.size}
                onChange={(event) => change({ size: event.target.value })}
              >
                {sizes.map(([value, label]) => (
                  <option key={value} value={value}>
                    {label}
                  </option>
                ))}
              </select>
            )}
          </Field>
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
          <Field id="idle" label="End when idle, in minutes" error={errors.idle}>
            {(aria) => (
              <input
                {...aria}
                className="input"
                inputMode="decimal"
                placeholder="the server's default"
                value={draft.idle}
                onChange={(event) => change({ idle: event.target.value })}
              />
            )}
          </Field>
        </div>
        {problem ? <ProblemNotice error={problem} /> : null}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button button-primary" disabled={busy}>
            <SquareTerminal aria-hidden />
            {busy ? "Opening…" : "Open the session"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
