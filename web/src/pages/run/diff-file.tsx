import { ChevronRight } from "lucide-react";
import { memo, useMemo, useState } from "react";
import type { DiffFile, DiffFileStatus, DiffLine } from "../../text/diff";
import { languageOfPath } from "../../text/language";
import { CopyButton } from "../../ui/copy-button";
import { DiffLines } from "../../ui/diff-lines";
import { LazyBlock } from "../../ui/lazy-block";
import { useDisclosure } from "../../ui/use-disclosure";

export const fileAnchor = (index: number) => `file-${index + 1}`;

const lineHeight = 20; // px, --code-line
const chunkLines = 400; // rendered at once, when they come near the window

const statusWords: Record<DiffFileStatus, string> = {
  modified: "",
  added: "new",
  deleted: "deleted",
  renamed: "renamed",
  mode: "mode changed",
};

function chunks(lines: DiffLine[]): DiffLine[][] {
  const result: DiffLine[][] = [];
  for (let at = 0; at < lines.length; at += chunkLines) result.push(lines.slice(at, at + chunkLines));
  return result;
}

function Hunks({ file }: { file: DiffFile }) {
  const language = languageOfPath(file.path);
  const hunks = useMemo(() => file.hunks.map((hunk) => ({ hunk, parts: chunks(hunk.lines) })), [file]);
  return hunks.map(({ hunk, parts }) => (
    <div key={`${hunk.oldStart} ${hunk.newStart}`}>
      <div className="diff-hunk">
        @@ line {hunk.newStart} {hunk.header ? <span className="diff-hunk-in">{hunk.header}</span> : null}
      </div>
      {parts.map((lines, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: parts have no identity but their place
        <LazyBlock key={index} height={lines.length * lineHeight}>
          {() => <DiffLines lines={lines} language={language} numbers />}
        </LazyBlock>
      ))}
    </div>
  ));
}

function quietReason(file: DiffFile): string | null {
  if (file.binary) return "A binary file: its content is not shown.";
  if (file.hunks.length > 0) return null;
  if (file.status === "renamed") return "Renamed without changes.";
  if (file.status === "mode") return "Only the file's mode changed.";
  return file.status === "added" ? "An empty file." : "No changed lines.";
}

export const DiffFileView = memo(function DiffFileView({
  file,
  anchor,
  startsOpen,
}: {
  file: DiffFile;
  anchor: string;
  startsOpen: boolean;
}) {
  const [open, setOpen] = useState(startsOpen);
  const { button, body } = useDisclosure(open, setOpen);
  const reason = quietReason(file);
  return (
    <section className="diff-file card" id={anchor} aria-label={file.path}>
      <div className="diff-file-head">
        <button {...button} className="diff-file-toggle">
          <ChevronRight aria-hidden className="call-chevron" />
          <code className="diff-file-path">
            {file.status === "renamed" ? `${file.oldPath} → ` : ""}
            {file.path}
          </code>
          {statusWords[file.status] ? <span className="chip">{statusWords[file.status]}</span> : null}
          <span className="diff-file-stat tabular">
            <span className="plus">+{file.insertions}</span> <span className="minus">−{file.deletions}</span>
          </span>
        </button>
        <CopyButton text={file.path} label={`Copy the path ${file.path}`} />
      </div>
      <div {...body}>
        {open && reason ? <p className="diff-reason muted small">{reason}</p> : null}
        {open && !reason ? (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reachable by keyboard
          // biome-ignore lint/a11y/useSemanticElements: a scrolling part of the page, not a set of form fields
          <div className="diff-scroll" tabIndex={0} role="group" aria-label={`Changes in ${file.path}`}>
            <div className="diff-body">
              <Hunks file={file} />
            </div>
          </div>
        ) : null}
      </div>
    </section>
  );
});
