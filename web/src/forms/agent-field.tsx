import type { AgentInfo } from "../api/types";
import { SelectField } from "../ui/fields";

const titles: Record<string, string> = { claude: "Claude Code", command: "A command of yours" };

// Which of the server's agents; says why the chosen one cannot run.
export function AgentField({
  agents,
  value,
  hint,
  error,
  onChange,
}: {
  agents: AgentInfo[];
  value: string;
  hint?: string;
  error: string | undefined;
  onChange: (agent: string) => void;
}) {
  // Until the server has said which agents it has, the one that is chosen.
  const names = agents.length > 0 ? agents.map(({ name }) => name) : [value];
  return (
    <SelectField
      id="agent"
      label="Agent"
      hint={hint}
      error={error ?? agents.find(({ name }) => name === value)?.problem}
      options={names.map((name) => [name, titles[name] ?? name])}
      value={value}
      onChange={onChange}
    />
  );
}
