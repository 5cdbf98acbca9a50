import { SquareTerminal } from "lucide-react";
import type { FormEvent } from "react";
import { api } from "../../api/client";
import type { AgentInfo, Project } from "../../api/types";
import { navigate } from "../../base/router";
import { AgentField, usualAgent } from "../../forms/agent-field";
import { BaseField } from "../../forms/base-field";
import { CommandField } from "../../forms/command-field";
import { SourceField } from "../../forms/source-field";
import { useForm } from "../../forms/use-form";
import { Dialog } from "../../ui/dialog";
import { SelectField, TextField } from "../../ui/fields";
import { ProblemNotice } from "../../ui/problem-notice";
import { Segments } from "../../ui/segments";
import { emptyDraft, requestOf, sizes } from "./draft";

const programs = [
  ["shell", "A shell"],
  ["command", "A command"],
  ["agent", "An agent"],
] as const;

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
  const { draft, change, errors, problem, busy, submit } = useForm({
    initial: () => emptyDraft(projects, usualAgent(terminalAgents)),
    requestOf: (filled) => requestOf(filled, windowSize()),
    send: async (request, key, { size }) => {
      const session = await api.createSession(request, key);
      navigate(`/sessions/${session.id}${size ? "" : "?fit=1"}`);
    },
    fieldsOf: () => ["git_url", "project", "command", "agent", "name", "base"],
  });
  const make = (event: FormEvent) => {
    event.preventDefault();
    void submit();
  };
  return (
    <Dialog title="New session" onClose={onClose} wide>
      <form className="new-session" noValidate onSubmit={make}>
        <SourceField draft={draft} projects={projects} errors={errors} onChange={change} />
        <Segments
          legend="Run"
          name="what"
          labelled
          options={programs}
          value={draft.what}
          onChange={(what) => change({ what })}
        />
        {draft.what === "command" ? (
          <CommandField
            value={draft.command}
            error={errors.command}
            placeholder="htop"
            onChange={(command) => change({ command })}
          />
        ) : null}
        {draft.what === "agent" ? (
          <AgentField
            agents={terminalAgents}
            value={draft.agent}
            hint="Its own terminal program, which you talk to"
            error={errors.agent}
            onChange={(agent) => change({ agent })}
          />
        ) : null}
        <div className="new-session-pair">
          <TextField
            id="name"
            label="Name"
            error={errors.name}
            maxLength={100}
            placeholder="the program's"
            value={draft.name}
            onChange={(name) => change({ name })}
          />
          <SelectField
            id="size"
            label="Size"
            options={sizes}
            value={draft.size}
            onChange={(size) => change({ size })}
          />
          <BaseField value={draft.base} error={errors.base} onChange={(base) => change({ base })} />
          <TextField
            id="idle"
            label="End when idle, in minutes"
            error={errors.idle}
            inputMode="decimal"
            placeholder="the server's default"
            value={draft.idle}
            onChange={(idle) => change({ idle })}
          />
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
