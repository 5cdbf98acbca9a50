import { Play, Plus, SquareTerminal } from "lucide-react";
import { useState } from "react";
import { api } from "../../api/client";
import type { Project, Session } from "../../api/types";
import { useAllEvents } from "../../api/use-all-events";
import { formatTime, shortActor, shortId } from "../../base/format";
import { Link, navigate, useLocation, withQuery } from "../../base/router";
import { useResource } from "../../base/use-resource";
import { useTitle } from "../../base/use-title";
import { useInfo } from "../../info-context";
import { ConnectionNotice } from "../../ui/connection";
import { CopyButton } from "../../ui/copy-button";
import { Ago, Elapsed } from "../../ui/elapsed";
import { ProblemNotice } from "../../ui/problem-notice";
import { SessionBadge } from "../../ui/session-status";
import { NewSessionDialog } from "./new-session";
import "./sessions-page.css";

const pageSize = 50;
const largestList = 500; // what the API gives at once
const command = "corral session new --repo . -- bash";
const filters = [
  ["", "All"],
  ["running", "Live"],
  ["ended", "Ended"],
] as const;

const programOf = ({ agent, command: words }: Session) =>
  agent ?? (words.length > 0 ? words.join(" ") : "shell");

function Row({ session, project }: { session: Session; project: Project | undefined }) {
  return (
    <li className="session-row" data-session-row={session.id}>
      <div className="session-row-status">
        <SessionBadge session={session} />
      </div>
      <div className="session-row-main">
        <Link href={`/sessions/${session.id}`} className="session-row-title">
          {session.name}
        </Link>
        <div className="session-row-sub">
          <code className="session-row-program" title={programOf(session)}>
            {programOf(session)}
          </code>
          {project ? <span>{project.name}</span> : null}
          <span>{shortActor(session.author)}</span>
          <Link href={`/runs/${session.run}`} className="session-row-run">
            run {shortId(session.run)}
          </Link>
          {session.end_reason ? <span className="session-row-reason">{session.end_reason}</span> : null}
        </div>
      </div>
      <dl className="session-row-facts small tabular">
        <div>
          <dt className="visually-hidden">Duration</dt>
          <dd>
            <Elapsed from={session.started_at} to={session.ended_at} />
          </dd>
        </div>
        <div>
          <dt className="visually-hidden">Started</dt>
          <dd className="muted" title={formatTime(session.created_at)}>
            <Ago time={session.started_at ?? session.created_at} />
          </dd>
        </div>
        <div>
          <dt className="visually-hidden">Ended</dt>
          <dd className="session-row-replay">
            {session.status === "ended" && session.started_at ? (
              <Link
                href={`/sessions/${session.id}/replay`}
                className="button button-small"
                title={session.ended_at ? `Ended ${formatTime(session.ended_at)}` : undefined}
              >
                <Play aria-hidden />
                Replay
                <span className="visually-hidden"> {session.name}</span>
              </Link>
            ) : null}
          </dd>
        </div>
      </dl>
    </li>
  );
}

function Empty({ filtered, onNew, onAll }: { filtered: boolean; onNew: () => void; onAll: () => void }) {
  return (
    <div className="empty card">
      <SquareTerminal aria-hidden className="empty-icon" />
      <h2>{filtered ? "No session fits this filter" : "No sessions yet"}</h2>
      {filtered ? (
        <button type="button" className="button" onClick={onAll}>
          Show all sessions
        </button>
      ) : (
        <>
          <p className="muted">
            A session is a terminal in a workspace of its own: a shell, a program or an agent. Share it, type
            in turn, and replay it when it is over.
          </p>
          <button type="button" className="button button-primary" onClick={onNew}>
            <Plus aria-hidden />
            Open the first session
          </button>
          <div className="empty-or muted small">or from the command line</div>
          <div className="empty-command">
            <code>{command}</code>
            <CopyButton text={command} label="Copy the command" />
          </div>
        </>
      )}
    </div>
  );
}

export function SessionsPage() {
  const { query } = useLocation();
  const info = useInfo();
  const status = filters.find(([value]) => value === query.get("status"))?.[0] ?? "";
  const run = query.get("run") ?? "";
  const [limit, setLimit] = useState(pageSize);
  const sessions = useResource(`sessions ${status} ${run} ${limit}`, (signal) =>
    api.sessions({ limit, ...(status ? { status } : {}), ...(run ? { run } : {}) }, signal),
  );
  const projects = useResource("projects", api.projects);
  const connection = useAllEvents(sessions.refresh);
  useTitle("Sessions");
  const go = (changes: Record<string, string>) => navigate(withQuery("/sessions", query, changes), "replace");
  const items = sessions.data?.items ?? [];
  const make = () => go({ new: "1" });
  return (
    <div className="page">
      <div className="page-head">
        <h1>Sessions</h1>
        <div className="sessions-actions">
          <fieldset className="segments">
            <legend className="visually-hidden">Status</legend>
            {filters.map(([value, label]) => (
              <label key={value} className="segment">
                <input
                  type="radio"
                  name="status"
                  checked={status === value}
                  onChange={() => go({ status: value })}
                />
                <span>{label}</span>
              </label>
            ))}
          </fieldset>
          {run ? (
            <button type="button" className="button" onClick={() => go({ run: "" })}>
              Of all runs
            </button>
          ) : null}
          <button type="button" className="button" onClick={make}>
            <Plus aria-hidden />
            New session
          </button>
        </div>
      </div>
      {sessions.error ? <ProblemNotice error={sessions.error} /> : null}
      {sessions.data && items.length === 0 ? (
        <Empty
          filtered={status !== "" || run !== ""}
          onNew={make}
          onAll={() => go({ status: "", run: "" })}
        />
      ) : null}
      {items.length > 0 ? (
        // biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets
        <ul role="list" className="session-list card">
          {items.map((session) => (
            <Row
              key={session.id}
              session={session}
              project={projects.data?.items.find(({ id }) => id === session.project)}
            />
          ))}
        </ul>
      ) : null}
      {!sessions.data && !sessions.error ? <div className="run-list-placeholder card" aria-hidden /> : null}
      {sessions.data?.next_cursor && limit < largestList ? (
        <div className="runs-more">
          <button
            type="button"
            className="button"
            onClick={() => setLimit(Math.min(limit + pageSize, largestList))}
          >
            Show more
          </button>
        </div>
      ) : null}
      {query.get("new") && projects.data && info.data ? (
        <NewSessionDialog
          projects={projects.data.items}
          agents={info.data.agents}
          onClose={() => go({ new: "" })}
        />
      ) : null}
      <ConnectionNotice states={[connection]} />
    </div>
  );
}
