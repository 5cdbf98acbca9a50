import { describe, expect, it } from "vitest";
import { shownAs } from "./content";
import { folderOf, foldersAbove, join, nameOf } from "./paths";

const bytes = (...values: number[]) => new Uint8Array(values);
const ascii = (text: string) => new TextEncoder().encode(text);

describe("paths", () => {
  it("are taken apart and put together", () => {
    expect(join("", "a")).toBe("a");
    expect(join("a/b", "c")).toBe("a/b/c");
    expect(folderOf("a/b/c")).toBe("a/b");
    expect(folderOf("c")).toBe("");
    expect(nameOf("a/b/c")).toBe("c");
    expect(nameOf("c")).toBe("c");
  });
  it("know the folders that they are in", () => {
    expect(foldersAbove("a/b/c")).toEqual(["a", "a/b"]);
    expect(foldersAbove("c")).toEqual([]);
    expect(foldersAbove("")).toEqual([]);
  });
});

describe("what is shown of a file", () => {
  it("is text when it is UTF-8", () => {
    expect(shownAs(ascii("añ\n"))).toEqual({ kind: "text", text: "añ\n" });
    expect(shownAs(bytes())).toEqual({ kind: "text", text: "" });
    expect(shownAs(ascii("<script>alert(1)</script>")).kind).toBe("text");
  });
  it("is nothing when it is neither text nor a picture", () => {
    expect(shownAs(bytes(0x41, 0))).toEqual({ kind: "binary" });
    expect(shownAs(bytes(0xff, 0xfe))).toEqual({ kind: "binary" });
    expect(shownAs(null)).toEqual({ kind: "large" });
  });
  it("is a picture by its first bytes only", () => {
    const png = bytes(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1);
    expect(shownAs(png)).toEqual({ kind: "picture", url: "data:image/png;base64,iVBORw0KGgoB" });
    expect(shownAs(ascii("GIF89a")).kind).toBe("picture");
    expect(shownAs(bytes(0xff, 0xd8, 0xff, 0xe0)).kind).toBe("picture");
    expect(shownAs(ascii("RIFF....WEBP")).kind).toBe("picture");
    expect(shownAs(ascii("RIFF....WAVE")).kind).toBe("text");
    expect(shownAs(ascii('<svg xmlns="http://www.w3.org/2000/svg"/>')).kind).toBe("text");
  });
  it("may be a large picture", () => {
    const large = new Uint8Array(300_000).fill(7);
    large.set([0xff, 0xd8, 0xff]);
    const shown = shownAs(large);
    expect(shown.kind === "picture" && atob(shown.url.split(",")[1] ?? "").length).toBe(300_000);
  });
});
