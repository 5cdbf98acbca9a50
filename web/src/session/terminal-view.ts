// A terminal on the page: xterm.js with all that it needs, and the screen of a session's channel. Loaded when a terminal is
// looked at. It shows what it is given; its size is the session's, never its own.
import "@xterm/xterm/css/xterm.css";
import { SearchAddon } from "@xterm/addon-search";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { WebglAddon } from "@xterm/addon-webgl";
import { type ITheme, Terminal } from "@xterm/xterm";
import { allowStyles } from "./allowed-styles";
import type { Screen } from "./channel";
import { pasteIsRisky, withControl } from "./keys";
import { isFocusReport, silenceQueries } from "./queries";

export interface ViewOptions {
  fontSize: number;
  screenReader: boolean;
  onInput: (bytes: Uint8Array) => void;
  onTitle: (title: string) => void;
  onRiskyPaste: (text: string) => void; // to be asked about, and then paste()d
  onRefusedKey: () => void; // somebody types who may not now
  onMatches: (index: number, count: number) => void;
  onSearch: () => void; // the keys for it were pressed
  onControl: (held: boolean) => void;
  onStuck: () => void; // it shows nothing any more: a new one must take its place
  onLeave: () => void; // the keyboard is to go back to the page: the terminal takes Tab for itself
}

const scrollbarPx = 12;
const smallestFont = 4;
const stuckAfterMs = 8000;
const scrollback = 10_000;
const ansiNames = [
  "black",
  "red",
  "green",
  "yellow",
  "blue",
  "magenta",
  "cyan",
  "white",
  "brightBlack",
  "brightRed",
  "brightGreen",
  "brightYellow",
  "brightBlue",
  "brightMagenta",
  "brightCyan",
  "brightWhite",
] as const;

// The app's colours as they are now, light or dark: custom properties resolved by the browser.
function themeOf(host: HTMLElement): ITheme {
  const probe = document.createElement("span");
  probe.hidden = true;
  host.append(probe);
  const color = (name: string) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const theme: ITheme = {
    background: color("terminal-ground"),
    foreground: color("text"),
    cursor: color("accent"),
    cursorAccent: color("terminal-ground"),
    selectionBackground: color("terminal-selection"),
    overviewRulerBorder: color("terminal-ground"),
    scrollbarSliderBackground: color("line-strong"),
    scrollbarSliderHoverBackground: color("muted"),
    scrollbarSliderActiveBackground: color("muted"),
  };
  for (const [index, name] of ansiNames.entries()) theme[name] = color(`ansi-${index}`);
  probe.remove();
  return theme;
}

// Of what a search has found; the addon wants these as hex.
const marksOf = (match: string, active: string) => ({
  matchBackground: match,
  matchOverviewRuler: match,
  activeMatchBackground: active,
  activeMatchColorOverviewRuler: active,
});
const marks = { dark: marksOf("#5a4715", "#8a5a12"), light: marksOf("#f7e3a1", "#f0b65a") };

function openLink(_event: MouseEvent, uri: string) {
  if (/^(https?|mailto):/i.test(uri)) window.open(uri, "_blank", "noopener,noreferrer");
}

const utf8 = new TextEncoder();
const startsWithReset = (bytes: Uint8Array) => bytes[0] === 0x1b && bytes[1] === 0x63;

export class TerminalView implements Screen {
  readonly terminal: Terminal;
  private readonly search = new SearchAddon({ highlightLimit: 500 });
  private preferred: number;
  private control = false;
  private writable = true;
  private readonly undo: (() => void)[] = [];
  private waiting = 0; // writes that are not worked off
  private workedAt = 0;

  constructor(
    private readonly host: HTMLElement, // as large as the terminal; in a box that scrolls
    private readonly options: ViewOptions,
  ) {
    allowStyles();
    this.preferred = options.fontSize;
    const terminal = new Terminal({
      fontFamily: getComputedStyle(host).getPropertyValue("--mono").trim() || "monospace",
      fontSize: options.fontSize,
      screenReaderMode: options.screenReader,
      minimumContrastRatio: 4.5,
      scrollback,
      theme: themeOf(host),
      allowProposedApi: true, // for the marks of a search
      overviewRuler: { width: scrollbarPx },
      linkHandler: { activate: openLink, hover: this.hover, leave: this.leave },
    });
    this.terminal = terminal;
    silenceQueries(terminal.parser);
    terminal.loadAddon(this.search);
    terminal.loadAddon(new WebLinksAddon(openLink, { hover: this.hover, leave: this.leave }));
    terminal.open(host);
    this.loadWebgl();
    terminal.onData(this.data);
    terminal.onBinary((data) => this.send(Uint8Array.from(data, (char) => char.charCodeAt(0))));
    terminal.onTitleChange(options.onTitle);
    terminal.attachCustomKeyEventHandler(this.key);
    this.search.onDidChangeResults(({ resultIndex, resultCount }) =>
      options.onMatches(resultIndex, resultCount),
    );
    host.addEventListener("paste", this.paste, { capture: true });
    this.undo.push(() => host.removeEventListener("paste", this.paste, { capture: true }));
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const recolor = () => {
      terminal.options.theme = themeOf(host);
    };
    const watcher = new MutationObserver(recolor); // the app's own choice of theme
    watcher.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    dark.addEventListener("change", recolor);
    this.undo.push(() => watcher.disconnect());
    const watching = setInterval(this.watch, stuckAfterMs / 4);
    this.undo.push(() => clearInterval(watching));
    this.undo.push(() => dark.removeEventListener("change", recolor));
  }

  dispose() {
    for (const undo of this.undo) undo();
    this.terminal.dispose();
  }

  // ---- what the session prints ----

  snapshot(bytes: Uint8Array, done: () => void) {
    if (!startsWithReset(bytes)) this.terminal.write("\x1bc");
    this.write(bytes, done);
  }

  output(bytes: Uint8Array, done: () => void) {
    this.write(bytes, done);
  }

  private write(bytes: Uint8Array, done: () => void) {
    if (this.waiting === 0) this.workedAt = Date.now();
    this.waiting += 1;
    this.terminal.write(bytes, () => {
      this.waiting -= 1;
      this.workedAt = Date.now();
      done();
    });
  }

  // A sequence that makes xterm.js throw (there are such) stops it for good: it never comes to what was written after.
  private readonly watch = () => {
    const visible = document.visibilityState === "visible"; // in the background a browser lets everything wait
    if (!visible) this.workedAt = Date.now();
    else if (this.waiting > 0 && Date.now() - this.workedAt > stuckAfterMs) this.options.onStuck();
  };

  resized(columns: number, rows: number) {
    // In its turn: what was printed before is for the size before.
    this.terminal.write("", () => {
      if (columns === this.terminal.cols && rows === this.terminal.rows) return;
      this.terminal.resize(columns, rows);
      this.onSize();
    });
  }
  onSize: () => void = () => {};

  // Once a session has ended nothing is waited for.
  hideCursor() {
    this.terminal.write("\x1b[?25l");
  }

  // ---- what is typed ----

  get bracketedPaste(): boolean {
    return this.terminal.modes.bracketedPasteMode;
  }

  get applicationCursor(): boolean {
    return this.terminal.modes.applicationCursorKeysMode;
  }

  setWritable(writable: boolean) {
    this.writable = writable;
    this.terminal.options.cursorBlink = writable;
    if (!writable) this.holdControl(false);
  }

  holdControl(held: boolean) {
    if (this.control === held) return;
    this.control = held;
    this.options.onControl(held);
  }

  press(bytes: string) {
    this.terminal.input(bytes, true);
  }

  pasteText(text: string) {
    this.terminal.paste(text);
  }

  focus() {
    this.terminal.focus();
  }

  private readonly data = (data: string) => {
    if (isFocusReport(data)) return;
    const typed = this.control ? withControl(data) : data;
    this.holdControl(false);
    this.send(utf8.encode(typed));
  };

  private send(bytes: Uint8Array) {
    if (this.writable) this.options.onInput(bytes);
    else this.options.onRefusedKey();
  }

  private readonly paste = (event: ClipboardEvent) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!this.writable || !pasteIsRisky(text, this.bracketedPaste)) return;
    event.preventDefault();
    event.stopPropagation();
    this.options.onRiskyPaste(text);
  };

  // Keys that are the page's: search and copy, with Shift so that the program keeps its own.
  private readonly key = (event: KeyboardEvent): boolean => {
    if (event.type !== "keydown" || !event.ctrlKey || !event.shiftKey) return true;
    if (event.code === "KeyF") {
      event.preventDefault();
      this.options.onSearch();
      return false;
    }
    if (event.code === "KeyX") {
      event.preventDefault();
      this.options.onLeave();
      return false;
    }
    if (event.code === "KeyC" && this.terminal.hasSelection()) {
      event.preventDefault();
      document.execCommand("copy");
      return false;
    }
    return event.code !== "KeyV"; // the browser pastes
  };

  // ---- how it looks ----

  // The width and height of one character, at the present font.
  private cell(): { width: number; height: number } {
    const screen = this.host.querySelector<HTMLElement>(".xterm-screen");
    return {
      width: (screen?.offsetWidth ?? 0) / this.terminal.cols || this.preferred * 0.6,
      height: (screen?.offsetHeight ?? 0) / this.terminal.rows || this.preferred * 1.2,
    };
  }

  // What the host's own edge takes of its box.
  private edge(): { width: number; height: number } {
    const { offsetWidth, offsetHeight } = this.host;
    const style = getComputedStyle(this.host);
    return {
      width: offsetWidth - Number.parseFloat(style.width),
      height: offsetHeight - Number.parseFloat(style.height),
    };
  }

  // How many columns and rows of the preferred font a box holds.
  sizeFor(boxWidth: number, boxHeight: number): { columns: number; rows: number } {
    const edge = this.edge();
    const width = boxWidth - edge.width;
    const height = boxHeight - edge.height;
    this.terminal.options.fontSize = this.preferred;
    const cell = this.cell();
    return {
      columns: Math.max(20, Math.floor((width - scrollbarPx) / cell.width)),
      rows: Math.max(5, Math.floor(height / cell.height)),
    };
  }

  // Shows all of it in the box, with a smaller font if it must; or at the preferred font, for panning. Scaling the font and
  // not the picture keeps letters sharp and selections under the pointer.
  layOut(boxWidth: number, boxHeight: number, whole: boolean) {
    const { terminal } = this;
    const edge = this.edge();
    const width = Math.floor(boxWidth - edge.width);
    const height = Math.floor(boxHeight - edge.height);
    const needs = () => {
      const cell = this.cell();
      return { width: cell.width * terminal.cols + scrollbarPx, height: cell.height * terminal.rows };
    };
    terminal.options.fontSize = this.preferred;
    if (whole) {
      const { width: wide, height: high } = needs();
      const ratio = Math.min(1, width / wide, height / high);
      let size = Math.max(smallestFont, Math.floor(this.preferred * ratio * 4) / 4);
      for (;;) {
        terminal.options.fontSize = size;
        const now = needs();
        if (size <= smallestFont || (now.width <= width && now.height <= height)) break;
        size -= 0.25;
      }
    }
    const { width: wide, height: high } = needs();
    this.host.style.width = `${Math.ceil(wide)}px`;
    this.host.style.height = `${Math.ceil(high)}px`;
  }

  private get dark(): boolean {
    return Number(/\d+/.exec(this.terminal.options.theme?.background ?? "")?.[0] ?? 0) < 128;
  }

  setFontSize(size: number) {
    this.preferred = size;
  }

  setScreenReader(on: boolean) {
    this.terminal.options.screenReaderMode = on;
  }

  get selection(): string {
    return this.terminal.getSelection();
  }

  find(text: string, back: boolean, typing: boolean) {
    const decorations = this.dark ? marks.dark : marks.light;
    if (!text) this.search.clearDecorations();
    else if (back) this.search.findPrevious(text, { decorations });
    else this.search.findNext(text, { decorations, incremental: typing });
  }

  stopSearch() {
    this.search.clearDecorations();
    this.terminal.clearSelection();
  }

  private readonly hover = (_event: MouseEvent, uri: string) => {
    this.host.title = uri; // what a link says may not be where it leads
  };
  private readonly leave = () => {
    this.host.removeAttribute("title");
  };

  // WebGL is fastest; without it, or when the browser takes it away, the page draws with elements.
  private loadWebgl() {
    try {
      const webgl = new WebglAddon();
      webgl.onContextLoss(() => webgl.dispose());
      this.terminal.loadAddon(webgl);
    } catch {
      // No WebGL 2 here.
    }
  }
}
