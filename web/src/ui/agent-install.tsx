import type { AgentInfo } from "../api/types";
import { CopyButton } from "./copy-button";
import "./agent-install.css";

export const isMissing = ({ version, wanted_version: wanted }: AgentInfo) => wanted !== "" && version === "";

// How somebody on the server's host installs an agent that is not there.
export function AgentInstall({ agent }: { agent: AgentInfo }) {
  const command = `corral agent install ${agent.name}`;
  return (
    <span className="agent-install">
      <code>{command}</code>
      <CopyButton text={command} label="Copy the command" />
    </span>
  );
}
