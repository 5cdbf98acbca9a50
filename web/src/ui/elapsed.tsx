import { formatAgo, formatDuration, formatTime } from "../base/format";
import { useNow } from "../base/use-now";

// How long something took, or has been taking.
export function Elapsed({ from, to }: { from: string | null; to: string | null }) {
  const now = useNow(1000, from !== null && to === null);
  if (!from) return <span className="muted">–</span>;
  const end = to ? Date.parse(to) : now;
  return <span className="tabular">{formatDuration(end - Date.parse(from))}</span>;
}

export function Ago({ time }: { time: string }) {
  const now = useNow(30_000);
  return (
    <time dateTime={time} title={formatTime(time)}>
      {formatAgo(time, now)}
    </time>
  );
}
