import { useEffect, useRef, useState } from "react";
import { announceUnauthorized } from "./client";
import type { ApiError } from "./problem";
import { EventStream, type ServerEvent, type StreamState } from "./sse";

const hiddenGraceMs = 5000;

// Follows a server-sent event stream while the component lives; null follows nothing. A page that nobody looks at lets
// go of its connection (browsers share six per host between all tabs) and goes on where it was when it is seen again.
export function useStream(
  url: string | null,
  onEvents: (events: ServerEvent[]) => void,
  epoch = 0,
): { state: StreamState; error: ApiError | null } {
  const [status, setStatus] = useState<{ state: StreamState; error: ApiError | null }>({
    state: "connecting",
    error: null,
  });
  const handler = useRef(onEvents);
  useEffect(() => {
    handler.current = onEvents;
  });

  const seen = useRef<{ url: string | null; lastId: string }>({ url: null, lastId: "" });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new epoch opens the stream again
  useEffect(() => {
    if (url === null) return;
    if (seen.current.url !== url) seen.current = { url, lastId: "" };
    const place = seen.current;
    let stream: EventStream | null = null;
    let over = false;
    let timer = 0;
    const open = () => {
      if (stream || over) return;
      stream = new EventStream({
        url,
        lastId: place.lastId,
        onEvents: (events) => handler.current(events),
        onState: (state, error) => {
          over = state === "ended" || state === "refused";
          if (error?.status === 401) announceUnauthorized();
          setStatus({ state, error });
        },
      });
    };
    const close = () => {
      if (!stream) return;
      place.lastId = stream.lastId;
      stream.close();
      stream = null;
    };
    const visibility = () => {
      clearTimeout(timer);
      if (document.visibilityState === "visible") open();
      else timer = window.setTimeout(close, hiddenGraceMs);
    };
    setStatus({ state: "connecting", error: null });
    open();
    document.addEventListener("visibilitychange", visibility);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", visibility);
      close();
    };
  }, [url, epoch]);

  return status;
}
