import { describe, expect, it } from "vitest";
import { viewerName } from "./viewer-name";

describe("viewerName", () => {
  it("tells a guest from a user, whatever the guest calls itself", () => {
    const names = [
      { name: "ada", guest: false, you: false },
      { name: "ada", guest: true, you: false },
      { name: "ada", guest: true, you: true },
      { name: "guest", guest: true, you: false },
      { name: "ada", you: true }, // of a server that does not say
    ].map(viewerName);
    expect(names).toEqual(["ada", "ada (guest)", "ada (guest) (you)", "guest", "ada (you)"]);
  });
});
