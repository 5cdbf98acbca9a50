import type { DiffLine } from "./diff";

// How one text became another, line by line: for the edits that an agent shows as old and new text.
// Longest common subsequence; texts too large for its table are shown as replaced as a whole.
const largestTable = 250_000;

export function lineDiff(before: string, after: string): DiffLine[] {
  const a = before === "" ? [] : before.replace(/\n$/, "").split("\n");
  const b = after === "" ? [] : after.replace(/\n$/, "").split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (
    tail < a.length - head &&
    tail < b.length - head &&
    a[a.length - 1 - tail] === b[b.length - 1 - tail]
  )
    tail += 1;

  const lines: DiffLine[] = [];
  const keep = (i: number, j: number) =>
    lines.push({ kind: "context", text: a[i] ?? "", oldNumber: i + 1, newNumber: j + 1 });
  const remove = (i: number) =>
    lines.push({ kind: "delete", text: a[i] ?? "", oldNumber: i + 1, newNumber: null });
  const insert = (j: number) =>
    lines.push({ kind: "add", text: b[j] ?? "", oldNumber: null, newNumber: j + 1 });

  for (let i = 0; i < head; i += 1) keep(i, i);
  const aEnd = a.length - tail;
  const bEnd = b.length - tail;
  const width = bEnd - head + 1;
  const height = aEnd - head + 1;
  if (width * height > largestTable) {
    for (let i = head; i < aEnd; i += 1) remove(i);
    for (let j = head; j < bEnd; j += 1) insert(j);
  } else {
    const common = new Uint32Array(width * height); // of the rest from (i, j) on
    for (let i = height - 2; i >= 0; i -= 1) {
      for (let j = width - 2; j >= 0; j -= 1) {
        common[i * width + j] =
          a[head + i] === b[head + j]
            ? (common[(i + 1) * width + j + 1] ?? 0) + 1
            : Math.max(common[(i + 1) * width + j] ?? 0, common[i * width + j + 1] ?? 0);
      }
    }
    let i = 0;
    let j = 0;
    while (i < height - 1 || j < width - 1) {
      if (i < height - 1 && j < width - 1 && a[head + i] === b[head + j]) {
        keep(head + i, head + j);
        i += 1;
        j += 1;
      } else if (
        i < height - 1 &&
        (j === width - 1 || (common[(i + 1) * width + j] ?? 0) >= (common[i * width + j + 1] ?? 0))
      ) {
        remove(head + i);
        i += 1;
      } else {
        insert(head + j);
        j += 1;
      }
    }
  }
  for (let k = 0; k < tail; k += 1) keep(aEnd + k, bEnd + k);
  return lines;
}
