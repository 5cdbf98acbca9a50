// Terminal colours (ECMA-48 SGR) to styled pieces of text. Only text and class names leave here, never markup: what a
// program prints cannot become part of the page. Every other escape sequence is dropped.

export interface AnsiStyle {
  readonly fg: string; // "" for the default, "0".."15" for the palette, "#rrggbb" for the rest
  readonly bg: string;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
  readonly inverse: boolean;
}

export interface AnsiPiece {
  text: string;
  style: AnsiStyle;
}

export const plainStyle: AnsiStyle = {
  fg: "",
  bg: "",
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
};

const hex = (value: number) => Math.max(0, Math.min(255, value)).toString(16).padStart(2, "0");

// xterm's 256 colours: 16 of the palette, a 6×6×6 cube, 24 greys.
function indexed(index: number): string {
  if (index < 16) return String(Math.max(0, index));
  if (index >= 232) {
    const grey = hex(8 + (Math.min(index, 255) - 232) * 10);
    return `#${grey}${grey}${grey}`;
  }
  const cube = index - 16;
  const level = (step: number) => hex(step === 0 ? 0 : 55 + step * 40);
  return `#${level(Math.floor(cube / 36))}${level(Math.floor(cube / 6) % 6)}${level(cube % 6)}`;
}

// The colour after a 38 or 48, and how many parameters it took.
function extended(params: number[], at: number): { color: string; used: number } {
  if (params[at] === 5) return { color: indexed(params[at + 1] ?? 0), used: 2 };
  if (params[at] === 2) {
    const [red = 0, green = 0, blue = 0] = params.slice(at + 1, at + 4);
    return { color: `#${hex(red)}${hex(green)}${hex(blue)}`, used: 4 };
  }
  return { color: "", used: 1 };
}

function applySgr(style: AnsiStyle, params: number[]): AnsiStyle {
  const next = { ...style };
  for (let i = 0; i < params.length; i += 1) {
    const code = params[i] ?? 0;
    if (code === 0) Object.assign(next, plainStyle);
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 7) next.inverse = true;
    else if (code === 22) {
      next.bold = false;
      next.dim = false;
    } else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code === 27) next.inverse = false;
    else if (code >= 30 && code <= 37) next.fg = String(code - 30);
    else if (code >= 40 && code <= 47) next.bg = String(code - 40);
    else if (code >= 90 && code <= 97) next.fg = String(code - 82);
    else if (code >= 100 && code <= 107) next.bg = String(code - 92);
    else if (code === 39) next.fg = "";
    else if (code === 49) next.bg = "";
    else if (code === 38 || code === 48) {
      const { color, used } = extended(params, i + 1);
      if (code === 38) next.fg = color;
      else next.bg = color;
      i += used;
    }
  }
  return next;
}

// CSI, OSC (ended by BEL or ST), two-character escapes, and control characters that have no look.
const sequence =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this finds
  /\x1b\[([0-9;:?<=>]*)[ -/]*([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\^_=><78()#%*+.-]?|[\x00-\x08\x0b-\x1f\x7f]/g;

// Styled pieces of one line, starting in `style`; `style` in the answer is the one the next line starts in.
export function parseAnsi(line: string, style: AnsiStyle): { pieces: AnsiPiece[]; style: AnsiStyle } {
  const pieces: AnsiPiece[] = [];
  let current = style;
  let at = 0;
  for (const match of line.matchAll(sequence)) {
    if (match.index > at) pieces.push({ text: line.slice(at, match.index), style: current });
    at = match.index + match[0].length;
    if (match[2] === "m") current = applySgr(current, (match[1] ?? "").split(/[;:]/).map(Number));
  }
  if (at < line.length) pieces.push({ text: line.slice(at), style: current });
  return { pieces, style: current };
}

// What a terminal shows of a line that was overwritten by carriage returns (progress bars): its last version.
export function lastOverwrite(line: string): string {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  return text.slice(text.lastIndexOf("\r") + 1);
}
