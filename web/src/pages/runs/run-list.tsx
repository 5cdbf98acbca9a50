import { GitBranch } from "lucide-react";
import type { Run } from "../../api/types";
import { formatCost, runTitle } from "../../base/format";
import { Link } from "../../base/router";
import { Ago, Elapsed } from "../../ui/elapsed";
import { IsolationMark } from "../../ui/isolation";
import { StatusBadge, shownStatus } from "../../ui/status";

function Row({ run }: { run: Run }) {
  return (
    <li className="run-row" data-run={run.id}>
      <div className="run-row-status">
        <StatusBadge status={shownStatus(run)} />
      </div>
      <div className="run-row-main">
        <Link href={`/runs/${run.id}`} className="run-row-title">
          {runTitle(run)}
        </Link>
        <div className="run-row-sub">
          <span className="run-row-project">{run.project.name}</span>
          <span className="run-row-branch mono" title={run.branch}>
            <GitBranch aria-hidden />
            {run.branch}
          </span>
          {run.workflow !== "task" ? <span className="chip">{run.workflow}</span> : null}
          {run.paused ? <span className="chip chip-warning">Paused</span> : null}
          {run.isolation && run.isolation !== "sandbox" ? <IsolationMark isolation={run.isolation} /> : null}
        </div>
      </div>
      <dl className="run-row-facts tabular">
        <div>
          <dt className="visually-hidden">Changes</dt>
          <dd>
            {run.diff_stat ? (
              <>
                <span className="plus">+{run.diff_stat.insertions}</span>{" "}
                <span className="minus">−{run.diff_stat.deletions}</span>
              </>
            ) : null}
          </dd>
        </div>
        <div>
          <dt className="visually-hidden">Cost</dt>
          <dd>{formatCost(run.cost_usd)}</dd>
        </div>
        <div>
          <dt className="visually-hidden">Duration</dt>
          <dd>
            <Elapsed from={run.started_at} to={run.finished_at} />
          </dd>
        </div>
        <div>
          <dt className="visually-hidden">Created</dt>
          <dd className="muted">
            <Ago time={run.created_at} />
          </dd>
        </div>
      </dl>
    </li>
  );
}

export function RunList({ runs }: { runs: Run[] }) {
  return (
    // biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets
    <ul role="list" className="run-list card">
      {runs.map((run) => (
        <Row key={run.id} run={run} />
      ))}
    </ul>
  );
}
