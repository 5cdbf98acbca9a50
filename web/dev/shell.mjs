// A toy shell for the mock's terminals: enough to type, print, resize, ask and end. `print` takes what it says.
const prompt = "\x1b[1;32mada@corral\x1b[0m:\x1b[1;34m/workspace\x1b[0m$ ";

const commands = {
  help: () =>
    "echo WORDS · colors · link · lines N · wait SECONDS · bracketed on|off · ask · title TEXT · exit N\r\n",
  echo: (words) => `${words.join(" ")}\r\n`,
  colors: () =>
    `${[0, 1].map((bright) => Array.from({ length: 8 }, (_, color) => `\x1b[${(bright ? 90 : 30) + color}m color ${color} `).join("")).join("\r\n")}\x1b[0m\r\n\x1b[38;2;255;100;0m24 bits\x1b[0m\r\n`,
  link: () => "\x1b]8;;https://example.org/docs\x07the docs\x1b]8;;\x07 https://example.org/plain\r\n",
  lines: ([count = "10"]) =>
    Array.from({ length: Number(count) }, (_, line) => `line ${line + 1}\r\n`).join(""),
  bracketed: ([how]) => (how === "on" ? "\x1b[?2004h" : "\x1b[?2004l"),
  title: (words) => `\x1b]0;${words.join(" ")}\x07`,
  // All that a program may ask its terminal; a viewer must answer none of it.
  ask: () =>
    "\x1b[c\x1b[>c\x1b[5n\x1b[6n\x1b[?6n\x1b[?2026$p\x1b[4$p\x1b[>q\x1bP$qm\x1b\\\x1b]10;?\x07\x1b]11;?\x07\x1b]12;?\x07\x1b]4;1;?\x07\x1b[18t\x1b[14t\x1bZ\x1b[?1004hasked\r\n",
};

export class Shell {
  constructor(print, end) {
    this.print = print;
    this.end = end;
    this.line = "";
    print(prompt);
  }

  type(text) {
    // Without what surrounds a paste, and without arrows.
    const [first, ...rest] = text.split("\x1b");
    const keys = rest.map((part) => part.replace(/^(\[20[01]~|\[[A-D]|O[A-D])/, ""));
    for (const char of [first, ...keys].join("")) this.key(char);
  }

  key(char) {
    if (char === "\x03") {
      this.line = "";
      this.print(`^C\r\n${prompt}`);
    } else if (char === "\x04" && this.line === "") {
      this.print("exit\r\n");
      this.end(0);
    } else if (char === "\x7f") {
      if (this.line !== "") this.print("\b \b");
      this.line = this.line.slice(0, -1);
    } else if (char === "\r" || char === "\n") {
      this.print("\r\n");
      this.run();
    } else if (char >= " ") {
      this.line += char;
      this.print(char);
    }
  }

  run() {
    const line = this.line.replaceAll(/\$\(\((\d+)\)\)/g, "$1"); // all the arithmetic that it knows
    const [name = "", ...words] = line.trim().split(/\s+/);
    this.line = "";
    if (name === "exit") return this.end(Number(words[0] ?? 0));
    if (name !== "") this.print(commands[name]?.(words) ?? `${name}: command not found\r\n`);
    this.print(prompt);
  }
}
