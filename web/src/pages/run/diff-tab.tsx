import { FileDiff as FileDiffIcon } from "lucide-react";
import { useMemo } from "react";
import { api, runPath } from "../../api/client";
import type { Run } from "../../api/types";
import { plural } from "../../base/format";
import { useResource } from "../../base/use-resource";
import { parseDiff } from "../../text/diff";
import { ProblemNotice } from "../../ui/problem-notice";
import { DiffFileView, fileAnchor } from "./diff-file";
import "./diff-tab.css";

const largestOpen = 600; // lines; a larger file waits closed
const mostOpen = 60; // files

export function DiffTab({ run, over }: { run: Run; over: boolean }) {
  // Read again when there is a commit, and when the run is over.
  const key = `diff ${run.id} ${run.commit ?? ""} ${run.status}`;
  const { data, error } = useResource(key, (signal) => api.diff(run.id, signal));
  const files = useMemo(() => parseDiff(data ?? ""), [data]);
  const insertions = files.reduce((sum, file) => sum + file.insertions, 0);
  const deletions = files.reduce((sum, file) => sum + file.deletions, 0);

  if (error) return <ProblemNotice error={error} />;
  if (data === null) return <div className="run-placeholder" aria-hidden />;
  if (files.length === 0) {
    return (
      <div className="tab-empty">
        <FileDiffIcon aria-hidden />
        <p>{over ? "The run changed nothing." : "No changes yet. They appear here when the run commits."}</p>
      </div>
    );
  }
  return (
    <div className="diff">
      <div className="diff-bar">
        <span className="tabular">
          {plural(files.length, "file")} changed <span className="plus">+{insertions}</span>{" "}
          <span className="minus">−{deletions}</span>
        </span>
        <a
          className="button button-small"
          href={`${runPath(run.id)}/diff`}
          download={`corral-${run.id}.diff`}
        >
          Download
        </a>
      </div>
      <div className="diff-columns">
        <nav className="diff-files" aria-label="Changed files">
          {/* biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets */}
          <ul role="list">
            {files.map((file, index) => (
              <li key={file.path}>
                <a href={`#${fileAnchor(index)}`} title={file.path}>
                  <span className={`diff-dot diff-dot-${file.status}`} aria-hidden />
                  <span className="diff-files-path">{file.path}</span>
                  <span className="diff-files-stat tabular">
                    <span className="plus">+{file.insertions}</span>{" "}
                    <span className="minus">−{file.deletions}</span>
                  </span>
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div className="diff-list">
          {files.map((file, index) => (
            <DiffFileView
              key={file.path}
              file={file}
              anchor={fileAnchor(index)}
              startsOpen={index < mostOpen && file.insertions + file.deletions <= largestOpen}
            />
          ))}
        </div>
      </div>
    </div>
  );
}
