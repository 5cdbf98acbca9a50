import { ListTree } from "lucide-react";
import type { RunEvent } from "../../api/types";
import { formatClock, formatTime } from "../../base/format";
import { CodeBlock } from "../../ui/code-block";

export function EventsTab({ events }: { events: RunEvent[] }) {
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
        <li key={event.version}>
          <details>
            <summary>
              <span className="event-version muted tabular">{event.version}</span>
              <code className="event-type">{event.type}</code>
              <span className="event-actor muted">{event.actor}</span>
              <time className="muted tabular" dateTime={event.time} title={formatTime(event.time)}>
                {formatClock(event.time)}
              </time>
            </summary>
            <CodeBlock text={JSON.stringify(event.data, null, 2) ?? ""} language="json" />
          </details>
        </li>
      ))}
    </ol>
  );
}
