// What a guest is called: who comes by a share link has no account, and says so themselves. Kept in this browser.
const key = "corral.guest";
const largest = 64; // bytes: what the protocol allows

// As much of it as fits, without ends cut through a letter. Empty: the server's word for a guest.
export function guestName(said: string): string {
  const name = said.replaceAll(/\s+/g, " ").trim();
  let fits = "";
  let bytes = 0;
  for (const char of name) {
    bytes += new TextEncoder().encode(char).length;
    if (bytes > largest) break;
    fits += char;
  }
  return fits.trimEnd();
}

// Null: not asked yet.
export function keptGuestName(): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function keepGuestName(said: string) {
  try {
    localStorage.setItem(key, said);
  } catch {
    // Storage is blocked: it is asked again the next time.
  }
}
