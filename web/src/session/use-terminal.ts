import { type RefObject, useEffect, useRef, useState } from "react";
import { type ApiError, toApiError } from "../api/problem";
import type { Channel } from "./channel";
import type { Role } from "./protocol";
import type { WorkspaceSocket } from "./socket";
import type { TerminalView, ViewOptions } from "./terminal-view";

// xterm.js measures letters: the font must be there before.
export async function loadTerminal() {
  const [module] = await Promise.all([
    import("./terminal-view"),
    ...["400", "700"].map((weight) => document.fonts.load(`${weight} 14px "JetBrains Mono"`).catch(() => [])),
  ]);
  return module;
}

export interface LiveTerminal {
  view: TerminalView | null;
  channel: Channel | null;
  error: ApiError | null; // its code could not be loaded
}

// A terminal in `host` that shows one session of a connection, while the component lives.
export function useTerminal(
  host: RefObject<HTMLElement | null>,
  connection: WorkspaceSocket,
  session: string,
  role: Role,
  options: Omit<ViewOptions, "onInput" | "onStuck">,
): LiveTerminal {
  const [live, setLive] = useState<LiveTerminal>({ view: null, channel: null, error: null });
  const [made, setMade] = useState(0); // terminals so far
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: another role is asked for on the channel that is there, and each new terminal takes the place of one that is stuck
  useEffect(() => {
    let over = false;
    let end = () => {};
    loadTerminal()
      .then(({ TerminalView }) => {
        if (over || !host.current) return;
        const { fontSize, screenReader } = latest.current;
        let channel: Channel | null = null;
        const view = new TerminalView(host.current, {
          fontSize,
          screenReader,
          onInput: (bytes) => {
            if (channel && !channel.type(bytes)) latest.current.onRefusedKey();
          },
          onTitle: (title) => latest.current.onTitle(title),
          onRiskyPaste: (text) => latest.current.onRiskyPaste(text),
          onRefusedKey: () => latest.current.onRefusedKey(),
          onMatches: (index, count) => latest.current.onMatches(index, count),
          onSearch: () => latest.current.onSearch(),
          onControl: (held) => latest.current.onControl(held),
          onStuck: () => setMade((count) => count + 1),
          onLeave: () => latest.current.onLeave(),
        });
        const attached = connection.attach({ session, role, scrollback: 2000, screen: view });
        channel = attached;
        end = () => {
          connection.detach(attached);
          view.dispose();
        };
        setLive({ view, channel: attached, error: null });
      })
      .catch((cause: unknown) => {
        if (!over) setLive({ view: null, channel: null, error: toApiError(cause) });
      });
    return () => {
      over = true;
      end();
      setLive({ view: null, channel: null, error: null });
    };
  }, [host, connection, session, made]);
  return live;
}
