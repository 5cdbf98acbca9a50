import { PackageX, RefreshCw } from "lucide-react";
import type { AgentInfo } from "../api/types";
import { agentTitle } from "../base/agents";
import { useInfo } from "../info-context";
import { AgentInstall, isMissing } from "../ui/agent-install";
import { SelectField } from "../ui/fields";

function Missing({ agent }: { agent: AgentInfo }) {
  const { refresh } = useInfo();
  return (
    <div className="notice notice-warning" role="status">
      <PackageX aria-hidden />
      <div className="agent-missing">
        <span>
          {agentTitle(agent.name)} {agent.wanted_version} is not installed on the server. Install it there:
        </span>
        <span className="agent-missing-how">
          <AgentInstall agent={agent} />
          <button type="button" className="button button-small" onClick={refresh}>
            <RefreshCw aria-hidden />
            Look again
          </button>
        </span>
      </div>
    </div>
  );
}

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
  const chosen = agents.find(({ name }) => name === value);
  const missing = chosen !== undefined && isMissing(chosen);
  // Until the server has said which agents it has, the one that is chosen.
  const options = chosen
    ? agents
    : [{ name: value, version: "", wanted_version: "", problem: "" }, ...agents];
  return (
    <>
      <SelectField
        id="agent"
        label="Agent"
        hint={hint}
        error={error ?? (missing ? null : chosen?.problem)}
        options={options.map((agent) => [
          agent.name,
          `${agentTitle(agent.name)}${isMissing(agent) ? " (not installed)" : ""}`,
        ])}
        value={value}
        onChange={onChange}
      />
      {missing ? <Missing agent={chosen} /> : null}
    </>
  );
}

// The agent that a form begins with: the first that can run, else the first.
export function usualAgent(agents: AgentInfo[]): string {
  return (agents.find(({ problem }) => problem === "") ?? agents[0])?.name ?? "";
}
