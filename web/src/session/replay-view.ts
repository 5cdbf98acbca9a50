// The terminal on which a recording is played.
import { SerializeAddon } from "@xterm/addon-serialize";
import type { PlayerScreen } from "./player";
import { TerminalView } from "./terminal-view";

const picturedScrollback = 500;

export class ReplayView implements PlayerScreen {
  readonly view: TerminalView;
  private readonly serializer = new SerializeAddon();

  constructor(host: HTMLElement, fontSize: number) {
    const nothing = () => {};
    this.view = new TerminalView(host, {
      fontSize,
      screenReader: false,
      onInput: nothing,
      onTitle: nothing,
      onRiskyPaste: nothing,
      onRefusedKey: nothing,
      onMatches: nothing,
      onSearch: nothing,
      onControl: nothing,
      onLeave: nothing,
      onStuck: nothing,
    });
    this.view.setWritable(false);
    this.view.terminal.options.disableStdin = true;
    this.view.terminal.loadAddon(this.serializer);
  }

  dispose() {
    this.view.dispose();
  }

  reset(columns: number, rows: number) {
    this.view.terminal.write("\x1bc");
    this.view.resized(columns, rows);
  }

  write(text: string) {
    this.view.terminal.write(text);
  }

  resize(columns: number, rows: number) {
    this.view.resized(columns, rows);
  }

  async picture() {
    const { terminal } = this.view;
    await new Promise<void>((resolve) => terminal.write("", resolve));
    const text = this.serializer.serialize({ scrollback: picturedScrollback });
    return { columns: terminal.cols, rows: terminal.rows, text };
  }
}
