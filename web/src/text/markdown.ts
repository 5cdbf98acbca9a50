// The Markdown that agents write, into a tree: paragraphs, headings, lists, quotes, code, tables, emphasis, links.
// HTML in it stays text; a link that is not http, https or mailto stays text. The page renders the tree as elements, so
// nothing a model says can become markup.

export type Inline =
  | { type: "text"; text: string }
  | { type: "code"; text: string }
  | { type: "strong" | "em" | "del"; children: Inline[] }
  | { type: "link"; href: string; children: Inline[] }
  | { type: "break" };

export interface ListItem {
  checked: boolean | null; // null: no task box
  blocks: Block[];
}

export type Block =
  | { type: "paragraph"; children: Inline[] }
  | { type: "heading"; level: number; children: Inline[] }
  | { type: "code"; language: string; text: string }
  | { type: "quote"; blocks: Block[] }
  | { type: "list"; ordered: boolean; start: number; items: ListItem[] }
  | { type: "table"; head: Inline[][]; rows: Inline[][][] }
  | { type: "rule" };

const deepest = 12; // nesting beyond this stays text: input is not trusted to be sane

export function safeHref(href: string): string | null {
  try {
    const url = new URL(href);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null; // relative links have nothing to point at here
  }
}

const inlinePattern =
  /(`+)(?!`)([\s\S]*?[^`])\1(?!`)|\[((?:[^[\]\\]|\\.){1,500})\]\(<?([^()\s<>]{1,2000}(?:\([^()\s<>]*\))?)>?(?:\s+"[^"]*")?\)|(\*\*|__)(?=\S)([\s\S]*?\S)\5|~~(?=\S)([\s\S]*?\S)~~|(\*|_)(?=[^\s*_])([\s\S]*?[^\s*_])\8|(https?:\/\/[^\s<>"'`)\]]+[^\s<>"'`)\].,;:!?])|\\([\\`*_{}[\]()#+\-.!|~>])|( {2,}\n|\\\n)/;

export function parseInline(source: string, depth = 0): Inline[] {
  const nodes: Inline[] = [];
  const addText = (text: string) => {
    const last = nodes.at(-1);
    if (last?.type === "text") last.text += text;
    else if (text) nodes.push({ type: "text", text });
  };
  let rest = source;
  let previous = "";
  for (;;) {
    const match = depth < deepest ? inlinePattern.exec(rest) : null;
    if (!match) {
      addText(rest);
      return nodes;
    }
    const before = match.index > 0 ? (rest[match.index - 1] ?? "") : previous;
    const [
      whole,
      ,
      code,
      linkText,
      href,
      ,
      strong,
      strike,
      emphasisSign,
      emphasis,
      bare,
      escaped,
      lineBreak,
    ] = match;
    addText(rest.slice(0, match.index));
    const after = rest[match.index + whole.length] ?? "";
    // snake_case_names are no emphasis.
    const inWord = (match[5] === "__" || emphasisSign === "_") && (/\w/.test(before) || /\w/.test(after));
    const target = href === undefined ? null : safeHref(href);
    let taken = whole.length;
    if (code !== undefined) nodes.push({ type: "code", text: code.replace(/^ (.*) $/s, "$1") });
    else if (inWord) {
      taken = (match[5] ?? emphasisSign ?? "_").length;
      addText(rest.slice(match.index, match.index + taken));
    } else if (linkText !== undefined && target)
      nodes.push({ type: "link", href: target, children: parseInline(linkText, depth + 1) });
    else if (strong !== undefined) nodes.push({ type: "strong", children: parseInline(strong, depth + 1) });
    else if (strike !== undefined) nodes.push({ type: "del", children: parseInline(strike, depth + 1) });
    else if (emphasis !== undefined) nodes.push({ type: "em", children: parseInline(emphasis, depth + 1) });
    else if (bare !== undefined && safeHref(bare))
      nodes.push({ type: "link", href: safeHref(bare) ?? "", children: [{ type: "text", text: bare }] });
    else if (escaped !== undefined) addText(escaped);
    else if (lineBreak !== undefined) nodes.push({ type: "break" });
    else addText(whole);
    previous = rest[match.index + taken - 1] ?? "";
    rest = rest.slice(match.index + taken);
  }
}

const fence = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$/;
const heading = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
const rule = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const item = /^( *)([-*+]|\d{1,9}[.)])(?:\s+(.*)|$)/;
const tableRule = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

const cells = (line: string) =>
  line
    .trim()
    .replace(/^\||(?<!\\)\|$/g, "")
    .split(/(?<!\\)\|/)
    .map((cell) => parseInline(cell.trim().replaceAll("\\|", "|")));

class BlockParser {
  private at = 0;

  constructor(
    private readonly lines: string[],
    private readonly depth: number,
  ) {}

  parse(): Block[] {
    const blocks: Block[] = [];
    while (this.at < this.lines.length) {
      if ((this.lines[this.at] ?? "").trim() === "") this.at += 1;
      else blocks.push(this.block());
    }
    return blocks;
  }

  private nested(lines: string[]): Block[] {
    if (this.depth >= deepest)
      return [{ type: "paragraph", children: [{ type: "text", text: lines.join("\n") }] }];
    return new BlockParser(lines, this.depth + 1).parse();
  }

  private block(): Block {
    const line = this.lines[this.at] ?? "";
    const fenced = fence.exec(line);
    if (fenced) return this.code(fenced[1] ?? "```", fenced[2] ?? "");
    const title = heading.exec(line);
    if (title) {
      this.at += 1;
      return { type: "heading", level: title[1]?.length ?? 1, children: parseInline(title[2] ?? "") };
    }
    if (rule.test(line)) {
      this.at += 1;
      return { type: "rule" };
    }
    if (/^ {0,3}>/.test(line)) return this.quote();
    if (item.test(line)) return this.list();
    if (line.includes("|") && tableRule.test(this.lines[this.at + 1] ?? "")) return this.table();
    return this.paragraph();
  }

  private code(sign: string, language: string): Block {
    const text: string[] = [];
    this.at += 1;
    while (this.at < this.lines.length) {
      const line = this.lines[this.at] ?? "";
      this.at += 1;
      if (line.trim().startsWith(sign) && line.trim().replaceAll(sign[0] ?? "`", "") === "") break;
      text.push(line);
    }
    return { type: "code", language, text: text.join("\n") };
  }

  private quote(): Block {
    const lines: string[] = [];
    while (this.at < this.lines.length && /^ {0,3}>/.test(this.lines[this.at] ?? "")) {
      lines.push((this.lines[this.at] ?? "").replace(/^ {0,3}> ?/, ""));
      this.at += 1;
    }
    return { type: "quote", blocks: this.nested(lines) };
  }

  private list(): Block {
    const first = item.exec(this.lines[this.at] ?? "");
    const indent = first?.[1]?.length ?? 0;
    const ordered = /\d/.test(first?.[2] ?? "");
    const items: ListItem[] = [];
    while (this.at < this.lines.length) {
      const found = item.exec(this.lines[this.at] ?? "");
      if (!found || (found[1]?.length ?? 0) !== indent || /\d/.test(found[2] ?? "") !== ordered) break;
      const box = /^\[([ xX])\]\s+(.*)$/.exec(found[3] ?? "");
      const lines = [box ? (box[2] ?? "") : (found[3] ?? "")];
      const inner = indent + (found[2]?.length ?? 1) + 1;
      this.at += 1;
      while (this.at < this.lines.length) {
        const line = this.lines[this.at] ?? "";
        const next = this.lines[this.at + 1] ?? "";
        const deeper = line.search(/\S/) > indent;
        if (
          line.trim() === ""
            ? next.search(/\S/) <= indent
            : !deeper && (item.test(line) || this.startsBlock(line))
        )
          break;
        // A line after a blank one belongs to the item only when it is indented; else the list is over.
        if (!deeper && line.trim() !== "" && (lines.at(-1) ?? "").trim() === "" && lines.length > 1) break;
        lines.push(line.replace(new RegExp(`^ {0,${inner}}`), ""));
        this.at += 1;
      }
      items.push({ checked: box ? box[1] !== " " : null, blocks: this.nested(lines) });
      const blank = (this.lines[this.at] ?? "x").trim() === "";
      if (blank && item.exec(this.lines[this.at + 1] ?? "")?.[1]?.length === indent) this.at += 1;
    }
    return { type: "list", ordered, start: ordered ? Number.parseInt(first?.[2] ?? "1", 10) : 1, items };
  }

  private table(): Block {
    const head = cells(this.lines[this.at] ?? "");
    this.at += 2;
    const rows: Inline[][][] = [];
    while (this.at < this.lines.length && (this.lines[this.at] ?? "").includes("|")) {
      rows.push(cells(this.lines[this.at] ?? "").slice(0, head.length));
      this.at += 1;
    }
    return { type: "table", head, rows };
  }

  private startsBlock(line: string): boolean {
    return fence.test(line) || heading.test(line) || rule.test(line) || /^ {0,3}>/.test(line);
  }

  private paragraph(): Block {
    const lines = [this.lines[this.at] ?? ""];
    this.at += 1;
    while (this.at < this.lines.length) {
      const line = this.lines[this.at] ?? "";
      if (line.trim() === "" || this.startsBlock(line) || item.test(line)) break;
      lines.push(line);
      this.at += 1;
    }
    return { type: "paragraph", children: parseInline(lines.join("\n").trim()) };
  }
}

export function parseMarkdown(source: string): Block[] {
  return new BlockParser(source.replaceAll("\r\n", "\n").replaceAll("\t", "    ").split("\n"), 0).parse();
}
