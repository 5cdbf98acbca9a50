import { useEffect, useState, useSyncExternalStore } from "react";
import { WorkspaceSocket } from "./socket";
import { viewerId } from "./viewer-id";

// What has a state and tells of its changes, as connections and channels do.
interface Store<T> {
  readonly state: T;
  subscribe(listener: () => void): () => void;
}

const never = () => () => {};

export function useStore<T>(store: Store<T>): T;
export function useStore<T>(store: Store<T> | null): T | null;
export function useStore<T>(store: Store<T> | null): T | null {
  return useSyncExternalStore(store ? store.subscribe.bind(store) : never, () => store?.state ?? null);
}

// The page's connection to a workspace, while the component lives; null: there is none yet.
export function useConnection(
  workspace: string | null,
  probe: () => Promise<unknown>,
  { share = "", name = "" } = {},
): WorkspaceSocket | null {
  const [connection, setConnection] = useState<WorkspaceSocket | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the probe asks the same of the same session, always
  useEffect(() => {
    if (!workspace) return;
    const made = new WorkspaceSocket({ workspace, viewer: viewerId(), name, share, probe });
    setConnection(made);
    return () => {
      made.close();
      setConnection(null);
    };
  }, [workspace, share, name]);
  return connection;
}
