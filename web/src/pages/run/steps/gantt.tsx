import { useMemo } from "react";
import type { RunEvent, Step } from "../../../api/types";
import { formatDuration } from "../../../base/format";
import { useNow } from "../../../base/use-now";
import { StatusIcon, shownStep, statusWord, toneOf } from "../../../ui/status";
import { type Attempt, ganttOf, type Row, ticks, type Wait } from "./gantt-model";
import "./gantt.css";

const reasons: Record<string, string> = { approval: "a person's answer" };
const waitText = (wait: Wait) =>
  wait.reason.startsWith("run ") ? "its run" : (reasons[wait.reason] ?? wait.reason);

interface Scale {
  from: number;
  now: number;
  place: (from: number, to: number | null) => { left: string; width: string };
}

function attemptText(attempt: Attempt, row: Row, now: number): string {
  const many = row.attempts.length > 1 ? `Attempt ${attempt.number}: ` : "";
  const took = formatDuration((attempt.to ?? now) - attempt.from);
  return `${many}${statusWord(attempt.outcome).toLowerCase()}, ${took}${attempt.error ? `, ${attempt.error}` : ""}`;
}

function Bars({ row, scale }: { row: Row; scale: Scale }) {
  return (
    <>
      {row.attempts.map((attempt) => (
        <span
          key={attempt.from}
          className={`gantt-bar tone-${toneOf(attempt.outcome)} ${attempt.to === null ? "gantt-open" : ""}`}
          style={scale.place(attempt.from, attempt.to)}
          title={attemptText(attempt, row, scale.now)}
        />
      ))}
      {row.waits.map((wait) => (
        <span
          key={wait.from}
          className="gantt-wait"
          style={scale.place(wait.from, wait.to)}
          title={`Waited ${formatDuration((wait.to ?? scale.now) - wait.from)} for ${waitText(wait)}`}
        />
      ))}
    </>
  );
}

// The same in words, for those who do not see the bars.
function Said({ row, scale }: { row: Row; scale: Scale }) {
  if (row.attempts.length === 0) return <span className="visually-hidden">not started</span>;
  const parts = [
    ...row.attempts.map(
      (attempt) =>
        `${attemptText(attempt, row, scale.now)}, begun after ${formatDuration(attempt.from - scale.from)}`,
    ),
    ...row.waits.map(
      (wait) => `waited ${formatDuration((wait.to ?? scale.now) - wait.from)} for ${waitText(wait)}`,
    ),
  ];
  return <span className="visually-hidden">{parts.join("; ")}</span>;
}

const tookOf = (row: Row, now: number) => {
  const first = row.attempts[0];
  const last = row.attempts.at(-1);
  return first && last ? formatDuration((last.to ?? now) - first.from) : "";
};

export function GanttChart({
  events,
  steps,
  selected,
  onSelect,
}: {
  events: RunEvent[];
  steps: Step[];
  selected: string | null;
  onSelect: (step: string) => void;
}) {
  const gantt = useMemo(() => ganttOf(events, steps), [events, steps]);
  const now = useNow(500, gantt.to === null);
  const end = gantt.to ?? now;
  const length = Math.max(1000, end - gantt.from);
  const percent = (ms: number) => Math.min(100, Math.max(0, (ms / length) * 100));
  const scale: Scale = {
    from: gantt.from,
    now,
    place: (from, to) => {
      const left = percent(from - gantt.from);
      return { left: `${left}%`, width: `${percent((to ?? end) - gantt.from) - left}%` };
    },
  };
  const marks = ticks(length, 6);
  return (
    <div className="gantt card">
      <div className="gantt-axis" aria-hidden>
        <span />
        <span className="gantt-track">
          {marks.map((mark) => (
            <span key={mark} className="gantt-mark" style={{ left: `${percent(mark)}%` }}>
              {mark === 0 ? "0" : formatDuration(mark).replace(/\.0 s$/, " s")}
            </span>
          ))}
        </span>
      </div>
      {/* biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets */}
      <ul role="list" aria-label="Steps in time">
        {gantt.rows.map((row, index) => {
          const step = steps[index];
          if (!step) return null;
          return (
            <li key={row.step} className="gantt-row" data-gantt={row.step}>
              <button
                type="button"
                className={step.matrix_of ? "gantt-name gantt-inner" : "gantt-name"}
                aria-pressed={selected === row.step}
                onClick={() => onSelect(row.step)}
              >
                <StatusIcon status={shownStep(step)} />
                <span>{row.step}</span>
                <Said row={row} scale={scale} />
              </button>
              <span className="gantt-track" aria-hidden>
                {marks.map((mark) => (
                  <span key={mark} className="gantt-grid" style={{ left: `${percent(mark)}%` }} />
                ))}
                {gantt.pauses.map((pause) => (
                  <span
                    key={pause.from}
                    className="gantt-pause"
                    style={scale.place(pause.from, pause.to)}
                    title={`Paused for ${formatDuration((pause.to ?? now) - pause.from)}`}
                  />
                ))}
                <Bars row={row} scale={scale} />
              </span>
              <span className="gantt-took muted tabular" aria-hidden>
                {tookOf(row, now)}
              </span>
            </li>
          );
        })}
      </ul>
      <p className="gantt-legend muted small">
        <span className="gantt-key gantt-key-work" /> at work
        <span className="gantt-key gantt-key-wait" /> waits
        {gantt.pauses.length > 0 ? (
          <>
            <span className="gantt-key gantt-key-pause" /> the run is paused
          </>
        ) : null}
      </p>
    </div>
  );
}
