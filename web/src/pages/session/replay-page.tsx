import { Download, Pause, Play, RotateCcw } from "lucide-react";
import { type KeyboardEvent, type RefObject, useEffect, useRef, useState } from "react";
import { api, sessionPath } from "../../api/client";
import { type ApiError, toApiError } from "../../api/problem";
import type { Session } from "../../api/types";
import { Link } from "../../base/router";
import { useResource } from "../../base/use-resource";
import { useTitle } from "../../base/use-title";
import { loadRecording, type Recording } from "../../session/asciicast";
import { Player } from "../../session/player";
import { usePreferences } from "../../session/preferences";
import type { ReplayView } from "../../session/replay-view";
import { loadTerminal } from "../../session/use-terminal";
import { useVisibleHeight } from "../../session/use-visible-height";
import { CannotShow } from "../../ui/cannot-show";
import { ProblemNotice } from "../../ui/problem-notice";
import { SessionBadge } from "../../ui/session-status";
import "./session-page.css";

const speeds = [0.5, 1, 2, 4, 8, 16];

function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const two = (value: number) => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

// A player on a terminal of its own, in `host`.
function usePlayer(
  host: RefObject<HTMLElement | null>,
  box: RefObject<HTMLElement | null>,
  recording: Recording,
  skipPauses: boolean,
) {
  const [{ fontSize }] = usePreferences();
  const [view, setView] = useState<ReplayView | null>(null);
  const [player, setPlayer] = useState<Player | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    let over = false;
    let made: ReplayView | null = null;
    Promise.all([import("../../session/replay-view"), loadTerminal()])
      .then(([{ ReplayView: View }]) => {
        if (over || !host.current) return;
        made = new View(host.current, fontSize);
        setView(made);
      })
      .catch((cause: unknown) => setError(toApiError(cause)));
    return () => {
      over = true;
      made?.dispose();
      setView(null);
    };
  }, [host, fontSize]);
  useEffect(() => {
    if (!view) return;
    const layOut = () => {
      if (box.current) view.view.layOut(box.current.clientWidth, box.current.clientHeight, true);
    };
    view.view.onSize = layOut;
    const observer = new ResizeObserver(layOut);
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, [view, box]);
  useEffect(() => {
    setPlayer(view ? new Player(recording, view, skipPauses) : null);
  }, [view, recording, skipPauses]);
  return { player, error };
}

function Replay({ session, recording }: { session: Session; recording: Recording }) {
  const place = useRef<HTMLDivElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const height = useVisibleHeight(place);
  const [skipPauses, setSkipPauses] = useState(true);
  const { player, error } = usePlayer(host, box, recording, skipPauses);
  const [at, setAt] = useState(0);
  const [playing, setPlaying] = useState(true);
  const [speed, setSpeed] = useState(1);
  const duration = player?.duration ?? 0;
  const over = player !== null && at >= duration;

  useEffect(() => {
    if (player) void player.seek(Math.min(at, player.duration));
  }, [player, at]);
  useEffect(() => {
    if (!playing || !player) return;
    let frame = 0;
    let before = performance.now();
    const step = (now: number) => {
      const passed = ((now - before) / 1000) * speed;
      before = now;
      setAt((old) => Math.min(player.duration, old + passed));
      frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [playing, player, speed]);
  useEffect(() => {
    if (over) setPlaying(false);
  }, [over]);

  const toggle = () => {
    if (over) setAt(0);
    setPlaying(!playing);
  };
  const jump = (to: number) => setAt(Math.max(0, Math.min(duration, to)));
  const keys = (event: KeyboardEvent) => {
    const onControl = (event.target as HTMLElement).closest("button, select, input, a");
    if (event.key === " " && !onControl) {
      event.preventDefault();
      toggle();
    }
    if (event.key === "ArrowLeft" && !onControl) jump(at - 5);
    if (event.key === "ArrowRight" && !onControl) jump(at + 5);
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys for all of the page, each also a control
    <div className="session-page" ref={place} style={{ height }} onKeyDown={keys}>
      <section className="live-session" aria-label={`Recording of ${session.name}`}>
        <header className="session-head">
          <h1 className="session-name">{session.name}</h1>
          <SessionBadge session={session} />
          <div className="session-tools">
            <Link href={`/sessions/${session.id}`} className="session-run small">
              {session.status === "ended" ? "Its last screen" : "Live"}
            </Link>
            <a
              className="icon-button"
              href={`${sessionPath(session.id)}/recording`}
              download={`${session.id}.cast`}
              aria-label="Download the recording"
              title="Download the recording"
            >
              <Download aria-hidden />
            </a>
          </div>
        </header>
        {error ? <ProblemNotice error={error} /> : null}
        {recording.cut ? (
          <p className="notice notice-warning">
            This recording is very long: its beginning is shown. All of it can be downloaded.
          </p>
        ) : null}
        <div className="terminal-frame">
          <div className="terminal-box" ref={box}>
            {/* biome-ignore lint/a11y/useSemanticElements: a group of what a terminal shows, no fields */}
            <div className="terminal-host" ref={host} role="group" aria-label="Recorded terminal" />
          </div>
        </div>
        <div className="replay-controls">
          <button
            type="button"
            className="button replay-play"
            aria-label={playing ? "Pause" : over ? "Play again" : "Play"}
            onClick={toggle}
          >
            {playing ? <Pause aria-hidden /> : over ? <RotateCcw aria-hidden /> : <Play aria-hidden />}
          </button>
          <input
            type="range"
            className="replay-scrubber"
            aria-label="Position in the recording"
            aria-valuetext={`${clock(at)} of ${clock(duration)}`}
            min={0}
            max={duration}
            step="any"
            value={Math.min(at, duration)}
            onChange={(event) => jump(Number(event.target.value))}
            onKeyDown={(event) => {
              const by = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5 }[event.key];
              if (by === undefined) return;
              event.preventDefault();
              jump(at + by);
            }}
          />
          <span className="replay-clock small tabular">
            {clock(at)} / {clock(duration)}
          </span>
          <select
            className="input replay-speed"
            aria-label="Speed"
            value={speed}
            onChange={(event) => setSpeed(Number(event.target.value))}
          >
            {speeds.map((value) => (
              <option key={value} value={value}>
                {value}×
              </option>
            ))}
          </select>
          <label className="replay-skip small">
            <input
              type="checkbox"
              checked={skipPauses}
              onChange={(event) => {
                setSkipPauses(event.target.checked);
                setAt(0);
              }}
            />
            Skip pauses
          </label>
        </div>
      </section>
    </div>
  );
}

export function ReplayPage({ id }: { id: string }) {
  const session = useResource(`session ${id}`, (signal) => api.session(id, signal));
  const recording = useResource(`recording ${id}`, (signal) =>
    loadRecording(`${sessionPath(id)}/recording`, signal),
  );
  useTitle(session.data ? `Replay of ${session.data.name}` : "Replay");
  const error = session.error ?? recording.error;
  if (session.data && recording.data && recording.data.events.length > 0)
    return <Replay session={session.data} recording={recording.data} />;
  return (
    <CannotShow
      error={error}
      kind="session"
      what="recording"
      all="/sessions"
      loading={
        <>
          <div className="empty">
            <p className="muted" role="status">
              {recording.data ? "This session printed nothing." : "Loading the recording…"}
            </p>
          </div>
          <Link href="/sessions">All sessions</Link>
        </>
      }
    />
  );
}
