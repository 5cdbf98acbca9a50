import { describe, expect, it } from "vitest";
import { guestName } from "./guest-name";

describe("guestName", () => {
  it("is what was said, and leaves the nameless to the server", () => {
    expect([" Grace  Hopper ", "", "  "].map(guestName)).toEqual(["Grace Hopper", "", ""]);
  });
  it("is at most 64 bytes of whole letters", () => {
    const name = guestName("ü".repeat(60));
    expect(name).toBe("ü".repeat(32));
    expect(new TextEncoder().encode(name).length).toBe(64);
    expect(guestName("x🐎".repeat(20))).toBe(`${"x🐎".repeat(12)}x`);
  });
});
