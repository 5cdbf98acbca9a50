import { Copy, Eye, Keyboard, KeyboardOff, Link2, Maximize2, Search } from "lucide-react";
import { type ReactNode, type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import { api, sessionPath } from "../../api/client";
import type { Session } from "../../api/types";
import { copyText } from "../../base/copy";
import { Link } from "../../base/router";
import type { Channel, ChannelState } from "../../session/channel";
import { usePreferences } from "../../session/preferences";
import type { ConnectionState, WorkspaceSocket } from "../../session/socket";
import type { TerminalView } from "../../session/terminal-view";
import { useStore } from "../../session/use-connection";
import { useTerminal } from "../../session/use-terminal";
import { viewerName } from "../../session/viewer-name";
import { ConfirmDialog } from "../../ui/confirm-dialog";
import { Menu, type MenuItem } from "../../ui/menu";
import { ProblemNotice } from "../../ui/problem-notice";
import { SessionBadge } from "../../ui/session-status";
import { KeyRow } from "./key-row";
import { PasteDialog } from "./paste-dialog";
import { Presence } from "./presence";
import { RenameDialog } from "./rename-dialog";
import { type Matches, SearchBar } from "./search-bar";
import { ShareDialog } from "./share-dialog";
import { TerminalNotices } from "./terminal-notices";
import "./session-page.css";

function KeyboardMenu({ channel, state }: { channel: Channel; state: ChannelState }) {
  const mine = state.viewers.some(({ viewer, you }) => you && viewer === state.keyboard);
  const items: MenuItem[] = [
    mine
      ? { id: "free", label: "Let everyone type", onSelect: () => channel.keyboard("free") }
      : {
          id: "take",
          label: "Take the keyboard",
          hint: "Nobody else types until you give it back",
          onSelect: () => channel.keyboard("take"),
        },
    ...state.viewers
      .filter(({ you, role }) => !you && role !== "view")
      .map((viewer) => ({
        id: viewer.viewer,
        label: `Give it to ${viewerName(viewer)}`,
        disabled: !channel.mayType,
        onSelect: () => channel.keyboard("give", viewer.viewer),
      })),
  ];
  return (
    <Menu
      label={mine ? "Keyboard: you have it" : state.keyboard ? "Keyboard: taken" : "Keyboard: everyone types"}
      icon={state.keyboard && !mine ? <KeyboardOff aria-hidden /> : <Keyboard aria-hidden />}
      items={items}
    />
  );
}

function Line({
  state,
  connection,
  title,
}: {
  state: ChannelState;
  connection: ConnectionState;
  title: string;
}) {
  const live = connection.phase === "live" && state.phase === "attached" && !state.ended;
  return (
    <div className="terminal-line muted small tabular">
      <span className={live ? "terminal-dot terminal-dot-live" : "terminal-dot"} aria-hidden />
      <span>{state.ended ? "Ended" : live ? "Live" : "Not connected"}</span>
      {live && connection.roundTripMs !== null ? <span>{connection.roundTripMs} ms</span> : null}
      <span>
        {state.columns} × {state.rows}
      </span>
      {state.held > 0 && live ? <span>{state.held} bytes on their way</span> : null}
      {title ? <span className="terminal-title">{title}</span> : null}
    </div>
  );
}

// Keeps the terminal laid out in its box, and the session's size that of the box while it is fitted to it.
function useLayout(
  box: RefObject<HTMLElement | null>,
  view: TerminalView | null,
  channel: Channel | null,
  whole: boolean,
  fontSize: number,
  fitted: boolean,
) {
  useLayoutEffect(() => {
    if (!view || !channel) return;
    let timer = 0;
    let before = "";
    const layOut = () => {
      const element = box.current;
      if (!element || element.clientWidth === 0) return;
      view.setFontSize(fontSize);
      const { clientWidth: width, clientHeight: height } = element;
      if (fitted && channel.state.phase === "attached" && !channel.state.ended) {
        const { columns, rows } = view.sizeFor(width, height);
        const wanted = `${columns}x${rows}`;
        clearTimeout(timer);
        // A window that is being dragged would otherwise make the program redraw itself all the time.
        if (wanted !== before) timer = window.setTimeout(() => channel.resize(columns, rows), 150);
        before = wanted;
      }
      view.layOut(width, height, whole);
    };
    view.onSize = layOut;
    const observer = new ResizeObserver(layOut);
    if (box.current) observer.observe(box.current);
    let phase = channel.state.phase;
    const stop = channel.subscribe(() => {
      if (channel.state.phase === phase) return;
      phase = channel.state.phase;
      before = "";
      layOut();
    });
    layOut();
    return () => {
      clearTimeout(timer);
      observer.disconnect();
      stop();
      view.onSize = () => {};
    };
  }, [box, view, channel, whole, fontSize, fitted]);
}

export function LiveSession({
  connection,
  session: given,
  guest = false,
  fit: fitAtFirst = false,
  extra,
}: {
  connection: WorkspaceSocket;
  session: Session;
  guest?: boolean;
  fit?: boolean; // its size follows this window from the start
  extra?: ReactNode; // of the page that it is on
}) {
  const box = useRef<HTMLDivElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const tools = useRef<HTMLDivElement>(null);
  const [preferences, setPreferences] = usePreferences();
  const [title, setTitle] = useState("");
  const [searching, setSearching] = useState(false);
  const [matches, setMatches] = useState<Matches>({ index: -1, count: 0 });
  const [risky, setRisky] = useState<string | null>(null);
  const [refusedKeys, setRefusedKeys] = useState(false);
  const [control, setControl] = useState(false);
  const [fitted, setFitted] = useState(fitAtFirst && !guest);
  const [asking, setAsking] = useState<"share" | "rename" | "stop" | null>(null);
  const [renamed, setRenamed] = useState<Session | null>(null);
  const { view, channel, error } = useTerminal(host, connection, given.id, guest ? "type" : "own", {
    fontSize: preferences.fontSize,
    screenReader: preferences.screenReader,
    onTitle: setTitle,
    onRiskyPaste: setRisky,
    onRefusedKey: () => setRefusedKeys(true),
    onMatches: (index, count) => setMatches({ index, count }),
    onSearch: () => setSearching(true),
    onControl: setControl,
    onLeave: () => tools.current?.querySelector("button")?.focus(),
  });
  const state = useStore(channel);
  const connectionState = useStore(connection);
  const session = state?.session ?? renamed ?? given;
  const mayType = channel?.mayType ?? false;
  const owns = state?.role === "own" && !state.ended;
  useLayout(box, view, channel, preferences.whole, preferences.fontSize, fitted && owns);
  useEffect(() => {
    view?.setWritable(mayType);
    if (mayType) setRefusedKeys(false);
  }, [view, mayType]);
  const over = state?.ended != null;
  useEffect(() => {
    if (over) view?.hideCursor();
  }, [view, over]);
  useEffect(() => {
    view?.setScreenReader(preferences.screenReader);
  }, [view, preferences.screenReader]);
  const started = view !== null && state?.phase === "attached";
  useEffect(() => {
    if (started && matchMedia("(pointer: fine)").matches && document.activeElement?.tagName !== "INPUT")
      view?.focus();
  }, [started, view]);

  const watching = state?.role === "view";
  const items: MenuItem[] = [
    {
      id: "whole",
      label: preferences.whole ? "Actual size" : "Show the whole screen",
      hint: preferences.whole ? "Scroll to what does not fit" : "With smaller letters, if it must be",
      onSelect: () => setPreferences({ whole: !preferences.whole }),
    },
    {
      id: "larger",
      label: "Larger letters",
      onSelect: () => setPreferences({ fontSize: preferences.fontSize + 1 }),
    },
    {
      id: "smaller",
      label: "Smaller letters",
      onSelect: () => setPreferences({ fontSize: preferences.fontSize - 1 }),
    },
    {
      id: "reader",
      label: preferences.screenReader ? "Screen reader mode: on" : "Screen reader mode: off",
      onSelect: () => setPreferences({ screenReader: !preferences.screenReader }),
    },
  ];
  if (!guest) {
    if (state && !state.ended)
      items.push({
        id: "watch",
        label: watching ? "Type again" : "Only watch",
        onSelect: () => channel?.changeRole(watching ? "own" : "view"),
      });
    items.push(
      { id: "rename", label: "Rename…", onSelect: () => setAsking("rename") },
      {
        id: "recording",
        label: "Download the recording",
        hint: "asciicast, for asciinema and others",
        onSelect: () => window.location.assign(`${sessionPath(session.id)}/recording`),
      },
      {
        id: "log",
        label: "Open the log",
        hint: "Every byte that it printed",
        onSelect: () => window.open(`${sessionPath(session.id)}/log`, "_blank", "noopener"),
      },
    );
    if (session.status !== "ended")
      items.push({ id: "stop", label: "Stop the session…", onSelect: () => setAsking("stop") });
  }

  return (
    <section className="live-session" aria-label={`Session ${session.name}`} data-session={session.id}>
      <header className="session-head">
        <h1 className="session-name">{session.name}</h1>
        <SessionBadge session={session} />
        {state ? <Presence state={state} /> : null}
        <div className="session-tools" ref={tools}>
          {extra}
          {state && channel && !state.ended && !watching ? (
            <KeyboardMenu channel={channel} state={state} />
          ) : null}
          {watching ? (
            <span className="chip">
              <Eye aria-hidden />
              Watching
            </span>
          ) : null}
          {owns ? (
            <button
              type="button"
              className="icon-button"
              aria-pressed={fitted}
              aria-label="Fit the session to my window"
              title="Fit the session to my window, for everybody"
              onClick={() => setFitted(!fitted)}
            >
              <Maximize2 aria-hidden />
            </button>
          ) : null}
          <button
            type="button"
            className="icon-button"
            aria-label="Copy the selection"
            title="Copy the selection (Ctrl Shift C)"
            onClick={() => view?.selection && void copyText(view.selection)}
          >
            <Copy aria-hidden />
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label="Search"
            aria-expanded={searching}
            title="Search (Ctrl Shift F)"
            onClick={() => setSearching(!searching)}
          >
            <Search aria-hidden />
          </button>
          {guest ? null : (
            <button
              type="button"
              className="icon-button"
              aria-label="Share"
              title="Share"
              onClick={() => setAsking("share")}
            >
              <Link2 aria-hidden />
            </button>
          )}
          <Menu label="More about this session" items={items} />
        </div>
      </header>
      {error ? <ProblemNotice error={error} /> : null}
      {state && channel ? (
        <TerminalNotices
          connection={connection}
          connectionState={connectionState}
          channel={channel}
          state={state}
          refusedKeys={refusedKeys}
          ended={
            guest ? null : (
              <Link href={`/sessions/${session.id}/replay`} className="button button-small">
                Replay
              </Link>
            )
          }
        />
      ) : null}
      <div className="terminal-frame">
        {searching && view ? (
          <SearchBar
            view={view}
            matches={matches}
            onClose={() => {
              setSearching(false);
              view.focus();
            }}
          />
        ) : null}
        <div className="terminal-box" ref={box}>
          {/* biome-ignore lint/a11y/useSemanticElements: a group of what a terminal shows, no fields */}
          <div
            className="terminal-host"
            ref={host}
            role="group"
            aria-label="Terminal. Ctrl Shift X leaves it"
          />
        </div>
      </div>
      {view && state && !state.ended && !watching ? (
        <KeyRow view={view} control={control} disabled={!mayType} />
      ) : null}
      {state ? <Line state={state} connection={connectionState} title={title} /> : null}
      {risky !== null && view ? (
        <PasteDialog
          text={risky}
          onPaste={(text) => {
            view.pasteText(text);
            view.focus();
          }}
          onClose={() => setRisky(null)}
        />
      ) : null}
      {asking === "share" ? <ShareDialog session={session.id} onClose={() => setAsking(null)} /> : null}
      {asking === "rename" ? (
        <RenameDialog session={session} onClose={() => setAsking(null)} onRenamed={setRenamed} />
      ) : null}
      {asking === "stop" ? (
        <ConfirmDialog
          title={`Stop ${session.name}?`}
          action="Stop the session"
          keep="Let it run"
          danger
          onConfirm={async () => {
            await api.stopSession(session.id);
          }}
          onClose={() => setAsking(null)}
        >
          <p>Its program and everything it started are ended. What it printed stays, and can be replayed.</p>
        </ConfirmDialog>
      ) : null}
    </section>
  );
}
