import { useCallback, useEffect, useRef, useState } from "react";
import { type ApiError, toApiError } from "../api/problem";

export interface Resource<T> {
  data: T | null; // the last good answer for this key
  error: ApiError | null;
  refresh: () => void; // many calls while one is under way make one more request, not many
  set: (data: T) => void; // an answer that came another way, from a command say
}

const gapMs = 200; // between requests that follow each other: a busy stream must not become a busy API

// What `load` answers for `key`: loaded again when the key changes or refresh() asks.
export function useResource<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const [state, setState] = useState<{ key: string; data: T | null; error: ApiError | null }>({
    key,
    data: null,
    error: null,
  });
  const loader = useRef(load);
  useEffect(() => {
    loader.current = load;
  });
  const refreshRef = useRef(() => {});

  useEffect(() => {
    const abort = new AbortController();
    let busy = false;
    let again = false;
    const run = async () => {
      if (busy) {
        again = true;
        return;
      }
      busy = true;
      do {
        if (again) await new Promise((resolve) => setTimeout(resolve, gapMs));
        again = false;
        try {
          const data = await loader.current(abort.signal);
          if (!abort.signal.aborted) setState({ key, data, error: null });
        } catch (cause) {
          if (abort.signal.aborted) return;
          const error = toApiError(cause);
          setState((old) => ({ key, data: old.key === key ? old.data : null, error }));
        }
      } while (again && !abort.signal.aborted);
      busy = false;
    };
    refreshRef.current = () => void run();
    void run();
    return () => abort.abort();
  }, [key]);

  const refresh = useCallback(() => refreshRef.current(), []);
  const set = useCallback((data: T) => setState((old) => ({ ...old, data, error: null })), []);
  const current = state.key === key;
  return { data: current ? state.data : null, error: current ? state.error : null, refresh, set };
}
