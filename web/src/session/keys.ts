// Keys that a phone's keyboard does not have, as a terminal sends them.
export const phoneKeys = [
  { id: "esc", label: "Esc", name: "Esc key" },
  { id: "ctrl", label: "Ctrl", name: "Ctrl, for the next key" },
  { id: "tab", label: "Tab", name: "Tab key" },
  { id: "left", label: "←", name: "Left arrow" },
  { id: "up", label: "↑", name: "Up arrow" },
  { id: "down", label: "↓", name: "Down arrow" },
  { id: "right", label: "→", name: "Right arrow" },
  { id: "pipe", label: "|", name: "Pipe" },
  { id: "slash", label: "/", name: "Slash" },
  { id: "dash", label: "-", name: "Dash" },
  { id: "tilde", label: "~", name: "Tilde" },
] as const;

export type PhoneKey = (typeof phoneKeys)[number]["id"];

const arrows: Partial<Record<PhoneKey, string>> = { up: "A", down: "B", right: "C", left: "D" };
const plain: Partial<Record<PhoneKey, string>> = {
  esc: "\x1b",
  tab: "\t",
  pipe: "|",
  slash: "/",
  dash: "-",
  tilde: "~",
};

// Programs that take over the screen ask for other arrows ("application cursor keys").
export function bytesOfKey(key: PhoneKey, applicationCursor: boolean): string {
  const arrow = arrows[key];
  if (arrow) return `\x1b${applicationCursor ? "O" : "["}${arrow}`;
  return plain[key] ?? "";
}

// What a key gives while Ctrl is held: a letter or one of @[\]^_? and space; everything else is as it was.
export function withControl(data: string): string {
  if (data.length !== 1) return data;
  if (data === " ") return "\0";
  if (data === "?") return "\x7f";
  const code = data.toUpperCase().charCodeAt(0);
  return code >= 0x40 && code <= 0x5f ? String.fromCharCode(code & 0x1f) : data;
}

// Into a program that does not know pastes from typing, every line end of a paste is an Enter.
export const pasteIsRisky = (text: string, bracketed: boolean) => !bracketed && /[\r\n]/.test(text);
