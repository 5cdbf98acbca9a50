import { useEffect } from "react";
import type { StreamState } from "./sse";
import { useStream } from "./use-stream";

// Calls back when anything happens in any run from now on, and whenever something may have been missed.
export function useAllEvents(onChange: () => void): StreamState {
  const { state } = useStream("/api/v1/events?after=latest", onChange);
  useEffect(() => {
    if (state === "live") onChange();
  }, [state, onChange]);
  return state;
}
