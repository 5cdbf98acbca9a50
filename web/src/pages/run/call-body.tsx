import { useMemo, useState } from "react";
import type { DiffLine } from "../../text/diff";
import { languageOfPath } from "../../text/language";
import { lineDiff } from "../../text/line-diff";
import { CodeBlock } from "../../ui/code-block";
import { DiffLines } from "../../ui/diff-lines";
import { Markdown } from "../../ui/markdown";
import { fieldsOf, fitsTitle, textField } from "./call-title";
import { Checklist } from "./checklist";
import { planEntries } from "./timeline-model";

const shortDiff = 24; // lines shown before someone asks for more

function MiniDiff({ path, lines }: { path: string; lines: DiffLine[] }) {
  const [open, setOpen] = useState(lines.length <= shortDiff * 1.5);
  const shown = open ? lines : lines.slice(0, shortDiff);
  return (
    <div className="mini-diff">
      <DiffLines lines={shown} language={languageOfPath(path)} numbers={false} />
      {open ? null : (
        <button type="button" className="link-button small more-button" onClick={() => setOpen(true)}>
          Show all {lines.length} lines
        </button>
      )}
    </div>
  );
}

function EditDiff({ input }: { input: unknown }) {
  const path = textField(input, "file_path");
  const edits = useMemo(() => {
    const many = fieldsOf(input).edits;
    return (Array.isArray(many) ? many : [input]).map((edit) =>
      lineDiff(textField(edit, "old_string"), textField(edit, "new_string")),
    );
  }, [input]);
  // biome-ignore lint/suspicious/noArrayIndexKey: the edits of a call never change
  return edits.map((lines, index) => <MiniDiff key={index} path={path} lines={lines} />);
}

function WrittenFile({ input }: { input: unknown }) {
  const lines = useMemo(() => lineDiff("", textField(input, "content")), [input]);
  return <MiniDiff path={textField(input, "file_path")} lines={lines} />;
}

function isEmpty(input: unknown): boolean {
  return (
    input === null || input === undefined || (typeof input === "object" && Object.keys(input).length === 0)
  );
}

// The input of a tool call, shown as what it is: a command, an edit, a plan, or JSON when nothing better is known.
export function CallBody({ tool, input }: { tool: string; input: unknown }) {
  switch (tool) {
    case "Bash": {
      const command = textField(input, "command");
      return fitsTitle(command) ? null : <CodeBlock text={command} language="bash" />;
    }
    case "Edit":
    case "MultiEdit":
      return <EditDiff input={input} />;
    case "Write":
      return <WrittenFile input={input} />;
    case "TodoWrite":
      return <Checklist entries={planEntries(fieldsOf(input).todos)} />;
    case "Task":
    case "Agent":
      return <Markdown text={textField(input, "prompt")} />;
    case "Read":
    case "LS":
    case "Glob":
      return null; // the title says it all
    default:
      return isEmpty(input) ? null : <CodeBlock text={JSON.stringify(input, null, 2)} language="json" />;
  }
}

// Whether the card shows its input at once: what changes files or plans is what people look for.
export function opensByItself(tool: string): boolean {
  return ["Bash", "Edit", "MultiEdit", "Write", "TodoWrite"].includes(tool);
}
