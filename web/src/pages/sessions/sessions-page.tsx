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
import { Ago, Elapsed } from "../../ui/elapsed";
import { EmptyState, OrCommand } from "../../ui/empty-state";
import { ProblemNotice } from "../../ui/problem-notice";
import { Segments } from "../../ui/segments";
import { SessionBadge } from "../../ui/session-status";
import { pageSize, ShowMore } from "../../ui/show-more";
import { NewSessionDialog } from "./new-session";
import "../../ui/rows.css";
import "./sessions-page.css";

const filters = [
  ["", "All"],
  ["running", "Live"],
  ["ended", "Ended"],
] as const;

const programOf = ({ agent, command: words }: Session) =>
  agent ?? (words.length > 0 ? words.join(" ") : "shell");

function Row({ session, project }: { session: Session; project: Project | undefined }) {
  return (
    <li className="row session-row" data-session-row={session.id}>
      <div className="row-status">
        <SessionBadge session={session} />
      </div>
      <div className="row-main">
        <Link href={`/sessions/${session.id}`} className="row-title">
          {session.name}
        </Link>
        <div className="row-sub">
          <code className="session-program" title={programOf(session)}>
            {programOf(session)}
          </code>
          {project ? <span>{project.name}</span> : null}
          <span>{shortActor(session.author)}</span>
          <Link href={`/runs/${session.run}`} className="row-above">
            run {shortId(session.run)}
          </Link>
          {session.end_reason ? <span className="session-reason">{session.end_reason}</span> : null}
        </div>
      </div>
      <dl className="row-facts session-facts tabular">
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
          <dd className="row-above">
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
  if (filtered) {
    return (
      <EmptyState icon={SquareTerminal} title="No session fits this filter">
        <button type="button" className="button" onClick={onAll}>
          Show all sessions
        </button>
      </EmptyState>
    );
  }
  return (
    <EmptyState icon={SquareTerminal} title="No sessions yet">
      <p className="muted">
        A session is a terminal in a workspace of its own: a shell, a program or an agent. Share it, type in
        turn, and replay it when it is over.
      </p>
      <button type="button" className="button button-primary" onClick={onNew}>
        <Plus aria-hidden />
        Open the first session
      </button>
      <OrCommand command="corral session new --repo . -- bash" />
    </EmptyState>
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
          <Segments
            legend="Status"
            name="status"
            options={filters}
            value={status}
            onChange={(value) => go({ status: value })}
          />
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
        <ul role="list" className="rows card">
          {items.map((session) => (
            <Row
              key={session.id}
              session={session}
              project={projects.data?.items.find(({ id }) => id === session.project)}
            />
          ))}
        </ul>
      ) : null}
      {!sessions.data && !sessions.error ? <div className="rows-placeholder card" aria-hidden /> : null}
      {sessions.data?.next_cursor ? <ShowMore limit={limit} onMore={setLimit} /> : null}
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
