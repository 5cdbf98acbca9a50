import { ArrowLeft, Download, FileQuestion } from "lucide-react";
import { useEffect, useMemo } from "react";
import { api, runPath } from "../api/client";
import { formatBytes } from "../base/format";
import { useResource } from "../base/use-resource";
import { languageOfPath } from "../text/language";
import { CodeBlock } from "../ui/code-block";
import { ProblemNotice } from "../ui/problem-notice";
import { mostShown, type Shown, shownAs } from "./content";
import { nameOf } from "./paths";

function Content({ shown, path }: { shown: Shown; path: string }) {
  if (shown.kind === "text" && shown.text !== "")
    return <CodeBlock text={shown.text} language={languageOfPath(path) ?? ""} />;
  if (shown.kind === "picture") return <img className="file-picture" src={shown.url} alt={nameOf(path)} />;
  return (
    <div className="tab-empty">
      <FileQuestion aria-hidden />
      <p>
        {shown.kind === "text" ? "The file is empty." : null}
        {shown.kind === "binary" ? "Not text, and no picture that can be shown: download it." : null}
        {shown.kind === "large"
          ? `Larger than the ${formatBytes(mostShown)} that are shown: download it.`
          : null}
      </p>
    </div>
  );
}

// One file as it is now.
export function FileView({
  run,
  path,
  stamp,
  onClose,
}: {
  run: string;
  path: string;
  stamp: number;
  onClose: () => void;
}) {
  const { data, error, refresh } = useResource(`file ${run} ${path}`, (signal) =>
    api.fileContent(run, path, mostShown, signal),
  );
  useEffect(() => {
    if (stamp > 0) refresh();
  }, [stamp, refresh]);
  const shown = useMemo(() => (data ? shownAs(data.bytes) : null), [data]);
  return (
    <section className="file-view" aria-label={path}>
      <div className="file-bar">
        <button type="button" className="icon-button file-back" aria-label="All files" onClick={onClose}>
          <ArrowLeft aria-hidden />
        </button>
        <code className="file-path">{path}</code>
        {data ? <span className="muted small tabular">{formatBytes(data.size)}</span> : null}
        <a
          className="button button-small"
          href={`${runPath(run)}/files/content?path=${encodeURIComponent(path)}`}
          download={nameOf(path)}
          aria-label={`Download ${nameOf(path)}`}
        >
          <Download aria-hidden />
          Download
        </a>
      </div>
      {error ? <ProblemNotice error={error} /> : null}
      {shown ? <Content shown={shown} path={path} /> : null}
    </section>
  );
}
