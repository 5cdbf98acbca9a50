import { ArrowDown, Download } from "lucide-react";
import { type UIEvent, useCallback, useLayoutEffect, useRef, useState } from "react";
import { runPath } from "../../api/client";
import type { ServerEvent } from "../../api/sse";
import { useStream } from "../../api/use-stream";
import { plural } from "../../base/format";
import { useRestOfWindow } from "../../base/use-rest-of-window";
import { LogBuffer } from "../../text/log-buffer";
import { AnsiText } from "../../ui/ansi-text";
import { ConnectionNotice } from "../../ui/connection";
import "./log-tab.css";

const capacity = 200_000; // lines held in the page; the download has them all
const lineHeight = 20; // px, as in log-tab.css
const leastHeight = 320; // px
const overscan = 30; // lines rendered beyond what is seen

function decode(event: ServerEvent): string {
  try {
    const value: unknown = JSON.parse(event.data);
    return typeof value === "string" ? value : "";
  } catch {
    return "";
  }
}

// The live log: only the lines in view are in the page, however long it is.
export function LogTab({ run, attempt, live }: { run: string; attempt: number; live: boolean }) {
  const buffer = useRef<LogBuffer | null>(null);
  buffer.current ??= new LogBuffer(capacity);
  const log = buffer.current;
  const [size, setSize] = useState({ lines: 0, dropped: 0, version: 0 });
  const [view, setView] = useState({ top: 0, height: 600 });
  const [following, setFollowing] = useState(true);
  const box = useRef<HTMLDivElement>(null);
  const height = useRestOfWindow(box, leastHeight);
  const heldDrops = useRef(0);

  const onEvents = useCallback(
    (batch: ServerEvent[]) => {
      log.append(batch.map(decode).join(""));
      setSize((old) => ({ lines: log.length, dropped: log.dropped, version: old.version + 1 }));
    },
    [log],
  );
  const { state, error } = useStream(`${runPath(run)}/log?offset=0`, onEvents, attempt);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a box of another height must be scrolled again
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    // Lines let go at the front must not move what is being read.
    const gone = size.dropped - heldDrops.current;
    heldDrops.current = size.dropped;
    if (following) element.scrollTop = element.scrollHeight;
    else if (gone > 0) element.scrollTop -= gone * lineHeight;
  }, [size, following, height]);

  const scrolled = (event: UIEvent<HTMLDivElement>) => {
    const { scrollTop, clientHeight, scrollHeight } = event.currentTarget;
    setView({ top: scrollTop, height: clientHeight });
    setFollowing(scrollHeight - scrollTop - clientHeight < lineHeight * 1.5);
  };

  const first = Math.max(0, Math.floor(view.top / lineHeight) - overscan);
  const last = Math.min(size.lines, Math.ceil((view.top + view.height) / lineHeight) + overscan);
  const rows = [];
  for (let index = first; index < last; index += 1) {
    rows.push(
      <div key={size.dropped + index} className="log-line" style={{ top: index * lineHeight }}>
        <span className="line-number log-number" data-number={size.dropped + index + 1} />
        <span>
          <AnsiText pieces={log.pieces(index)} />
        </span>
      </div>,
    );
  }
  return (
    <div className="log-tab">
      <div className="log-bar">
        <span className="muted small tabular">
          {plural(size.lines + size.dropped, "line")}
          {size.dropped > 0 ? `, the last ${size.lines.toLocaleString()} shown` : ""}
        </span>
        {live ? (
          <label className="log-follow small">
            <input
              type="checkbox"
              checked={following}
              onChange={(event) => setFollowing(event.target.checked)}
            />
            Follow
          </label>
        ) : null}
        <a className="button button-small" href={`${runPath(run)}/log`} download={`corral-${run}.log`}>
          <Download aria-hidden />
          Download
        </a>
      </div>
      <div
        className="log-box card"
        style={{ height }}
        ref={box}
        onScroll={scrolled}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label="Log"
      >
        <div className="log-inner" style={{ height: size.lines * lineHeight }}>
          {rows}
        </div>
        {size.lines === 0 ? (
          <p className="log-empty muted">
            {error ? error.message : live ? "Nothing printed yet" : "Nothing was printed"}
          </p>
        ) : null}
      </div>
      {following || size.lines === 0 ? null : (
        <button type="button" className="button jump" onClick={() => setFollowing(true)}>
          <ArrowDown aria-hidden />
          Jump to the end
        </button>
      )}
      <ConnectionNotice states={[state]} />
    </div>
  );
}
