import { GitBranch } from "lucide-react";
import type { Run } from "../../api/types";
import { formatCost, runTitle } from "../../base/format";
import { Link } from "../../base/router";
import { Ago, Elapsed } from "../../ui/elapsed";
import { IsolationMark } from "../../ui/isolation";
import { StatusBadge, shownStatus } from "../../ui/status";
import "../../ui/rows.css";

function Row({ run }: { run: Run }) {
  return (
    <li className="row" data-run={run.id}>
      <div className="row-status">
        <StatusBadge status={shownStatus(run)} />
      </div>
      <div className="row-main">
        <Link href={`/runs/${run.id}`} className="row-title run-title-short">
          {runTitle(run)}
        </Link>
        <div className="row-sub">
          <span>{run.project.name}</span>
          <span className="run-branch mono" title={run.branch}>
            <GitBranch aria-hidden />
            {run.branch}
          </span>
          {run.workflow !== "task" ? <span className="chip">{run.workflow}</span> : null}
          {run.paused ? <span className="chip chip-warning">Paused</span> : null}
          {run.isolation && run.isolation !== "sandbox" ? <IsolationMark isolation={run.isolation} /> : null}
        </div>
      </div>
      <dl className="row-facts run-facts tabular">
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
    <ul role="list" className="rows card">
      {runs.map((run) => (
        <Row key={run.id} run={run} />
      ))}
    </ul>
  );
}
