// What a tool call is about, in a few words: "Edit src/tally.py", "Run make test".

export type CallIcon = "run" | "edit" | "write" | "read" | "search" | "web" | "todo" | "delegate" | "tool";

export interface CallTitle {
  icon: CallIcon;
  verb: string;
  target: string;
  note: string;
}

type Fields = Record<string, unknown>;

export function fieldsOf(input: unknown): Fields {
  return typeof input === "object" && input !== null && !Array.isArray(input) ? (input as Fields) : {};
}

export function textField(input: unknown, name: string): string {
  const value = fieldsOf(input)[name];
  return typeof value === "string" ? value : "";
}

// Paths as the repository has them: the workspace's own folder says nothing.
export function shortPath(path: string): string {
  return path.replace(/^\/workspace\//, "");
}

const longestTitle = 140;

// Whether a title shows all of a command.
export function fitsTitle(text: string): boolean {
  return text.length <= longestTitle && !text.trim().includes("\n");
}

function firstLine(text: string): string {
  const line = text.trimStart().split("\n", 1)[0] ?? "";
  return line.length > longestTitle ? `${line.slice(0, longestTitle - 1)}…` : line;
}

function readRange(input: unknown): string {
  const { offset, limit } = fieldsOf(input);
  if (typeof offset !== "number" && typeof limit !== "number") return "";
  const from = typeof offset === "number" ? offset : 1;
  return typeof limit === "number" ? `lines ${from}–${from + limit - 1}` : `from line ${from}`;
}

export function describeCall(tool: string, input: unknown): CallTitle {
  const path = shortPath(
    textField(input, "file_path") || textField(input, "notebook_path") || textField(input, "path"),
  );
  const pattern = textField(input, "pattern");
  switch (tool) {
    case "Bash":
      return {
        icon: "run",
        verb: "Run",
        target: firstLine(textField(input, "command")),
        note: textField(input, "description"),
      };
    case "Edit":
    case "MultiEdit":
    case "NotebookEdit":
      return { icon: "edit", verb: "Edit", target: path, note: "" };
    case "Write":
      return { icon: "write", verb: "Write", target: path, note: "" };
    case "Read":
      return { icon: "read", verb: "Read", target: path, note: readRange(input) };
    case "LS":
      return { icon: "read", verb: "List", target: path, note: "" };
    case "Grep":
    case "Glob":
      return {
        icon: "search",
        verb: tool === "Grep" ? "Search for" : "Find",
        target: pattern,
        note: path ? `in ${path}` : "",
      };
    case "WebFetch":
      return { icon: "web", verb: "Fetch", target: textField(input, "url"), note: "" };
    case "WebSearch":
      return { icon: "web", verb: "Search the web for", target: textField(input, "query"), note: "" };
    case "TodoWrite":
      return { icon: "todo", verb: "Plan", target: "", note: "" };
    case "Task":
    case "Agent":
      return {
        icon: "delegate",
        verb: "Delegate",
        target: textField(input, "description"),
        note: textField(input, "subagent_type"),
      };
    default:
      return { icon: "tool", verb: `Use ${tool || "a tool"}`, target: path, note: "" };
  }
}
