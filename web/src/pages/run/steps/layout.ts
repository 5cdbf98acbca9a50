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
  through: Point[]; // on its way past levels that it has nothing to do with, between their boxes
}

export interface Point {
  x: number;
  y: number;
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

// What has a place in a level: a step, or a line that passes by.
interface Item extends Size {
  id: string;
  needs: string[];
}

// Each level in the order that keeps lines short: by the mean place of what its items need.
function order(rows: Item[][]) {
  const place = new Map<string, number>();
  for (const row of rows) {
    const mean = (item: Item) => {
      const places = item.needs.flatMap((need) => place.get(need) ?? []);
      return places.length === 0
        ? Number.POSITIVE_INFINITY
        : places.reduce((sum, one) => sum + one, 0) / places.length;
    };
    const means = new Map(row.map((item) => [item.id, mean(item)]));
    row.sort((a, b) => {
      const [x, y] = [means.get(a.id) ?? 0, means.get(b.id) ?? 0];
      return x === y ? 0 : x - y;
    });
    const middle = (row.length - 1) / 2;
    for (const [index, item] of row.entries()) place.set(item.id, index - middle);
  }
}

interface Wire {
  from: string;
  to: string;
}

interface Block extends Size {
  boxes: Map<string, Box>;
  through: (wire: Wire) => Point[];
}

const passId = ({ from, to }: Wire, level: number) => `${from} ${to} ${level}`;

// One set of steps by levels, from (0, 0). A wire whose end is not among the steps leads past the last level.
function block(steps: Step[], wires: Wire[], sizes: Map<string, Size>, direction: Direction): Block {
  const across = direction === "across";
  const along = (one: Size) => (across ? one.width : one.height);
  const beside = (one: Size) => (across ? one.height : one.width);
  const levels = levelsOf(steps);
  const count = Math.max(0, ...[...levels.values()].map((level) => level + 1));
  const rows: Item[][] = Array.from({ length: count }, () => []);
  const items = new Map<string, Item>();
  for (const { name } of steps) {
    const item = { id: name, needs: [], ...(sizes.get(name) ?? size) };
    items.set(name, item);
    rows[levels.get(name) ?? 0]?.push(item);
  }
  const passed = (wire: Wire) => {
    const first = (levels.get(wire.from) ?? 0) + 1;
    return Array.from({ length: Math.max(0, (levels.get(wire.to) ?? count) - first) }, (_, at) => first + at);
  };
  for (const wire of wires) {
    let before = wire.from;
    for (const level of passed(wire)) {
      const id = passId(wire, level);
      rows[level]?.push({ id, needs: [before], width: 4, height: 4 });
      before = id;
    }
    items.get(wire.to)?.needs.push(before);
  }
  order(rows);

  const breadths = rows.map(
    (row) => row.reduce((sum, item) => sum + beside(item), 0) + gap.beside * (row.length - 1),
  );
  const breadth = Math.max(0, ...breadths);
  const boxes = new Map<string, Box>();
  let at = 0;
  for (const [index, row] of rows.entries()) {
    const depth = Math.max(...row.map(along));
    let side = (breadth - (breadths[index] ?? 0)) / 2;
    for (const item of row) {
      const pass = !items.has(item.id);
      const own = pass ? depth : along(item);
      const start = at + (depth - own) / 2;
      boxes.set(item.id, {
        id: item.id,
        x: across ? start : side,
        y: across ? side : start,
        width: across ? own : item.width,
        height: across ? item.height : own,
      });
      side += beside(item) + gap.beside;
    }
    at += depth + gap.level;
  }
  const through = (wire: Wire) =>
    passed(wire).flatMap((level) => {
      const box = boxes.get(passId(wire, level));
      if (!box) return [];
      const { x, y, width, height } = box;
      return across
        ? [
            { x, y: y + height / 2 },
            { x: x + width, y: y + height / 2 },
          ]
        : [
            { x: x + width / 2, y },
            { x: x + width / 2, y: y + height },
          ];
    });
  const length = Math.max(0, at - gap.level);
  return { boxes, through, width: across ? length : breadth, height: across ? breadth : length };
}

// What is drawn: direct needs among the steps, and the way from the last of them to the `finally` steps.
function wiresOf(steps: Step[], more: boolean): Wire[] {
  const direct = directNeeds(steps);
  const wires = steps.flatMap(({ name }) => (direct.get(name) ?? []).map((from) => ({ from, to: name })));
  const needed = new Set(steps.flatMap((step) => step.needs));
  const ends = more ? steps.filter(({ name }) => !needed.has(name)) : [];
  return [...wires, ...ends.map(({ name }) => ({ from: name, to: finallyId }))];
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
  const firstWires = wiresOf(usual, last.length > 0);
  const lastWires = wiresOf(last, false);
  const first = block(usual, firstWires, sizes, direction);
  const end = block(last, lastWires, sizes, direction);

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

  const lines: Line[] = firstWires.map((wire) => ({
    ...wire,
    toFinally: wire.to === finallyId,
    through: first.through(wire),
  }));
  const shift = { x: (finallyBox?.x ?? 0) + pad, y: (finallyBox?.y ?? 0) + title };
  for (const wire of lastWires) {
    const through = end.through(wire).map(({ x, y }) => ({ x: x + shift.x, y: y + shift.y }));
    lines.push({ ...wire, toFinally: false, through });
  }
  return { direction, nodes, finallyBox, lines, width, height };
}
