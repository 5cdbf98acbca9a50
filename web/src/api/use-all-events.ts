import { useEffect, useState } from "react";
import { api } from "./client";
import { latestPosition } from "./latest-position";
import type { StreamState } from "./sse";
import { useStream } from "./use-stream";

let known = 1; // where the log of events ended when it was last looked at

// Calls back when anything happens in any run from now on, and whenever something may have been missed.
export function useAllEvents(onChange: () => void): StreamState {
  const [from, setFrom] = useState<number | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const find = async () => {
      try {
        known = await latestPosition((at) => api.firstEventFrom(at, abort.signal), known);
        if (!abort.signal.aborted) setFrom(known);
      } catch {
        // Whoever loads the page's content says what is wrong; this only tries again.
        if (!abort.signal.aborted) timer = setTimeout(() => void find(), 2000);
      }
    };
    void find();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, []);
  const { state } = useStream(from === null ? null : `/api/v1/events?from=${from}`, onChange);
  useEffect(() => {
    if (state === "live") onChange();
  }, [state, onChange]);
  return state;
}
