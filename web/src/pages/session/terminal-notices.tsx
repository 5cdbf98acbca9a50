import { CircleStop, Eye, Keyboard, LoaderCircle, WifiOff, X } from "lucide-react";
import type { ReactNode } from "react";
import { plural } from "../../base/format";
import { useNow } from "../../base/use-now";
import type { Channel, ChannelState } from "../../session/channel";
import type { ConnectionState, WorkspaceSocket } from "../../session/socket";
import { viewerName } from "../../session/viewer-name";

function Lost({ state, held, onRetry }: { state: ConnectionState; held: number; onRetry: () => void }) {
  const now = useNow(500);
  const seconds = state.retryAt === null ? 0 : Math.ceil((state.retryAt - now) / 1000);
  return (
    <div className="terminal-notice terminal-notice-warning">
      <WifiOff aria-hidden />
      <span>
        Connection lost: what you see may be old.{" "}
        {held > 0 ? `${plural(held, "byte")} that you typed will be sent. ` : "What you type is kept. "}
        <span aria-hidden>{seconds > 0 ? `Trying again in ${seconds} s.` : "Trying again…"}</span>
      </span>
      <button type="button" className="button button-small" onClick={onRetry}>
        Try now
      </button>
    </div>
  );
}

// What a viewer must know of a terminal: announced, and above it.
export function TerminalNotices({
  connection,
  connectionState,
  channel,
  state,
  refusedKeys,
  ended,
}: {
  connection: WorkspaceSocket;
  connectionState: ConnectionState;
  channel: Channel;
  state: ChannelState;
  refusedKeys: boolean; // somebody tried to type
  ended: ReactNode; // what can be done with a session that has ended
}) {
  const holder = state.viewers.find(({ viewer }) => viewer === state.keyboard);
  const others = state.phase === "attached" && !state.ended && holder && !holder.you;
  const live = connectionState.phase === "live";
  const { problem } = state;
  return (
    <div className="terminal-notices" role="status" aria-live="polite">
      {connectionState.phase === "lost" ? (
        <Lost state={connectionState} held={state.held} onRetry={() => connection.retryNow()} />
      ) : null}
      {connectionState.phase === "connecting" || (live && state.phase === "waiting") ? (
        <div className="terminal-notice">
          <LoaderCircle aria-hidden className="spin" />
          <span>Connecting…</span>
        </div>
      ) : null}
      {connectionState.phase === "refused" ? (
        <div className="terminal-notice terminal-notice-bad">
          <WifiOff aria-hidden />
          <span>{connectionState.problem?.message}</span>
          <button type="button" className="button button-small" onClick={() => connection.retryNow()}>
            Try again
          </button>
        </div>
      ) : null}
      {problem && !(others && problem.code === "forbidden") ? (
        <div className="terminal-notice terminal-notice-bad">
          <CircleStop aria-hidden />
          <span>{problem.message}</span>
          {state.phase === "refused" ? null : (
            <button
              type="button"
              className="icon-button"
              aria-label="Dismiss"
              onClick={() => channel.dismissProblem()}
            >
              <X aria-hidden />
            </button>
          )}
        </div>
      ) : null}
      {others && holder && state.role !== "view" ? (
        <div className={refusedKeys ? "terminal-notice terminal-notice-warning" : "terminal-notice"}>
          <Keyboard aria-hidden />
          <span>{viewerName(holder)} has the keyboard.</span>
          <button type="button" className="button button-small" onClick={() => channel.keyboard("take")}>
            Take it
          </button>
        </div>
      ) : null}
      {state.role === "view" && state.phase === "attached" && !state.ended ? (
        <div className={refusedKeys ? "terminal-notice terminal-notice-warning" : "terminal-notice"}>
          <Eye aria-hidden />
          <span>You are watching: what you type goes nowhere.</span>
        </div>
      ) : null}
      {state.ended ? (
        <div className="terminal-notice" data-ended>
          <CircleStop aria-hidden />
          <span>
            The session has ended
            {state.ended.exitCode === null ? "" : ` with exit code ${state.ended.exitCode}`}
            {state.ended.reason ? `: ${state.ended.reason}` : ""}.
          </span>
          {ended}
        </div>
      ) : null}
    </div>
  );
}
