import { describe, expect, it } from "vitest";
import { latestPosition } from "./latest-position";

function log(positions: number[]) {
  let requests = 0;
  const firstFrom = async (from: number) => {
    requests += 1;
    return positions.find((position) => position >= from) ?? null;
  };
  return { firstFrom, requests: () => requests };
}

describe("latestPosition", () => {
  it.each([
    [[], 1],
    [[1], 2],
    [[1, 2, 3], 4],
    [[5], 6],
    [[1, 2, 90, 91], 92],
  ])("of %j is %i", async (positions, end) => {
    expect(await latestPosition(log(positions as number[]).firstFrom)).toBe(end);
  });

  it("asks seldom, and seldomer when it knows where the end was", async () => {
    const many = log(Array.from({ length: 20_000 }, (_, i) => i + 1));
    expect(await latestPosition(many.firstFrom)).toBe(20_001);
    expect(many.requests()).toBeLessThan(40);
    const before = many.requests();
    expect(await latestPosition(many.firstFrom, 20_000)).toBe(20_001);
    expect(many.requests() - before).toBeLessThan(4);
  });
});
