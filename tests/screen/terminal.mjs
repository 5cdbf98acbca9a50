// An xterm.js without a window, and all of its state as plain data.
import headless from "@xterm/headless";

const styles = ["none", "single", "double", "curly", "dotted", "dashed"];
const colorMask = 0x3ffffff;

export class Peer {
  constructor(columns, rows, scrollback) {
    this.term = new headless.Terminal({ cols: columns, rows, scrollback, allowProposedApi: true, logLevel: "off" });
    this.core = this.term._core;
    this.replies = "";
    this.title = "";
    this.colors = {};
    this.held = Buffer.alloc(0);
    this.term.onData((data) => { this.replies += data; });
    this.term.onTitleChange((title) => { this.title = title; });
    this.core._inputHandler.onColor((events) => {
      for (const { type, index, color } of events) {
        if (type === 1) this.colors[index] = color.join();
        if (type !== 2) continue;
        for (const key of Object.keys(this.colors)) if (index === undefined ? Number(key) < 256 : Number(key) === index) delete this.colors[key];
      }
    });
  }

  // Whole characters only: xterm.js loses some that are split between two writes (one whose second byte is 0x80).
  async write(bytes) {
    const all = Buffer.concat([this.held, bytes]);
    const end = wholeCharacters(all, all.length);
    this.held = Buffer.from(all.subarray(end));
    for (let from = 0; from < end;) {
      const to = wholeCharacters(all, Math.min(end, from + 100_000));
      const piece = all.subarray(from, to);
      await new Promise((done) => this.term.write(piece, done));
      from = to;
    }
  }

  resize(columns, rows) { this.term.resize(columns, rows); }
  dispose() { this.term.dispose(); }

  // Everything as lines of text, to be compared one by one.
  dump() {
    const { core } = this;
    const handler = core._inputHandler;
    const parser = handler._parser;
    const { normal, alt, active } = core._bufferService.buffers;
    const out = [];
    const put = (name, value) => out.push(`${name}: ${JSON.stringify(value)}`);
    put("size", [this.term.cols, this.term.rows]);
    put("active", active === alt ? "alternate" : "normal");
    put("cursor", [active.x, active.y, core.coreService.isCursorHidden]);
    put("modes", [core.coreService.modes, core.coreService.decPrivateModes, core.optionsService.rawOptions.convertEol, core.optionsService.rawOptions.cursorBlink]);
    put("mouse", [core.coreMouseService.activeProtocol, core.coreMouseService.activeEncoding]);
    put("title", this.title);
    put("colors", Object.entries(this.colors).sort());
    const charsets = core._charsetService;
    put("charsets", [0, 1, 2, 3].map((g) => charsets._charsets[g]?.["q"] ?? charsets._charsets[g] ?? null).concat([charsets.glevel, charsets.charset ?? null]));
    put("pen", this.attributes(handler._curAttrData.fg, handler._curAttrData.bg, handler._curAttrData.extended));
    put("parser", [parser.currentState, parser.currentState === 0 ? 0 : parser._collect, parser.precedingJoinState >> 1, this.held.toString("hex")]);
    for (const [name, buffer] of [["normal", normal], ["alternate", alt]]) {
      const saved = Math.min(Math.max(buffer.savedY - buffer.ybase, 0), this.term.rows - 1);
      const attributes = this.attributes(buffer.savedCurAttrData.fg, buffer.savedCurAttrData.bg & ~0x10000000, handler._curAttrData.extended);
      put(`${name} saved`, [Math.min(buffer.savedX, this.term.cols - 1), saved, attributes, buffer.savedCharset ?? null]);
      if (name === "alternate" && active !== alt) continue;
      put(`${name} margins`, [buffer.scrollTop, buffer.scrollBottom]);
      put(`${name} tabs`, Object.keys(buffer.tabs).filter((at) => buffer.tabs[at] && Number(at) < this.term.cols).join());
      // What xterm.js keeps of the alternate screen above the visible part, when it was higher once, nobody sees.
      const first = name === "alternate" ? buffer.ybase : 0;
      put(`${name} lines`, buffer.lines.length - first);
      for (let y = first; y < buffer.lines.length; ++y) out.push(`${name} ${y - first}: ${this.line(buffer.lines.get(y), y - first)}`);
    }
    return out;
  }

  attributes(fg, bg, extended) {
    const color = (value) => {
      const mode = value & 0x3000000;
      return mode === 0 ? "-" : mode === 0x3000000 ? `#${(value & 0xffffff).toString(16)}` : `${mode === 0x1000000 ? "p" : "c"}${value & 255}`;
    };
    let text = `${color(fg)} ${color(bg)} ${(fg >>> 26 & ~4).toString(16)} ${(bg >>> 26 & 0x1f & ~4).toString(16)}`;
    if (fg & 0x10000000) {
      const style = bg & 0x10000000 ? extended.underlineStyle : 1;
      if (style) text += ` underline ${styles[style]}${bg & 0x10000000 ? color(extended.underlineColor & colorMask) : "-"}`;
    }
    if (bg & 0x10000000 && extended.urlId) text += ` link ${JSON.stringify(this.core._oscLinkService.getLinkData(extended.urlId))}`;
    return text;
  }

  line(line, y) {
    let text = y > 0 && line.isWrapped ? "+" : " ";
    let last = "";
    for (let x = 0; x < this.term.cols; ++x) {
      const bg = line.getBg(x);
      const attributes = this.attributes(line.getFg(x), bg, bg & 0x10000000 ? line._extendedAttrs[x] : undefined);
      if (attributes !== last) text += `{${attributes}}`;
      last = attributes;
      const chars = line.getString(x);
      // A right half without its left one shows as a blank does.
      const half = line.getWidth(x) === 0 && x > 0 && line.getWidth(x - 1) === 2;
      text += chars === "" ? (half ? "~" : ".") : line.getWidth(x) === 1 && chars.length === 1 ? chars : `<${line.getWidth(x)}${chars}>`;
    }
    return text;
  }
}

// The last place at or before `end` that is between two characters of UTF-8.
function wholeCharacters(bytes, end) {
  for (let back = 1; back <= Math.min(3, end); ++back) {
    const byte = bytes[end - back];
    if (byte < 0x80) return end;
    if (byte >= 0xc0) return (byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4) > back ? end - back : end;
  }
  return end;
}
