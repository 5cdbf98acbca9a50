import { CircleCheck, CircleX, TriangleAlert } from "lucide-react";
import type { AgentInfo, Info } from "../../api/types";
import { agentTitle } from "../../base/agents";
import { useTitle } from "../../base/use-title";
import { useInfo } from "../../info-context";
import { AgentInstall, isMissing } from "../../ui/agent-install";
import { IsolationMark } from "../../ui/isolation";
import { ProblemNotice } from "../../ui/problem-notice";
import "./about-page.css";
import { NotifyDevice } from "./notify-device";

const sources: Record<Info["model_source"], string> = {
  live: "Live: requests go to the provider",
  record: "Recording: requests go to the provider and are written to a cassette",
  replay: "Replay: answers come from a cassette, with no key and no cost",
};

function AgentRow({ agent }: { agent: AgentInfo }) {
  return (
    <li className="agent">
      {agent.problem ? (
        <CircleX aria-label="cannot run" className="agent-bad" />
      ) : (
        <CircleCheck aria-label="ready" className="agent-good" />
      )}
      <div className="agent-text">
        <strong>{agentTitle(agent.name)}</strong>{" "}
        <span className="muted tabular">
          {agent.version || (agent.wanted_version ? `not installed (${agent.wanted_version} wanted)` : "")}
        </span>
        {agent.problem ? <p className="small">{agent.problem}</p> : null}
        {isMissing(agent) ? <AgentInstall agent={agent} /> : null}
      </div>
    </li>
  );
}

export function AboutPage() {
  const { data: info, error } = useInfo();
  useTitle("About");
  return (
    <div className="page page-narrow">
      <div className="page-head">
        <h1>About this server</h1>
      </div>
      {error ? <ProblemNotice error={error} /> : null}
      {info ? (
        <div className="about">
          {info.warnings.map((warning) => (
            <div key={warning} className="notice notice-warning" role="note">
              <TriangleAlert aria-hidden />
              <span>{warning}</span>
            </div>
          ))}
          <dl className="about-facts card">
            <div>
              <dt>Version</dt>
              <dd className="tabular">{info.version}</dd>
            </div>
            <div>
              <dt>Isolation of workspaces</dt>
              <dd>
                <IsolationMark isolation={info.isolation} />
              </dd>
            </div>
            <div>
              <dt>Model</dt>
              <dd>{sources[info.model_source]}</dd>
            </div>
            <div>
              <dt>API</dt>
              <dd>
                <a href="/api/v1/openapi.json">OpenAPI document</a>
              </dd>
            </div>
          </dl>
          <NotifyDevice />
          <section>
            <h2>Agents</h2>
            {/* biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets */}
            <ul role="list" className="agents card">
              {info.agents.map((agent) => (
                <AgentRow key={agent.name} agent={agent} />
              ))}
            </ul>
          </section>
        </div>
      ) : null}
    </div>
  );
}
