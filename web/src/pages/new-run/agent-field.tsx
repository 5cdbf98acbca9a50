import type { AgentInfo } from "../../api/types";
import { Field } from "../../ui/field";
import type { Draft, DraftErrors } from "./draft";

interface Props {
  draft: Draft;
  agents: AgentInfo[];
  errors: DraftErrors;
  onChange: (changes: Partial<Draft>) => void;
}

const titles: Record<string, string> = { claude: "Claude Code", command: "A command of yours" };

export function AgentField({ draft, agents, errors, onChange }: Props) {
  const chosen = agents.find(({ name }) => name === draft.agent);
  // Until the server has said which agents it has, the one that is chosen.
  const names = agents.length > 0 ? agents.map(({ name }) => name) : [draft.agent];
  return (
    <>
      <Field id="agent" label="Agent" error={errors.agent ?? chosen?.problem}>
        {(aria) => (
          <select
            {...aria}
            className="input"
            value={draft.agent}
            onChange={(event) => onChange({ agent: event.target.value as Draft["agent"] })}
          >
            {names.map((name) => (
              <option key={name} value={name}>
                {titles[name] ?? name}
              </option>
            ))}
          </select>
        )}
      </Field>
      {draft.agent === "command" ? (
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
              placeholder="sh -c 'sed -i s/teh/the/ README.md'"
              value={draft.command}
              onChange={(event) => onChange({ command: event.target.value })}
            />
          )}
        </Field>
      ) : null}
    </>
  );
}
