import { createContext, useContext, useEffect, useState } from "react";

// The time at which a page stands still, because it shows the past; null: it goes on.
export const FrozenTime = createContext<number | null>(null);

// The time, again every `everyMs` while `ticking`.
export function useNow(everyMs: number, ticking = true): number {
  const frozen = useContext(FrozenTime);
  const [now, setNow] = useState(Date.now);
  const moving = ticking && frozen === null;
  useEffect(() => {
    if (!moving) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, moving]);
  return frozen ?? now;
}
