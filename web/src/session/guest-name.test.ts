import { describe, expect, it } from "vitest";
import { guestName } from "./guest-name";

describe("guestName", () => {
  it("marks who is a guest, and leaves the nameless to the server", () => {
    expect([" Grace  Hopper ", "", "  "].map(guestName)).toEqual(["Grace Hopper (guest)", "", ""]);
  });
  it("is at most 64 bytes of whole letters", () => {
    const name = guestName("ü".repeat(60));
    expect(name).toBe(`${"ü".repeat(28)} (guest)`);
    expect(new TextEncoder().encode(name).length).toBe(64);
    expect(guestName("x🐎".repeat(20))).toBe(`${"x🐎".repeat(11)}x (guest)`);
  });
});
