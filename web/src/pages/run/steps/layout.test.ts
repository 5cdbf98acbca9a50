import { describe, expect, it } from "vitest";
import { directNeeds, finallyId, layout, layoutFor, levelsOf, type Placed } from "./layout";
import { step } from "./sample";

const diamond = [
  step("fetch"),
  step("build", { needs: ["fetch"] }),
  step("lint", { needs: ["fetch"] }),
  step("ship", { needs: ["build", "lint", "fetch"] }),
];
const nodeOf = (nodes: Placed[], id: string) => {
  const found = nodes.find((node) => node.id === id);
  if (!found) throw new Error(`no node ${id}`);
  return found;
};
const overlap = (a: Placed, b: Placed) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

describe("layout", () => {
  it("puts each step behind all that it needs", () => {
    expect([...levelsOf(diamond)]).toEqual([
      ["fetch", 0],
      ["build", 1],
      ["lint", 1],
      ["ship", 2],
    ]);
    const { nodes } = layout(diamond, "across");
    const x = (id: string) => nodeOf(nodes, id).x;
    expect(x("fetch")).toBeLessThan(x("build"));
    expect(x("build")).toBe(x("lint"));
    expect(x("lint")).toBeLessThan(x("ship"));
  });

  it("draws no line that others imply", () => {
    expect(directNeeds(diamond).get("ship")).toEqual(["build", "lint"]);
    expect(layout(diamond, "across").lines).toHaveLength(4);
  });

  it("goes down where the page is narrow", () => {
    const { nodes, width, height } = layout(diamond, "down");
    expect(nodeOf(nodes, "fetch").y).toBeLessThan(nodeOf(nodes, "ship").y);
    expect(height).toBeGreaterThan(width / 2);
  });

  it("goes across as long as it can be read so", () => {
    const chain = Array.from({ length: 8 }, (_, at) =>
      step(`s${at}`, { needs: at > 0 ? [`s${at - 1}`] : [] }),
    );
    expect(layoutFor(diamond, 1000).direction).toBe("across");
    expect(layoutFor(chain, 1000).direction).toBe("down");
    expect(layoutFor(chain, 2000).direction).toBe("across");
  });

  it("puts a matrix's steps into its box, each at a place of its own, and the box is large enough", () => {
    const steps = [
      step("test"),
      ...Array.from({ length: 9 }, (_, at) => step(`test.${at + 1}`, { matrix_of: "test" })),
      step("after", { needs: ["test"] }),
    ];
    for (const direction of ["across", "down"] as const) {
      const { nodes, lines } = layout(steps, direction);
      const box = nodeOf(nodes, "test");
      const inside = nodes.filter(({ parent }) => parent === "test");
      expect(box.instances).toBe(9);
      expect(inside).toHaveLength(9);
      for (const [index, one] of inside.entries()) {
        expect(one.x + one.width).toBeLessThanOrEqual(box.width);
        expect(one.y + one.height).toBeLessThanOrEqual(box.height);
        expect(inside.slice(index + 1).some((other) => overlap(one, other))).toBe(false);
      }
      expect(lines).toEqual([{ from: "test", to: "after", toFinally: false, through: [] }]);
    }
  });

  it("keeps `finally` steps apart, and leads to them from the last of the others only", () => {
    const steps = [
      ...diamond,
      step("clean", { finally: true, needs: ["ship"] }),
      step("tell", { finally: true, needs: ["clean"] }),
    ];
    const { nodes, lines, finallyBox } = layout(steps, "across");
    expect(finallyBox?.x).toBeGreaterThan(nodeOf(nodes, "ship").x + nodeOf(nodes, "ship").width);
    expect(nodes.filter(({ parent }) => parent === finallyId).map(({ id }) => id)).toEqual(["clean", "tell"]);
    expect(lines.filter(({ toFinally }) => toFinally)).toEqual([
      { from: "ship", to: finallyId, toFinally: true, through: [] },
    ]);
    expect(lines).toContainEqual({ from: "clean", to: "tell", toFinally: false, through: [] });
    expect(lines.some(({ to }) => to === "clean")).toBe(false);
  });

  it("leads a long line past the boxes of the levels between", () => {
    const steps = [
      step("a"),
      step("b", { needs: ["a"] }),
      step("c", { needs: ["b"] }),
      step("long", { needs: ["a"] }),
      step("d", { needs: ["c", "long"] }),
      step("lonely"),
      step("clean", { finally: true }),
    ];
    for (const direction of ["across", "down"] as const) {
      const { nodes, lines } = layout(steps, direction);
      const long = lines.find(({ from, to }) => from === "long" && to === "d");
      const lonely = lines.find(({ from, toFinally }) => from === "lonely" && toFinally);
      expect(long?.through).toHaveLength(2);
      expect(lonely?.through).toHaveLength(6);
      for (const { x, y } of [...(long?.through ?? []), ...(lonely?.through ?? [])])
        for (const box of nodes.filter(({ parent }) => parent === null))
          expect(x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height).toBe(false);
    }
  });

  it("lets no steps of a wide graph overlap", () => {
    const steps = Array.from({ length: 60 }, (_, at) =>
      step(`s${at}`, { needs: at < 6 ? [] : [`s${at % 5}`, `s${at - 6}`] }),
    );
    const { nodes } = layout(steps, "across");
    for (const [index, one] of nodes.entries())
      expect(nodes.slice(index + 1).some((other) => overlap(one, other))).toBe(false);
  });

  it("does not hang on a cycle, which no server should send", () => {
    expect(layout([step("a", { needs: ["b"] }), step("b", { needs: ["a"] })], "across").nodes).toHaveLength(
      2,
    );
  });
});
