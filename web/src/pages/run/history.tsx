import { ChevronLeft, ChevronRight, History } from "lucide-react";
import { useEffect, useState } from "react";
import type { RunEvent } from "../../api/types";
import { formatClock, formatTime } from "../../base/format";
import "./history.css";

const settleMs = 120; // while the slider is dragged, only where it rests is asked for

export function describeEvent(event: RunEvent): string {
  const data =
    typeof event.data === "object" && event.data !== null ? (event.data as { step?: unknown }) : {};
  const step = typeof data.step === "string" ? ` ${data.step}` : "";
  return `${event.type.replace(/^run\./, "").replaceAll(/[._]/g, " ")}${step}`;
}

// Time travel: a slider over the run's events. `at` is the event after which the run is shown; null: now.
export function HistoryBar({
  events,
  at,
  onChange,
}: {
  events: RunEvent[];
  at: number | null;
  onChange: (at: number | null) => void;
}) {
  const last = events.at(-1)?.version ?? 0;
  const [value, setValue] = useState<number | null>(at);
  useEffect(() => setValue(at), [at]);
  useEffect(() => {
    if (value === at) return;
    const timer = setTimeout(() => onChange(value), settleMs);
    return () => clearTimeout(timer);
  }, [value, at, onChange]);

  if (events.length < 2) return null;
  const shown = value ?? last;
  const event = events[shown - 1];
  const move = (to: number) => setValue(to >= last ? null : Math.max(1, to));
  const text = event
    ? `Event ${shown} of ${last}: ${describeEvent(event)}, ${formatClock(event.time)}`
    : `Event ${shown} of ${last}`;
  return (
    <section className={at === null ? "history" : "history history-past"} aria-label="History of this run">
      <div className="history-text" role="status">
        <History aria-hidden />
        {at === null ? (
          <span className="muted">History</span>
        ) : (
          <strong>
            You see the past: this run as it was after event {at}
            {events[at - 1] ? `, ${formatTime(events[at - 1]?.time ?? "")}` : ""}
          </strong>
        )}
      </div>
      <div className="history-control">
        <button
          type="button"
          className="icon-button"
          aria-label="The event before"
          disabled={shown <= 1}
          onClick={() => move(shown - 1)}
        >
          <ChevronLeft aria-hidden />
        </button>
        <input
          type="range"
          className="history-slider"
          aria-label="Show the run after event"
          aria-valuetext={value === null ? `${text} (now)` : text}
          min={1}
          max={last}
          value={shown}
          onChange={(changed) => move(Number(changed.target.value))}
        />
        <button
          type="button"
          className="icon-button"
          aria-label="The next event"
          disabled={value === null}
          onClick={() => move(shown + 1)}
        >
          <ChevronRight aria-hidden />
        </button>
      </div>
      <div className="history-event small" aria-hidden>
        {value === null ? (
          <span className="muted tabular">now, {last} events</span>
        ) : (
          <span className="tabular">
            {shown} / {last} <code>{event ? describeEvent(event) : ""}</code>
          </span>
        )}
      </div>
      {at === null ? null : (
        <button type="button" className="button button-small button-primary" onClick={() => onChange(null)}>
          Back to now
        </button>
      )}
    </section>
  );
}
