import { Columns2, FolderTree, Plus, X } from "lucide-react";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { api } from "../../api/client";
import { type ApiError, toApiError } from "../../api/problem";
import type { NewSession, Session } from "../../api/types";
import { useAllEvents } from "../../api/use-all-events";
import { Link, navigate, useLocation, withQuery } from "../../base/router";
import { uniqueKey } from "../../base/unique-key";
import { useResource } from "../../base/use-resource";
import { useTitle } from "../../base/use-title";
import { useConnection } from "../../session/use-connection";
import { useVisibleHeight } from "../../session/use-visible-height";
import { CannotShow } from "../../ui/cannot-show";
import { ProblemNotice } from "../../ui/problem-notice";
import { SessionBadge } from "../../ui/session-status";
import { LiveSession } from "./live-session";
import "./session-page.css";

const WorkspaceFiles = lazy(() =>
  import("../../files/workspace-files").then((all) => ({ default: all.WorkspaceFiles })),
);

const lookAgainMs = 1000; // until a session that is being started has a workspace

// Its program may begin in a while: a workspace is made first.
function Starting({ session }: { session: Session }) {
  return (
    <div className="session-starting" role="status">
      <div className="empty">
        <SessionBadge session={session} />
        <h1>{session.name}</h1>
        {session.status === "ended" ? (
          <p>It ended before it began{session.end_reason ? `: ${session.end_reason}` : "."}</p>
        ) : (
          <p className="muted">Its workspace is being made ready.</p>
        )}
        <Link href={`/runs/${session.run}`}>Its run</Link>
      </div>
    </div>
  );
}

function Tabs({
  sessions,
  current,
  beside,
  files,
  onSplit,
  onNew,
  onFiles,
}: {
  sessions: Session[];
  current: string;
  beside: string;
  files: boolean; // are shown
  onSplit: (id: string) => void;
  onNew: (() => void) | null;
  onFiles: () => void;
}) {
  return (
    <nav className="session-tabs" aria-label="Sessions of this workspace">
      {sessions.map((session) => (
        <span
          key={session.id}
          className={session.id === current ? "session-tab session-tab-current" : "session-tab"}
        >
          <Link
            href={`/sessions/${session.id}${files ? "?files=1" : ""}`}
            aria-current={session.id === current ? "page" : undefined}
            data-tone={session.status}
          >
            {session.name}
          </Link>
          {session.id === current ? null : (
            <button
              type="button"
              className="icon-button session-split"
              aria-label={
                session.id === beside ? `Close ${session.name} here` : `Show ${session.name} beside this one`
              }
              aria-pressed={session.id === beside}
              onClick={() => onSplit(session.id === beside ? "" : session.id)}
            >
              {session.id === beside ? <X aria-hidden /> : <Columns2 aria-hidden />}
            </button>
          )}
        </span>
      ))}
      {onNew ? (
        <button
          type="button"
          className="icon-button"
          aria-label="New shell in this workspace"
          title="New shell in this workspace"
          onClick={onNew}
        >
          <Plus aria-hidden />
        </button>
      ) : null}
      <button
        type="button"
        className="button button-small session-files-button"
        aria-pressed={files}
        onClick={onFiles}
      >
        <FolderTree aria-hidden />
        Files
      </button>
    </nav>
  );
}

// All sessions of one workspace, over one connection: one of them is shown, or two side by side.
function Workspace({ session, workspace }: { session: Session; workspace: string }) {
  const { query } = useLocation();
  const place = useRef<HTMLDivElement>(null);
  const height = useVisibleHeight(place);
  const connection = useConnection(workspace, () => api.session(session.id));
  const siblings = useResource(`sessions of ${session.run}`, (signal) =>
    api.sessions({ run: session.run, limit: 100 }, signal),
  );
  useAllEvents(siblings.refresh);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const others = siblings.data?.items.filter((other) => other.workspace === workspace) ?? [];
  const sessions = others.length > 0 ? [...others].reverse() : [session];
  const files = query.get("files") === "1";
  const beside = files
    ? null
    : (sessions.find(({ id }) => id !== session.id && id === query.get("beside")) ?? null);
  const show = (changes: Record<string, string>) =>
    navigate(withQuery(`/sessions/${session.id}`, query, changes), "replace");
  const key = useRef(uniqueKey());
  const add = async () => {
    setProblem(null);
    try {
      const made = await api.createSession({ run: session.run } as NewSession, key.current);
      key.current = uniqueKey();
      navigate(`/sessions/${made.id}?fit=1`);
    } catch (cause) {
      setProblem(toApiError(cause));
    }
  };
  return (
    <div className="session-page" ref={place} style={{ height }}>
      <Tabs
        sessions={sessions}
        current={session.id}
        beside={beside?.id ?? ""}
        files={files}
        onSplit={(id) => show({ beside: id, files: "", file: "" })}
        onNew={session.status === "running" ? () => void add() : null}
        onFiles={() => show({ beside: "", files: files ? "" : "1", file: "" })}
      />
      {problem ? <ProblemNotice error={problem} /> : null}
      {connection ? (
        <div
          className={
            files
              ? "session-panes session-panes-files"
              : beside
                ? "session-panes session-panes-two"
                : "session-panes"
          }
        >
          <LiveSession
            key={session.id}
            connection={connection}
            session={session}
            fit={query.get("fit") === "1"}
            extra={
              <Link href={`/runs/${session.run}`} className="session-run small">
                Run
              </Link>
            }
          />
          {beside ? <LiveSession key={beside.id} connection={connection} session={beside} /> : null}
          {files ? (
            <section className="session-files" aria-label="Files of this workspace">
              <Suspense fallback={<div className="run-placeholder" aria-hidden />}>
                <WorkspaceFiles
                  run={session.run}
                  version={session.status}
                  possible
                  over={session.status === "ended"}
                />
              </Suspense>
            </section>
          ) : null}
        </div>
      ) : null}
    </div>
  );
}

export function LiveSessionPage({ id }: { id: string }) {
  const { data, error, refresh } = useResource(`session ${id}`, (signal) => api.session(id, signal));
  const [kept, setKept] = useState<Session | null>(null); // while another tab's session is on its way
  if (data && data !== kept) setKept(data);
  const session = data ?? (error ? null : kept);
  useTitle(session?.name ?? "Session");
  const starting = session !== null && session.workspace === null && session.status !== "ended";
  useEffect(() => {
    if (!starting) return;
    const timer = setInterval(refresh, lookAgainMs);
    return () => clearInterval(timer);
  }, [starting, refresh]);
  if (session?.workspace) {
    return <Workspace key={session.workspace} session={session} workspace={session.workspace} />;
  }
  if (session) return <Starting session={session} />;
  return (
    <CannotShow
      error={error}
      kind="session"
      all="/sessions"
      loading={<div className="run-placeholder" aria-hidden />}
    />
  );
}
