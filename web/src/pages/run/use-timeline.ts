import { useCallback, useRef, useState } from "react";
import { runPath } from "../../api/client";
import type { ServerEvent, StreamState } from "../../api/sse";
import { decodeTimelineEvent } from "../../api/timeline-event";
import { useStream } from "../../api/use-stream";
import { Timeline, type TimelineItem } from "./timeline-model";

export interface TimelineView {
  items: TimelineItem[];
  state: StreamState;
}

// The agent's events, followed while `open`; what was read stays when the view is left, and goes on from there.
export function useTimeline(run: string, attempt: number, open: boolean): TimelineView {
  const model = useRef<Timeline | null>(null);
  model.current ??= new Timeline();
  const [items, setItems] = useState<TimelineItem[]>([]);
  const onEvents = useCallback((batch: ServerEvent[]) => {
    const timeline = model.current;
    if (!timeline) return;
    for (const { data } of batch) {
      const event = decodeTimelineEvent(data);
      if (event) timeline.push(event);
    }
    setItems(timeline.items());
  }, []);
  const { state } = useStream(open ? `${runPath(run)}/timeline?offset=0` : null, onEvents, attempt);
  return { items, state };
}
