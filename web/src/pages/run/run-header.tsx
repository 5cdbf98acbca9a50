import { Ban, Bot, FolderGit2, GitBranch, GitCommitHorizontal, RotateCcw } from "lucide-react";
import { type ReactNode, useState } from "react";
import { api } from "../../api/client";
import { type ApiError, toApiError } from "../../api/problem";
import type { Run } from "../../api/types";
import { formatCost, formatCount, plural, shortActor, shortHash, titleOf } from "../../base/format";
import { Link } from "../../base/router";
import { CopyButton } from "../../ui/copy-button";
import { Dialog } from "../../ui/dialog";
import { Ago, Elapsed } from "../../ui/elapsed";
import { IsolationMark } from "../../ui/isolation";
import { ProblemNotice } from "../../ui/problem-notice";
import { StatusBadge, shownStatus } from "../../ui/status";

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="fact">
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Budget({ run }: { run: Run }) {
  const { calls, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens } = run.usage;
  const tokens = input_tokens + output_tokens + cache_read_tokens + cache_write_tokens;
  const title = `${plural(calls, "model call")}; ${formatCount(input_tokens)} tokens in, ${formatCount(output_tokens)} out, ${formatCount(cache_read_tokens)} read from cache, ${formatCount(cache_write_tokens)} written to it`;
  const part = run.budget_usd ? Math.min(1, run.cost_usd / run.budget_usd) : 0;
  return (
    <Fact label="Cost">
      <span className="tabular" title={title}>
        {formatCost(run.cost_usd)}
        {run.budget_usd === null ? null : <span className="muted"> of {formatCost(run.budget_usd)}</span>}
      </span>
      {run.budget_usd === null ? null : (
        // biome-ignore lint/a11y/useSemanticElements: <meter> cannot be styled alike in all browsers
        <span
          className="budget"
          role="meter"
          aria-label="Budget used"
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(part * 100)}
        >
          <span
            className={part > 0.9 ? "budget-used budget-near" : "budget-used"}
            style={{ width: `${part * 100}%` }}
          />
        </span>
      )}
      <span className="fact-more muted tabular">{formatCount(tokens)} tokens</span>
    </Fact>
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

function RetryDialog({
  run,
  onClose,
  onChanged,
}: {
  run: Run;
  onClose: () => void;
  onChanged: (run: Run) => void;
}) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const retry = async () => {
    setBusy(true);
    try {
      onChanged(await api.retryRun(run.id));
      onClose();
    } catch (cause) {
      setError(toApiError(cause));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Retry this run?" onClose={onClose}>
      <p>
        It starts again as attempt {run.attempt + 1}, with the same prompt and settings. This can cost money
        again.
      </p>
      {error ? <ProblemNotice error={error} /> : null}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>
          Leave it
        </button>
        <button type="button" className="button button-primary" disabled={busy} onClick={() => void retry()}>
          Retry the run
        </button>
      </div>
    </Dialog>
  );
}

export function RunHeader({ run, onChanged }: { run: Run; onChanged: (run: Run) => void }) {
  const [asking, setAsking] = useState<"cancel" | "retry" | null>(null);
  const active = run.status === "pending" || run.status === "running";
  return (
    <header className="run-header">
      <div className="run-header-top">
        <div className="run-badges">
          <StatusBadge status={shownStatus(run)} />
          {run.isolation ? <IsolationMark isolation={run.isolation} /> : null}
          {run.attempt > 1 ? <span className="chip">Attempt {run.attempt}</span> : null}
        </div>
        <div className="run-actions">
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
        </div>
      </div>
      <h1 className="run-title">{titleOf(run.prompt)}</h1>
      <div className="run-origin">
        <Link href={`/runs?project=${encodeURIComponent(run.project.id)}`}>
          <FolderGit2 aria-hidden />
          {run.project.name}
        </Link>
        <span>
          <Bot aria-hidden />
          {run.agent}
        </span>
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
        <Budget run={run} />
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
      {asking === "retry" ? (
        <RetryDialog run={run} onClose={() => setAsking(null)} onChanged={onChanged} />
      ) : null}
    </header>
  );
}
