import { FolderX, RefreshCw, Upload as UploadIcon } from "lucide-react";
import { type DragEvent, useRef, useState } from "react";
import { api } from "../api/client";
import { navigate, useLocation, withQuery } from "../base/router";
import { useResource } from "../base/use-resource";
import { ConfirmDialog } from "../ui/confirm-dialog";
import { ProblemNotice } from "../ui/problem-notice";
import { FolderItems } from "./file-tree";
import { FileView } from "./file-view";
import { folderOf, foldersAbove } from "./paths";
import { useUpload } from "./use-upload";
import "./files.css";

function NoWorkspace({ over }: { over: boolean }) {
  return (
    <div className="tab-empty">
      <FolderX aria-hidden />
      <p>
        {over
          ? "The run is over and its workspace is gone. What it kept is in its diff and its artifacts."
          : "The run has no workspace at the moment. Its files are here as soon as it has one."}
      </p>
    </div>
  );
}

// A drop of folders is none of files, though it looks like one.
function filesOf(transfer: DataTransfer): File[] {
  return [...transfer.items]
    .filter((item) => item.kind === "file" && !item.webkitGetAsEntry?.()?.isDirectory)
    .flatMap((item) => item.getAsFile() ?? []);
}

const folderAt = (target: EventTarget) =>
  target instanceof Element ? target.closest<HTMLElement>("[data-folder]")?.dataset.folder : undefined;

function Files({ run }: { run: string }) {
  const { path: address, query } = useLocation();
  const selected = query.get("file") ?? "";
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set(foldersAbove(selected)));
  const [folder, setFolder] = useState(() => folderOf(selected)); // where uploads go
  const [stamp, setStamp] = useState(0);
  const [over, setOver] = useState(false); // something is held above, to be dropped
  const input = useRef<HTMLInputElement>(null);
  const lookAgain = () => setStamp((old) => old + 1);
  const upload = useUpload(run, lookAgain);

  const select = (file: string) => {
    if (file) setFolder(folderOf(file));
    navigate(withQuery(address, query, { file }), "replace");
  };
  const toggle = (which: string) => {
    const next = new Set(open);
    if (!next.delete(which)) next.add(which);
    setOpen(next);
    setFolder(next.has(which) ? which : folderOf(which));
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const files = filesOf(event.dataTransfer);
    if (files.length > 0) void upload.begin(folderAt(event.target) ?? folder, files);
  };

  return (
    <div className="files" data-file={selected ? "" : undefined}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way; the button is the first */}
      <div
        className={over ? "files-tree files-over" : "files-tree"}
        onDragOver={(event) => {
          if (!event.dataTransfer.types.includes("Files")) return;
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={(event) => {
          if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
        }}
        onDrop={drop}
      >
        <div className="file-bar">
          <button type="button" className="button button-small" onClick={() => input.current?.click()}>
            <UploadIcon aria-hidden />
            Upload
          </button>
          <span className="muted small file-path">to {folder === "" ? "the workspace" : `${folder}/`}</span>
          <button type="button" className="icon-button" aria-label="Look again" onClick={lookAgain}>
            <RefreshCw aria-hidden />
          </button>
          <input
            ref={input}
            type="file"
            multiple
            hidden
            aria-label="Files to upload"
            onChange={(event) => {
              const files = [...(event.target.files ?? [])];
              event.target.value = "";
              if (files.length > 0) void upload.begin(folder, files);
            }}
          />
        </div>
        <div role="status" className="small muted">
          {upload.busy ? `Uploading ${upload.busy}…` : ""}
        </div>
        {upload.problem ? <ProblemNotice error={upload.problem} /> : null}
        <nav aria-label="Files of the workspace">
          <FolderItems tree={{ run, open, selected, stamp, onToggle: toggle, onSelect: select }} path="" />
        </nav>
      </div>
      {selected ? (
        <FileView key={selected} run={run} path={selected} stamp={stamp} onClose={() => select("")} />
      ) : (
        <div className="tab-empty files-hint">
          <p>Choose a file to read it. Drop files on the list to upload them.</p>
        </div>
      )}
      {upload.question ? (
        <ConfirmDialog
          title="Replace what is there?"
          action="Replace"
          keep="Keep"
          danger
          onConfirm={upload.confirm}
          onClose={upload.dismiss}
        >
          <p>
            {upload.question.taken.join(", ")} {upload.question.taken.length === 1 ? "is" : "are"} there
            already. The agent may be at work on {upload.question.taken.length === 1 ? "it" : "them"}.
          </p>
        </ConfirmDialog>
      ) : null}
    </div>
  );
}

// Whether there is a workspace is the server's to say; each change of what it belongs to is an occasion to ask.
function FilesNow({ run, version, over }: { run: string; version: string; over: boolean }) {
  const { data, error } = useResource(`workspace of ${run} ${version}`, (signal) =>
    api.files(run, "", signal),
  );
  const [there, setThere] = useState(false);
  if (data && !there) setThere(true);
  if (error?.status === 409) return <NoWorkspace over={over} />;
  if (there) return <Files run={run} />;
  return error ? <ProblemNotice error={error} /> : <div className="run-placeholder" aria-hidden />;
}

// The files of a run's present workspace: to read, to download, to upload. Which one is read is in the address.
export function WorkspaceFiles({
  run,
  version,
  possible,
  over,
}: {
  run: string;
  version: string; // another one: there may be a workspace now, or none any more
  possible: boolean; // there may be one
  over: boolean; // once there is none, there never will be
}) {
  return (
    <div className="files-box">
      {possible ? <FilesNow run={run} version={version} over={over} /> : <NoWorkspace over={over} />}
    </div>
  );
}
