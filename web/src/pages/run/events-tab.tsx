import { History, ListTree } from "lucide-react";
import { memo, useState } from "react";
import type { RunEvent } from "../../api/types";
import { formatClock, formatTime, shortActor } from "../../base/format";
import { CodeBlock } from "../../ui/code-block";

const EventRow = memo(function EventRow({
  event,
  here,
  onTravel,
}: {
  event: RunEvent;
  here: boolean;
  onTravel: (at: number) => void;
}) {
  const [open, setOpen] = useState(false);
  return (
    <li>
      <details onToggle={(toggled) => setOpen(toggled.currentTarget.open)}>
        <summary>
          <span className="event-version muted tabular">{event.version}</span>
          <code className="event-type">{event.type}</code>
          <span className="event-actor muted">{shortActor(event.actor)}</span>
          <time className="muted tabular" dateTime={event.time} title={formatTime(event.time)}>
            {formatClock(event.time)}
          </time>
        </summary>
        {open ? (
          <>
            <CodeBlock text={JSON.stringify(event.data, null, 2) ?? ""} language="json" />
            {here ? null : (
              <button
                type="button"
                className="button button-small event-travel"
                onClick={() => onTravel(event.version)}
              >
                <History aria-hidden />
                Show the run as it was then
              </button>
            )}
          </>
        ) : null}
      </details>
    </li>
  );
});

export function EventsTab({
  events,
  at,
  onTravel,
}: {
  events: RunEvent[];
  at: number | null; // the one after which the run is shown; null: now
  onTravel: (at: number) => void;
}) {
  if (events.length === 0) {
    return (
      <div className="tab-empty">
        <ListTree aria-hidden />
        <p>No events yet.</p>
      </div>
    );
  }
  return (
    // biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets
    <ol role="list" className="events card">
      {events.map((event) => (
        <EventRow key={event.version} event={event} here={event.version === at} onTravel={onTravel} />
      ))}
    </ol>
  );
}
