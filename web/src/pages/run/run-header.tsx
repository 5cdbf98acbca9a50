import {
  Ban,
  Bot,
  CalendarClock,
  CornerLeftUp,
  FolderGit2,
  GitBranch,
  GitCommitHorizontal,
  GitFork,
  Pause,
  Play,
  RotateCcw,
  SquareTerminal,
  Workflow,
} from "lucide-react";
import { type ReactNode, useRef, useState } from "react";
import { api } from "../../api/client";
import { type ApiError, toApiError } from "../../api/problem";
import type { NewSession, Run } from "../../api/types";
import { plural, runTitle, shortActor, shortHash, shortId } from "../../base/format";
import { Link, navigate } from "../../base/router";
import { uniqueKey } from "../../base/unique-key";
import { ActionButton } from "../../ui/action-button";
import { CopyButton } from "../../ui/copy-button";
import { Dialog } from "../../ui/dialog";
import { Ago, Elapsed } from "../../ui/elapsed";
import { IsolationMark } from "../../ui/isolation";
import { ProblemNotice } from "../../ui/problem-notice";
import { StatusBadge, shownStatus } from "../../ui/status";
import { CostMeter } from "./cost-meter";
import { RerunDialog } from "./steps/rerun-dialog";

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="fact">
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function CancelDialog({
  run,
  onClose,
  onChanged,
}: {
  run: Run;
  onClose: () => void;
  onChanged: (run: Run) => void;
}) {
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const cancel = async () => {
    setBusy(true);
    try {
      onChanged(await api.cancelRun(run.id, reason));
      onClose();
    } catch (cause) {
      setError(toApiError(cause));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Cancel this run?" onClose={onClose}>
      <p>The agent and everything it started end at once. What is committed on its branch stays.</p>
      <div className="field">
        <label htmlFor="cancel-reason">Reason (optional)</label>
        <input
          id="cancel-reason"
          className="input"
          value={reason}
          maxLength={1000}
          onChange={(event) => setReason(event.target.value)}
        />
      </div>
      {error ? <ProblemNotice error={error} /> : null}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>
          Keep it running
        </button>
        <button type="button" className="button button-danger" disabled={busy} onClick={() => void cancel()}>
          Cancel the run
        </button>
      </div>
    </Dialog>
  );
}

// Where the run comes from: another run, a schedule.
function Origin({ run }: { run: Run }) {
  return (
    <>
      {run.workflow !== "task" ? (
        <Link href={`/workflows/${encodeURIComponent(run.workflow)}`}>
          <Workflow aria-hidden />
          {run.workflow}
          {run.workflow_version > 1 ? ` version ${run.workflow_version}` : ""}
        </Link>
      ) : null}
      {run.parent ? (
        <span>
          <CornerLeftUp aria-hidden />
          step {run.parent_step} of{" "}
          <Link href={`/runs/${run.parent}?tab=steps`}>run {shortId(run.parent)}</Link>
        </span>
      ) : null}
      {run.forked_from ? (
        <span>
          <GitFork aria-hidden />
          forked from <Link href={`/runs/${run.forked_from}?tab=steps`}>run {shortId(run.forked_from)}</Link>
          {run.forked_step ? ` at ${run.forked_step}` : ""}
        </span>
      ) : null}
      {run.schedule ? (
        <Link href="/schedules">
          <CalendarClock aria-hidden />
          started by a schedule
        </Link>
      ) : null}
    </>
  );
}

function PauseButton({ run, onChanged }: { run: Run; onChanged: (run: Run) => void }) {
  return (
    <ActionButton
      icon={run.paused ? Play : Pause}
      label={run.paused ? "Resume" : "Pause"}
      title={run.paused ? "Steps begin again" : "No further step begins; what is under way goes on"}
      onAct={async () => onChanged(await (run.paused ? api.resumeRun(run.id) : api.pauseRun(run.id)))}
    />
  );
}

// A shell in the run's own workspace, beside the agent.
function TerminalButton({ run }: { run: Run }) {
  const key = useRef(uniqueKey());
  const open = async () => {
    try {
      const session = await api.createSession({ run: run.id } as NewSession, key.current);
      navigate(`/sessions/${session.id}?fit=1`);
    } catch (cause) {
      key.current = uniqueKey();
      throw cause;
    }
  };
  return (
    <ActionButton
      icon={SquareTerminal}
      label="Terminal"
      title="Open a shell in the run's workspace"
      onAct={open}
    />
  );
}

export function RunHeader({
  run,
  past,
  onChanged,
}: {
  run: Run;
  past: boolean; // it is shown as it was: nothing can be done to it
  onChanged: (run: Run) => void;
}) {
  const [asking, setAsking] = useState<"cancel" | "retry" | "fork" | null>(null);
  const active = run.status === "pending" || run.status === "running";
  return (
    <header className="run-header">
      <div className="run-header-top">
        <div className="run-badges">
          <StatusBadge status={shownStatus(run)} />
          {run.isolation ? <IsolationMark isolation={run.isolation} /> : null}
          {run.attempt > 1 ? <span className="chip">Attempt {run.attempt}</span> : null}
          {run.paused ? (
            <span className="chip chip-warning">
              <Pause aria-hidden />
              Paused
            </span>
          ) : null}
        </div>
        <div className="run-actions" hidden={past}>
          {run.status === "running" ? <TerminalButton run={run} /> : null}
          {active ? <PauseButton run={run} onChanged={onChanged} /> : null}
          {active ? (
            <button type="button" className="button button-danger" onClick={() => setAsking("cancel")}>
              <Ban aria-hidden />
              Cancel
            </button>
          ) : null}
          {run.status === "failed" ? (
            <button type="button" className="button" onClick={() => setAsking("retry")}>
              <RotateCcw aria-hidden />
              Retry
            </button>
          ) : null}
          {active ? null : (
            <button type="button" className="button" onClick={() => setAsking("fork")}>
              <GitFork aria-hidden />
              Fork
            </button>
          )}
        </div>
      </div>
      <h1 className="run-title">{runTitle(run)}</h1>
      <div className="run-origin">
        <Link href={`/runs?project=${encodeURIComponent(run.project.id)}`}>
          <FolderGit2 aria-hidden />
          {run.project.name}
        </Link>
        <span>
          <Bot aria-hidden />
          {run.agent}
        </span>
        <Origin run={run} />
        <span className="muted">
          started by {shortActor(run.created_by)} <Ago time={run.created_at} />
        </span>
      </div>
      <dl className="facts card">
        <Fact label="Branch">
          <span className="fact-code">
            <GitBranch aria-hidden />
            <code title={run.branch}>{run.branch}</code>
            <CopyButton text={run.branch} label="Copy the branch name" />
          </span>
          <span className="fact-more muted">from {run.base_branch || "the default branch"}</span>
        </Fact>
        <Fact label="Commit">
          {run.commit ? (
            <span className="fact-code">
              <GitCommitHorizontal aria-hidden />
              <code title={run.commit}>{shortHash(run.commit)}</code>
              <CopyButton text={run.commit} label="Copy the commit hash" />
            </span>
          ) : (
            <span className="muted">{active ? "not yet" : "none"}</span>
          )}
          {run.diff_stat ? (
            <span className="fact-more tabular">
              {plural(run.diff_stat.files, "file")} <span className="plus">+{run.diff_stat.insertions}</span>{" "}
              <span className="minus">−{run.diff_stat.deletions}</span>
            </span>
          ) : null}
        </Fact>
        <Fact label="Cost">
          <CostMeter run={run} />
        </Fact>
        <Fact label="Duration">
          <Elapsed from={run.started_at} to={run.finished_at} />
          {run.checks ? (
            <span className="fact-more muted">
              checks: <code>{run.checks}</code>
            </span>
          ) : null}
        </Fact>
      </dl>
      {asking === "cancel" ? (
        <CancelDialog run={run} onClose={() => setAsking(null)} onChanged={onChanged} />
      ) : null}
      {asking === "retry" || asking === "fork" ? (
        <RerunDialog
          run={run}
          choice={{ kind: asking, from: "" }}
          onClose={() => setAsking(null)}
          onChanged={onChanged}
        />
      ) : null}
    </header>
  );
}
