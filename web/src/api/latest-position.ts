// Where the log of all events ends. The API gives events from a position on, and the list of runs wants only what
// happens from now on: so the end is searched, in about 2·log₂(n) small requests, and remembered for the next time.

// The position of the first event at or after `from`; null when there is none.
export type FirstEventFrom = (from: number) => Promise<number | null>;

// The first position that no event has yet, searching from `known`, at or below which there is nothing to find.
export async function latestPosition(firstFrom: FirstEventFrom, known = 1): Promise<number> {
  let low = known; // every event before it is known to exist or not to matter
  let step = 1;
  let high = low;
  for (;;) {
    const found = await firstFrom(high);
    if (found === null) break;
    low = found + 1;
    high = low + step;
    step *= 2;
  }
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const found = await firstFrom(middle);
    if (found === null) high = middle;
    else low = found + 1;
  }
  return low;
}
