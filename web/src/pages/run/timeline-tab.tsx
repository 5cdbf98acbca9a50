import { ArrowDown, Brain, CircleAlert, Flag, Info, LoaderCircle, Play, User } from "lucide-react";
import { memo, type ReactNode, useState } from "react";
import type { Run, RunEvent } from "../../api/types";
import { formatClock } from "../../base/format";
import { ConnectionNotice } from "../../ui/connection";
import { Markdown } from "../../ui/markdown";
import { MoreButton } from "../../ui/more-button";
import { CallCard } from "./call-card";
import { PlanCard } from "./plan-card";
import { SteerPanel } from "./steer-panel";
import type { PromptItem, TimelineItem } from "./timeline-model";
import { useFollow } from "./use-follow";
import type { TimelineView } from "./use-timeline";
import "./timeline.css";

const Thought = memo(function Thought({ text }: { text: string }) {
  const [open, setOpen] = useState(false);
  const long = text.length > 280 || text.split("\n").length > 3;
  return (
    <div className="thought">
      <div className={open || !long ? "thought-text" : "thought-text thought-short"}>{text}</div>
      {long ? <MoreButton open={open} more="More" less="Less" onChange={setOpen} /> : null}
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
        <CallCard item={item} live={live} />
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
  if (item.kind === "plan") {
    return (
      <li className="entry entry-call">
        {time}
        <span className="entry-dot" aria-hidden />
        <PlanCard item={item} />
      </li>
    );
  }
  if (item.kind === "prompt") {
    return <FurtherPrompt item={item} live={live} />;
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

// What a person says to the agent.
function PersonEntry({
  time,
  title,
  waits = false,
  children,
}: {
  time: string;
  title: string;
  waits?: boolean; // the agent has not heard it
  children: ReactNode;
}) {
  return (
    <li className={waits ? "entry entry-prompt entry-unheard" : "entry entry-prompt"}>
      <time className="entry-time muted tabular" dateTime={time}>
        {formatClock(time)}
      </time>
      <span className="entry-icon" aria-hidden>
        <User />
      </span>
      <div className="prompt">
        <h2 className="visually-hidden">{title}</h2>
        {children}
      </div>
    </li>
  );
}

function FurtherPrompt({ item, live }: { item: PromptItem; live: boolean }) {
  const { state } = item;
  const queued = state === "queued" && live;
  const heard = state === "given";
  return (
    <PersonEntry time={item.time} title="A further task" waits={!heard}>
      {heard ? null : (
        <p className="prompt-state small" data-prompt={queued ? "queued" : "never"}>
          {queued ? "Queued: the agent gets it when its turn is over" : "The agent ended before it got this"}
        </p>
      )}
      <div className="prompt-text">{item.text}</div>
    </PersonEntry>
  );
}

const isQueued = (item: TimelineItem) => item.kind === "prompt" && item.state === "queued";

const longestPrompt = 100_000; // characters of a prompt put into the page

function Prompt({ run }: { run: Run }) {
  const [open, setOpen] = useState(false);
  const start = run.prompt.slice(0, 600).split("\n", 8).join("\n");
  const long = start.length < run.prompt.trimEnd().length;
  const text = open || !long ? run.prompt.slice(0, longestPrompt) : start;
  return (
    <PersonEntry time={run.created_at} title="Prompt">
      <div className="prompt-text">
        {text}
        {long && !open ? "…" : ""}
      </div>
      {long ? (
        <MoreButton open={open} more="Show the whole prompt" less="Show less" onChange={setOpen} />
      ) : null}
    </PersonEntry>
  );
}

export function TimelineTab({
  run,
  events,
  timeline,
  live,
  onChanged,
}: {
  run: Run;
  events: RunEvent[];
  timeline: TimelineView;
  live: boolean;
  onChanged: (run: Run) => void;
}) {
  const { following, atEnd, follow, end } = useFollow(timeline.items.length, live);
  const asleep = run.steps.some(({ kind, status }) => kind === "agent" && status === "waiting");
  const entry = (item: TimelineItem) => <Entry key={item.key} item={item} live={live} />;
  const agentOver = run.steps.some((step) => step.kind === "agent" && step.finished_at !== null);
  return (
    <div className="timeline-wrap">
      {/* biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets */}
      <ol role="list" className="timeline" aria-label="What happened">
        <Prompt run={run} />
        {timeline.items.filter((item) => !isQueued(item)).map(entry)}
        {live && !agentOver && !run.waiting && !asleep ? (
          <li className="entry entry-working">
            <span className="entry-icon" aria-hidden>
              <LoaderCircle className="spin" />
            </span>
            <span className="muted">
              {timeline.items.length > 0 ? "Working…" : "Preparing the workspace…"}
            </span>
          </li>
        ) : null}
        {timeline.items.filter(isQueued).map(entry)}
      </ol>
      <div ref={end} className="timeline-end" />
      <SteerPanel run={run} events={events} onChanged={onChanged} />
      {live && !run.waiting && !atEnd && !following ? (
        <button type="button" className="button jump" onClick={follow}>
          <ArrowDown aria-hidden />
          Follow
        </button>
      ) : null}
      <ConnectionNotice states={[timeline.state]} />
    </div>
  );
}
