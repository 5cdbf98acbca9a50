import { ChevronRight, CircleDashed, File, Folder, FolderOpen, Link2 } from "lucide-react";
import { useEffect, useState } from "react";
import { api } from "../api/client";
import type { FolderItem } from "../api/types";
import { formatBytes, plural } from "../base/format";
import { useResource } from "../base/use-resource";
import { ProblemNotice } from "../ui/problem-notice";
import { join } from "./paths";

const shownAtFirst = 500; // of a folder: a page is slow to lay out thousands

export interface Tree {
  run: string;
  open: ReadonlySet<string>; // folders
  selected: string; // a file
  stamp: number; // counts the occasions to look again
  onToggle: (folder: string) => void;
  onSelect: (file: string) => void;
}

function Entry({ tree, item, path }: { tree: Tree; item: FolderItem; path: string }) {
  if (item.type === "folder") {
    const open = tree.open.has(path);
    const Icon = open ? FolderOpen : Folder;
    return (
      <li>
        <button
          type="button"
          className="file-row"
          aria-expanded={open}
          data-folder={path}
          onClick={() => tree.onToggle(path)}
        >
          <ChevronRight aria-hidden className={open ? "file-arrow file-arrow-open" : "file-arrow"} />
          <Icon aria-hidden />
          <span className="file-name">{item.name}</span>
        </button>
        {open ? <FolderItems tree={tree} path={path} /> : null}
      </li>
    );
  }
  const Icon = item.type === "link" ? Link2 : item.type === "file" ? File : CircleDashed;
  return (
    <li>
      <button
        type="button"
        className="file-row"
        aria-current={tree.selected === path ? "true" : undefined}
        disabled={item.type === "other"}
        onClick={() => tree.onSelect(path)}
      >
        <span className="file-arrow" />
        <Icon aria-hidden />
        <span className="file-name">
          {item.name}
          {item.target ? <span className="muted"> → {item.target}</span> : null}
        </span>
        <span className="muted small tabular">
          {item.size_bytes === null
            ? item.type === "other"
              ? "not a file"
              : ""
            : formatBytes(item.size_bytes)}
        </span>
      </button>
    </li>
  );
}

// What a folder holds, loaded when it is opened.
export function FolderItems({ tree, path }: { tree: Tree; path: string }) {
  const { data, error, refresh } = useResource(`files ${tree.run} ${path}`, (signal) =>
    api.files(tree.run, path, signal),
  );
  const [shown, setShown] = useState(shownAtFirst);
  const { stamp } = tree;
  useEffect(() => {
    if (stamp > 0) refresh();
  }, [stamp, refresh]);
  if (error) return <ProblemNotice error={error} />;
  if (!data) return <div className="file-note muted small">Loading…</div>;
  const more = data.items.length - shown;
  return (
    <>
      {/* biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets */}
      <ul role="list" className={path === "" ? undefined : "file-below"}>
        {data.items.slice(0, shown).map((item) => (
          <Entry key={item.name} tree={tree} item={item} path={join(path, item.name)} />
        ))}
      </ul>
      {more > 0 ? (
        <button type="button" className="link-button file-note small" onClick={() => setShown(shown + 2000)}>
          Show {Math.min(more, 2000).toLocaleString()} more
        </button>
      ) : null}
      {data.items.length === 0 ? <div className="file-note muted small">Empty</div> : null}
      {data.truncated ? (
        <div className="file-note muted small">
          There is more: only {data.items.length.toLocaleString()} are listed.
        </div>
      ) : null}
      {data.left_out > 0 ? (
        <div className="file-note muted small">
          Without {plural(data.left_out, "name")} that {data.left_out === 1 ? "is" : "are"} not UTF-8
        </div>
      ) : null}
    </>
  );
}
