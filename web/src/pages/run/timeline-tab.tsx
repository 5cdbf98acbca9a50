import {
  ArrowDown,
  Brain,
  Check,
  ChevronRight,
  CircleAlert,
  CircleX,
  FilePen,
  FilePlus2,
  FileSearch,
  Flag,
  Globe,
  Hand,
  Info,
  ListTodo,
  LoaderCircle,
  Play,
  Search,
  SquareTerminal,
  User,
  Users,
  Wrench,
} from "lucide-react";
import { memo, useId, useState } from "react";
import type { Run } from "../../api/types";
import { formatClock, formatDuration } from "../../base/format";
import { parseAnsi, plainStyle } from "../../text/ansi";
import { AnsiText } from "../../ui/ansi-text";
import { ConnectionNotice } from "../../ui/connection";
import { Markdown } from "../../ui/markdown";
import { CallBody, opensByItself } from "./call-body";
import { type CallIcon, describeCall } from "./call-title";
import type { CallItem, CallPermission, TimelineItem } from "./timeline-model";
import { useFollow } from "./use-follow";
import type { TimelineView } from "./use-timeline";
import "./timeline.css";

const callIcons: Record<CallIcon, typeof Wrench> = {
  run: SquareTerminal,
  edit: FilePen,
  write: FilePlus2,
  read: FileSearch,
  search: Search,
  web: Globe,
  todo: ListTodo,
  delegate: Users,
  tool: Wrench,
};

const shortOutput = 8; // lines of a result shown before someone asks for more
const longestOutput = 4000; // and after; the log has the rest

function Output({ text, isError }: { text: string; isError: boolean }) {
  const lines = text.replace(/\n+$/, "").split("\n");
  const [open, setOpen] = useState(lines.length <= shortOutput + 4);
  const shown = open ? lines.slice(0, longestOutput) : lines.slice(0, shortOutput);
  let style = plainStyle;
  return (
    <div className={isError ? "output output-error" : "output"}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>
        {shown.map((line, index) => {
          const parsed = parseAnsi(line, style);
          style = parsed.style;
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity but their place
            <span key={index}>
              <AnsiText pieces={parsed.pieces} />
              {"\n"}
            </span>
          );
        })}
      </pre>
      {lines.length > shown.length || open !== lines.length <= shortOutput + 4 ? (
        <button type="button" className="link-button small more-button" onClick={() => setOpen(!open)}>
          {open ? "Show less" : `Show all ${lines.length} lines`}
        </button>
      ) : null}
    </div>
  );
}

function PermissionMark({ permission }: { permission: CallPermission }) {
  const looks = {
    asked: ["chip chip-warning", Hand, "waits for you"],
    allowed: ["chip", Check, "allowed"],
    denied: ["chip chip-bad", CircleX, "denied"],
  } as const;
  const [className, Icon, word] = looks[permission.state];
  return (
    <span className={className}>
      <Icon aria-hidden />
      {word}
    </span>
  );
}

function CallStatus({ item, live }: { item: CallItem; live: boolean }) {
  if (!item.result) {
    if (!live || item.permission?.state === "asked") return null;
    return (
      <span className="call-busy tone-running">
        <LoaderCircle aria-label="running" className="spin" />
      </span>
    );
  }
  const took = Date.parse(item.result.time) - Date.parse(item.time);
  return (
    <span className="call-took muted tabular">
      {item.result.isError ? (
        <span className="call-failed">
          <CircleX aria-hidden />
          failed
        </span>
      ) : null}
      {took >= 100 ? formatDuration(took) : null}
    </span>
  );
}

const Call = memo(function Call({ item, live }: { item: CallItem; live: boolean }) {
  const { icon, verb, target, note } = describeCall(item.tool, item.input);
  const Icon = callIcons[icon];
  const failed = item.result?.isError === true;
  const [chosen, setChosen] = useState<boolean | null>(null);
  const open = chosen ?? (failed || opensByItself(item.tool, item.input) || item.tool === "Bash");
  const bodyId = useId();
  // An edit's or a read's result repeats what is known; it matters when it failed, or when someone opens the card.
  const quiet = ["Edit", "MultiEdit", "Write", "TodoWrite"].includes(item.tool) && !failed;
  const showsCommand = item.tool !== "Bash" || opensByItself(item.tool, item.input);
  return (
    <div className={failed ? "call card call-bad" : "call card"} data-tool={item.tool}>
      <button
        type="button"
        className="call-head"
        aria-expanded={open}
        aria-controls={bodyId}
        onClick={() => setChosen(!open)}
      >
        <Icon aria-hidden className="call-icon" />
        <span className="call-title">
          <span className="call-verb">{verb}</span> {target ? <code>{target}</code> : null}
          {note ? <span className="call-note muted">{note}</span> : null}
        </span>
        {item.permission ? <PermissionMark permission={item.permission} /> : null}
        <CallStatus item={item} live={live} />
        <ChevronRight aria-hidden className="call-chevron" />
      </button>
      <div id={bodyId} className="call-body" hidden={!open}>
        {open ? (
          <>
            {item.permission?.state === "denied" && item.permission.text ? (
              <p className="small call-denied">{item.permission.text}</p>
            ) : null}
            {showsCommand ? <CallBody tool={item.tool} input={item.input} /> : null}
            {item.result && !quiet && item.result.text ? (
              <Output text={item.result.text} isError={item.result.isError} />
            ) : null}
            {item.result && item.result.text === "" ? <p className="muted small">No output</p> : null}
          </>
        ) : null}
      </div>
    </div>
  );
});

const Thought = memo(function Thought({ text }: { text: string }) {
  const [open, setOpen] = useState(false);
  const long = text.length > 280 || text.split("\n").length > 3;
  return (
    <div className="thought">
      <div className={open || !long ? "thought-text" : "thought-text thought-short"}>{text}</div>
      {long ? (
        <button
          type="button"
          className="link-button small"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {open ? "Less" : "More"}
        </button>
      ) : null}
    </div>
  );
});

const noteLooks = { start: Play, finish: Flag, notice: Info, error: CircleAlert };

function noteText(item: Extract<TimelineItem, { kind: "note" }>): string {
  if (item.tone === "start") return item.text ? `The agent started with ${item.text}` : "The agent started";
  if (item.tone === "finish") return "The agent finished";
  return item.text;
}

const Entry = memo(function Entry({ item, live }: { item: TimelineItem; live: boolean }) {
  const time = item.time ? (
    <time className="entry-time muted tabular" dateTime={item.time}>
      {formatClock(item.time)}
    </time>
  ) : null;
  if (item.kind === "call") {
    return (
      <li className="entry entry-call">
        {time}
        <span className="entry-dot" aria-hidden />
        <Call item={item} live={live} />
      </li>
    );
  }
  if (item.kind === "note") {
    const Icon = noteLooks[item.tone];
    return (
      <li className={`entry entry-note entry-${item.tone}`}>
        {time}
        <span className="entry-icon" aria-hidden>
          <Icon />
        </span>
        <div className="note-text">{noteText(item)}</div>
      </li>
    );
  }
  return (
    <li className={`entry entry-${item.kind}`}>
      {time}
      <span className="entry-icon" aria-hidden>
        {item.kind === "thought" ? <Brain /> : <span className="entry-voice" />}
      </span>
      {item.kind === "thought" ? <Thought text={item.text} /> : <Markdown text={item.text} />}
    </li>
  );
});

function Prompt({ run }: { run: Run }) {
  const [open, setOpen] = useState(false);
  const long = run.prompt.length > 600 || run.prompt.split("\n").length > 8;
  const text =
    open || !long
      ? run.prompt.slice(0, 100_000)
      : run.prompt.split("\n").slice(0, 8).join("\n").slice(0, 600);
  return (
    <li className="entry entry-prompt">
      <time className="entry-time muted tabular" dateTime={run.created_at}>
        {formatClock(run.created_at)}
      </time>
      <span className="entry-icon" aria-hidden>
        <User />
      </span>
      <div className="prompt">
        <h2 className="visually-hidden">Prompt</h2>
        <div className="prompt-text">
          {text}
          {long && !open ? "…" : ""}
        </div>
        {long ? (
          <button
            type="button"
            className="link-button small"
            aria-expanded={open}
            onClick={() => setOpen(!open)}
          >
            {open ? "Show less" : "Show the whole prompt"}
          </button>
        ) : null}
      </div>
    </li>
  );
}

export function TimelineTab({ run, timeline, live }: { run: Run; timeline: TimelineView; live: boolean }) {
  const { following, atEnd, follow, end } = useFollow(timeline.items.length, live);
  const agentOver = run.steps.some((step) => step.kind === "agent" && step.finished_at !== null);
  return (
    <div className="timeline-wrap">
      {/* biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets */}
      <ol role="list" className="timeline" aria-label="What happened">
        <Prompt run={run} />
        {timeline.items.map((item) => (
          <Entry key={item.key} item={item} live={live} />
        ))}
        {live && !agentOver && !run.waiting ? (
          <li className="entry entry-working">
            <span className="entry-icon" aria-hidden>
              <LoaderCircle className="spin" />
            </span>
            <span className="muted">
              {timeline.items.length > 0 ? "Working…" : "Preparing the workspace…"}
            </span>
          </li>
        ) : null}
      </ol>
      <div ref={end} className="timeline-end" />
      {live && !atEnd && !following ? (
        <button type="button" className="button jump" onClick={follow}>
          <ArrowDown aria-hidden />
          Follow
        </button>
      ) : null}
      <ConnectionNotice states={[timeline.state]} />
    </div>
  );
}
