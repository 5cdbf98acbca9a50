// What of a file can be shown. Its bytes are an agent's: nothing of them is ever a page or a script.

export const mostShown = 512 * 1024; // bytes; more is to be downloaded

export type Shown =
  | { kind: "text"; text: string }
  | { kind: "picture"; url: string }
  | { kind: "binary" }
  | { kind: "large" };

// By its first bytes, not by its name. No SVG: that is a document.
function pictureType(bytes: Uint8Array): string | null {
  const begins = (at: number, text: string) =>
    [...text].every((char, offset) => bytes[at + offset] === char.charCodeAt(0));
  if (begins(0, "\x89PNG\r\n\x1a\n")) return "image/png";
  if (begins(0, "\xff\xd8\xff")) return "image/jpeg";
  if (begins(0, "GIF87a") || begins(0, "GIF89a")) return "image/gif";
  return begins(0, "RIFF") && begins(8, "WEBP") ? "image/webp" : null;
}

function base64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 0x8000)
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(binary);
}

export function shownAs(bytes: Uint8Array | null): Shown {
  if (!bytes) return { kind: "large" };
  const type = pictureType(bytes);
  if (type) return { kind: "picture", url: `data:${type};base64,${base64(bytes)}` };
  if (bytes.includes(0)) return { kind: "binary" };
  try {
    return { kind: "text", text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return { kind: "binary" };
  }
}
