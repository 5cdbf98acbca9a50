import { Unlink, UserRound } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { api } from "../../api/client";
import { useResource } from "../../base/use-resource";
import { useTitle } from "../../base/use-title";
import { guestName, keepGuestName, keptGuestName } from "../../session/guest-name";
import { useConnection } from "../../session/use-connection";
import { useVisibleHeight } from "../../session/use-visible-height";
import { Logo, ThemeButton } from "../../top-bar";
import { ProblemNotice } from "../../ui/problem-notice";
import { OfflinePage } from "../offline-page";
import { JoinForm } from "./join-form";
import { LiveSession } from "./live-session";
import "./session-page.css";

const lookAgainMs = 2000;

type Shared = Awaited<ReturnType<typeof api.shared>>;

function Guest({
  token,
  name,
  shared,
  workspace,
}: {
  token: string;
  name: string;
  shared: Shared;
  workspace: string;
}) {
  const place = useRef<HTMLDivElement>(null);
  const height = useVisibleHeight(place);
  const connection = useConnection(workspace, () => api.shared(token), {
    share: token,
    name: guestName(name),
  });
  return (
    <div className="session-page" ref={place} style={{ height }}>
      {connection ? <LiveSession connection={connection} session={shared.session} guest /> : null}
    </div>
  );
}

// What a share link opens: one session, for who has nothing but the link.
export function SharedPage({ token }: { token: string }) {
  const { data, error, refresh } = useResource(`shared ${token}`, (signal) => api.shared(token, signal));
  const [name, setName] = useState(keptGuestName);
  const [asked, setAsked] = useState(name !== null);
  const join = (said: string) => {
    keepGuestName(said);
    setName(said);
    setAsked(true);
  };
  useTitle(data?.session.name ?? "Shared session");
  const starting = data !== null && data.session.workspace === null;
  useEffect(() => {
    if (!starting) return;
    const timer = setInterval(refresh, lookAgainMs);
    return () => clearInterval(timer);
  }, [starting, refresh]);
  return (
    <>
      <header className="top-bar">
        <div className="top-bar-inner shared-bar">
          <span className="brand">
            <Logo />
            <span>Corral</span>
          </span>
          <span className="muted small">
            {data
              ? data.role === "type"
                ? "Shared with you: watch and type"
                : "Shared with you: watch"
              : ""}
          </span>
          <div className="top-bar-end">
            {data && asked ? (
              <button
                type="button"
                className="button button-small"
                aria-label={`${name || "guest"}: change your name`}
                title="Change your name"
                onClick={() => setAsked(false)}
              >
                <UserRound aria-hidden />
                <span className="shared-name">{name || "guest"}</span>
              </button>
            ) : null}
            <ThemeButton />
          </div>
        </div>
      </header>
      <main id="main">
        {data && !asked ? (
          <div className="page join-page">
            <JoinForm session={data.session.name} role={data.role} name={name ?? ""} onJoin={join} />
          </div>
        ) : data?.session.workspace ? (
          <Guest token={token} name={name ?? ""} shared={data} workspace={data.session.workspace} />
        ) : error?.status === 0 ? (
          <OfflinePage onRetry={refresh} />
        ) : error ? (
          <div className="page page-narrow empty">
            <Unlink aria-hidden className="empty-icon" />
            <h1>This link opens nothing</h1>
            {error.status === 404 || error.status === 401 || error.status === 403 ? (
              <p className="muted">
                It was revoked, has run out, or was not copied whole. Ask for another one.
              </p>
            ) : (
              <ProblemNotice error={error} />
            )}
          </div>
        ) : (
          <div className="page empty">
            <p className="muted" role="status">
              {data ? "The session is being started…" : "…"}
            </p>
          </div>
        )}
      </main>
    </>
  );
}
