import { type AnsiPiece, type AnsiStyle, lastOverwrite, parseAnsi, plainStyle } from "./ansi";

// The lines of a log that grows at its end. Holds at most `capacity` lines and says how many it let go; lines are
// parsed only when they are looked at, starting from the style that the line before left behind.
export class LogBuffer {
  private lines: string[] = [];
  private starts: AnsiStyle[] = []; // the style each line starts in
  private open = ""; // the last line, while its newline has not come
  private openStart: AnsiStyle = plainStyle;
  private droppedLines = 0;

  constructor(private readonly capacity: number) {}

  get length(): number {
    return this.lines.length + (this.open === "" ? 0 : 1);
  }

  get dropped(): number {
    return this.droppedLines;
  }

  append(text: string) {
    const parts = (this.open + text).split("\n");
    this.open = parts.pop() ?? "";
    for (const part of parts) {
      this.lines.push(part);
      this.starts.push(this.openStart);
      if (part.includes("\x1b")) this.openStart = parseAnsi(part, this.openStart).style;
    }
    const extra = this.lines.length - this.capacity;
    // Trimmed in large steps: each trim moves the whole array.
    if (extra > this.capacity / 10) {
      this.lines.splice(0, extra);
      this.starts.splice(0, extra);
      this.droppedLines += extra;
    }
  }

  pieces(index: number): AnsiPiece[] {
    const isOpen = index === this.lines.length;
    const line = isOpen ? this.open : (this.lines[index] ?? "");
    const start = isOpen ? this.openStart : (this.starts[index] ?? plainStyle);
    return parseAnsi(lastOverwrite(line), start).pieces;
  }
}
