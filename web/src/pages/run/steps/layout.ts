// Where the steps of a run stand in its drawing: a column (or, on a narrow page, a row) for each level, which is the
// longest way from a step without needs. A matrix's steps stand in a box of their own, as do the `finally` steps.
import type { Step } from "../../../api/types";

export type Direction = "across" | "down";

export interface Box {
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Placed extends Box {
  step: Step;
  parent: string | null; // the box that it stands in; x and y are then relative to it
  instances: number; // of its matrix; 0: it is a step by itself
}

export interface Line {
  from: string;
  to: string;
  toFinally: boolean; // to the box of the `finally` steps, not to one of them
}

export interface Layout {
  direction: Direction;
  nodes: Placed[]; // each parent before what stands in it
  finallyBox: Box | null;
  lines: Line[];
  width: number;
  height: number;
}

export const finallyId = "(finally)"; // no step's name has such signs in it
const size = { width: 196, height: 58 };
const small = { width: 176, height: 44 };
const head = 52; // of a matrix's box
const pad = 10;
const gap = { level: 48, beside: 20 };

type Size = { width: number; height: number };

// Of a matrix's box: few across, where length is dear; as many as there is room for, down.
function columnsOf(count: number, direction: Direction, room: number): number {
  if (direction === "across") return count <= 4 ? 1 : count <= 12 ? 2 : count <= 48 ? 4 : 8;
  const most = Math.max(1, Math.min(count, 8, Math.floor((room - pad) / (small.width + pad))));
  return Math.ceil(count / Math.ceil(count / most)); // rows of one length
}

function sizeOf(instances: number, direction: Direction, room: number): Size {
  if (instances === 0) return size;
  const columns = columnsOf(instances, direction, room);
  const rows = Math.ceil(instances / columns);
  return {
    width: pad + columns * (small.width + pad),
    height: head + rows * (small.height + pad),
  };
}

// The level of each: 0 without needs among `steps`, otherwise one more than the highest that it needs.
export function levelsOf(steps: Step[]): Map<string, number> {
  const known = new Map(steps.map((step) => [step.name, step]));
  const levels = new Map<string, number>();
  const level = (name: string): number => {
    const found = levels.get(name);
    if (found !== undefined) return found;
    levels.set(name, 0); // a definition has no cycles; a wrong document must not hang the page
    const needs = known.get(name)?.needs.filter((need) => known.has(need)) ?? [];
    const value = needs.length === 0 ? 0 : 1 + Math.max(...needs.map(level));
    levels.set(name, value);
    return value;
  };
  for (const { name } of steps) level(name);
  return levels;
}

// The needs that no other need implies: drawing those is enough.
export function directNeeds(steps: Step[]): Map<string, string[]> {
  const known = new Map(steps.map((step) => [step.name, step]));
  const before = new Map<string, Set<string>>();
  const all = (name: string): Set<string> => {
    const found = before.get(name);
    if (found) return found;
    const set = new Set<string>();
    before.set(name, set);
    for (const need of known.get(name)?.needs ?? []) {
      set.add(need);
      for (const earlier of all(need)) set.add(earlier);
    }
    return set;
  };
  return new Map(
    steps.map(({ name, needs }) => [
      name,
      needs.filter(
        (need) => known.has(need) && !needs.some((other) => other !== need && all(other).has(need)),
      ),
    ]),
  );
}

// Each level in the order that keeps lines short: by the mean place of what its steps need.
function ordered(steps: Step[], levels: Map<string, number>): Step[][] {
  const rows: Step[][] = [];
  for (const step of steps) {
    const level = levels.get(step.name) ?? 0;
    while (rows.length <= level) rows.push([]);
    rows[level]?.push(step);
  }
  const place = new Map<string, number>();
  for (const row of rows) {
    const mean = (step: Step) => {
      const places = step.needs.flatMap((need) => place.get(need) ?? []);
      return places.length === 0
        ? Number.POSITIVE_INFINITY
        : places.reduce((sum, one) => sum + one, 0) / places.length;
    };
    const means = new Map(row.map((step) => [step.name, mean(step)]));
    row.sort((a, b) => {
      const [x, y] = [means.get(a.name) ?? 0, means.get(b.name) ?? 0];
      return x === y ? 0 : x - y;
    });
    const middle = (row.length - 1) / 2;
    for (const [index, step] of row.entries()) place.set(step.name, index - middle);
  }
  return rows;
}

interface Block extends Size {
  boxes: Map<string, Box>;
}

// One set of steps by levels, from (0, 0).
function block(steps: Step[], sizes: Map<string, Size>, direction: Direction): Block {
  const across = direction === "across";
  const along = (one: Size) => (across ? one.width : one.height);
  const beside = (one: Size) => (across ? one.height : one.width);
  const rows = ordered(steps, levelsOf(steps));
  const sized = (step: Step) => sizes.get(step.name) ?? size;
  const breadths = rows.map(
    (row) => row.reduce((sum, step) => sum + beside(sized(step)), 0) + gap.beside * (row.length - 1),
  );
  const breadth = Math.max(0, ...breadths);
  const boxes = new Map<string, Box>();
  let at = 0;
  for (const [index, row] of rows.entries()) {
    const depth = Math.max(...row.map((step) => along(sized(step))));
    let side = (breadth - (breadths[index] ?? 0)) / 2;
    for (const step of row) {
      const own = sized(step);
      const start = at + (depth - along(own)) / 2;
      boxes.set(step.name, { id: step.name, x: across ? start : side, y: across ? side : start, ...own });
      side += beside(own) + gap.beside;
    }
    at += depth + gap.level;
  }
  const length = Math.max(0, at - gap.level);
  return { boxes, width: across ? length : breadth, height: across ? breadth : length };
}

// Below this its text is too small to read.
export const leastZoom = 0.72;

// Across when all of it can be read so in a frame that is `room` wide; down otherwise, because a page can be long.
export function layoutFor(steps: Step[], room: number): Layout {
  const across = layout(steps, "across", room);
  return across.width * leastZoom <= room ? across : layout(steps, "down", room);
}

export function layout(steps: Step[], direction: Direction, room = 1000): Layout {
  const top = steps.filter((step) => step.matrix_of === null);
  const instances = new Map<string, Step[]>();
  for (const step of steps) {
    if (step.matrix_of === null) continue;
    instances.set(step.matrix_of, [...(instances.get(step.matrix_of) ?? []), step]);
  }
  const count = (name: string) => instances.get(name)?.length ?? 0;
  const sizes = new Map(top.map(({ name }) => [name, sizeOf(count(name), direction, room)]));
  const usual = top.filter((step) => !step.finally);
  const last = top.filter((step) => step.finally);
  const first = block(usual, sizes, direction);
  const end = block(last, sizes, direction);

  let { width, height } = first;
  let finallyBox: Box | null = null;
  const title = 34;
  if (last.length > 0) {
    const own = { width: end.width + 2 * pad, height: end.height + title + pad };
    const after = usual.length > 0 ? gap.level : 0;
    finallyBox =
      direction === "across"
        ? { id: finallyId, x: width + after, y: (height - own.height) / 2, ...own }
        : { id: finallyId, x: (width - own.width) / 2, y: height + after, ...own };
    width = direction === "across" ? finallyBox.x + own.width : Math.max(width, own.width);
    height = direction === "across" ? Math.max(height, own.height) : finallyBox.y + own.height;
  }

  const nodes: Placed[] = [];
  for (const step of top) {
    const box = (step.finally ? end : first).boxes.get(step.name);
    if (!box) continue;
    const shift = step.finally ? { x: pad, y: title } : { x: 0, y: 0 };
    const own = instances.get(step.name) ?? [];
    nodes.push({
      ...box,
      x: box.x + shift.x,
      y: box.y + shift.y,
      step,
      parent: step.finally ? finallyId : null,
      instances: own.length,
    });
    const columns = columnsOf(own.length, direction, room);
    for (const [index, instance] of own.entries()) {
      nodes.push({
        id: instance.name,
        x: pad + (index % columns) * (small.width + pad),
        y: head + Math.floor(index / columns) * (small.height + pad),
        ...small,
        step: instance,
        parent: step.name,
        instances: 0,
      });
    }
  }

  const direct = directNeeds(top);
  const lines: Line[] = [];
  for (const step of top)
    for (const from of direct.get(step.name) ?? []) {
      const apart = step.finally && !last.some(({ name }) => name === from);
      if (!apart) lines.push({ from, to: step.name, toFinally: false });
    }
  if (finallyBox) {
    const needed = new Set(usual.flatMap((step) => step.needs));
    for (const { name } of usual)
      if (!needed.has(name)) lines.push({ from: name, to: finallyId, toFinally: true });
  }
  return { direction, nodes, finallyBox, lines, width, height };
}
