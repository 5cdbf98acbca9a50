// Who this tab is on the WebSocket: kept over a reload, so that a viewer who comes back is the same one. A duplicated tab
// copies its storage, and two viewers of one id would cut off each other's typing: so the id is in storage only while no
// page holds it, from `pagehide` to the next load.
const key = "corral.viewer";

let held: string | null = null;

export function freshViewerId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

export function viewerId(): string {
  if (held) return held;
  try {
    const kept = sessionStorage.getItem(key);
    sessionStorage.removeItem(key);
    held = kept && /^[A-Za-z0-9_-]{16,64}$/.test(kept) ? kept : freshViewerId();
    const mine = held;
    window.addEventListener("pagehide", () => sessionStorage.setItem(key, mine));
    window.addEventListener("pageshow", () => sessionStorage.removeItem(key));
  } catch {
    held ??= freshViewerId(); // storage is blocked: the id holds for this page only
  }
  return held;
}
