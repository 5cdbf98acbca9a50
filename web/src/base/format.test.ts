import { describe, expect, it } from "vitest";
import {
  formatAgo,
  formatBytes,
  formatCost,
  formatCount,
  formatDuration,
  formatIn,
  formatUntil,
  runTitle,
  titleOf,
} from "./format";

describe("format", () => {
  it("shows small costs exactly and larger ones in cents", () => {
    expect([0, 0.0042, 0.0123, 1.5].map(formatCost)).toEqual(["$0.00", "$0.0042", "$0.01", "$1.50"]);
  });
  it("says until when: the time, with the day unless it is today", () => {
    const now = new Date(2026, 10, 21, 13, 0).getTime();
    const at = (day: number, hour: number) => new Date(2026, 10, day, hour, 5).toISOString();
    expect(formatUntil(at(21, 14), now)).toMatch(/^0?2:05|^14:05/);
    expect(formatUntil(at(22, 9), now)).toMatch(/22.*9:05/);
  });
  it("shortens counts and sizes", () => {
    expect([7, 1000, 12_340, 999_999, 2_500_000].map(formatCount)).toEqual([
      "7",
      "1k",
      "12.3k",
      "1M",
      "2.5M",
    ]);
    expect([12, 1500, 25_000, 3_400_000].map(formatBytes)).toEqual(["12 B", "1.5 kB", "25 kB", "3.4 MB"]);
  });
  it("shows durations in the unit that matters", () => {
    expect([0, 950, 9_990, 42_000, 65_000, 3_720_000].map(formatDuration)).toEqual([
      "0.0 s",
      "0.9 s",
      "9.9 s",
      "42 s",
      "1 min 05 s",
      "1 h 02 min",
    ]);
  });
  it("tells how long ago", () => {
    const now = Date.parse("2026-11-21T12:00:00Z");
    expect(formatAgo("2026-11-21T11:59:50Z", now)).toBe("just now");
    expect(formatAgo("2026-11-21T11:30:00Z", now)).toBe("30 min ago");
    expect(formatAgo("2026-11-21T02:00:00Z", now)).toBe("10 h ago");
    expect(formatAgo("2026-11-20T11:00:00Z", now)).toBe("yesterday");
  });
  it("tells how soon", () => {
    const now = Date.parse("2026-11-21T12:00:00Z");
    expect(formatIn("2026-11-21T12:00:10Z", now)).toBe("now");
    expect(formatIn("2026-11-21T12:30:00Z", now)).toBe("in 30 min");
    expect(formatIn("2026-11-22T08:00:00Z", now)).toBe("in 20 h");
    expect(formatIn("2026-11-24T12:00:00Z", now)).toBe("in 3 days");
  });
  it("makes a title of a prompt", () => {
    expect(titleOf("\n## Fix the `tally` **bug**\n\nmore")).toBe("Fix the tally bug");
    expect(titleOf("  ")).toBe("(no prompt)");
  });
  it("calls a run without a prompt by its workflow and inputs", () => {
    const inputs = { env: "prod", count: 2, list: ["x"], empty: "" };
    expect(runTitle({ prompt: " ", workflow: "release", inputs })).toBe("release · env: prod · count: 2");
    expect(runTitle({ prompt: "Fix it", workflow: "task", inputs: {} })).toBe("Fix it");
  });
});
