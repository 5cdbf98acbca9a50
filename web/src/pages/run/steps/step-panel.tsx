import { CircleX, Hourglass, Workflow, X } from "lucide-react";
import type { ReactNode } from "react";
import type { Step } from "../../../api/types";
import { formatDuration, formatTime, shortId } from "../../../base/format";
import { Link } from "../../../base/router";
import { useNow } from "../../../base/use-now";
import { CodeBlock } from "../../../ui/code-block";
import { Elapsed } from "../../../ui/elapsed";
import { Markdown } from "../../../ui/markdown";
import { StatusBadge, shownStep } from "../../../ui/status";
import { childRun } from "./rerun";
import { matrixText, reasonText } from "./step-text";

export function TimeLeft({ until }: { until: string }) {
  const now = useNow(1000);
  const left = Date.parse(until) - now;
  return (
    <time dateTime={until} title={formatTime(until)} className="tabular">
      {left > 0 ? `${formatDuration(left).replace(/\.\d s$/, " s")} left` : "time is up"}
    </time>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt className="muted">{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

// Everything about the step that is chosen.
export function StepPanel({ step, menu, onClose }: { step: Step; menu: ReactNode; onClose: () => void }) {
  const child = childRun(step);
  const outputs = Object.keys(step.outputs).length > 0 ? JSON.stringify(step.outputs, null, 2) : "";
  const waits = step.status === "waiting" || (step.status === "pending" && step.wakes_at !== null);
  return (
    <section className="step-panel card" aria-label={`Step ${step.name}`} data-panel={step.name}>
      <div className="step-panel-head">
        <h2>{step.name}</h2>
        <StatusBadge status={shownStep(step)} />
        <span className="step-panel-actions">
          {menu}
          <button type="button" className="icon-button" aria-label="Close" onClick={onClose}>
            <X aria-hidden />
          </button>
        </span>
      </div>
      <dl className="step-panel-facts">
        <Fact label="Kind">{step.kind}</Fact>
        {step.attempt > 0 ? <Fact label="Attempt">{step.attempt}</Fact> : null}
        <Fact label="Duration">
          <Elapsed from={step.started_at} to={step.finished_at} />
        </Fact>
        <Fact label="Needs">
          {step.finally ? "the end of all other steps" : step.needs.join(", ") || "nothing"}
        </Fact>
        {step.matrix_of ? <Fact label={`Of ${step.matrix_of}`}>{matrixText(step)}</Fact> : null}
      </dl>
      {waits ? (
        <div className="notice notice-warning">
          <Hourglass aria-hidden />
          <div>
            {step.status === "waiting" ? `Waits ${reasonText(step)}` : "Waits for its next attempt"}
            {step.wakes_at ? (
              <>
                {" · "}
                <TimeLeft until={step.wakes_at} />
              </>
            ) : null}
          </div>
        </div>
      ) : null}
      {step.status === "skipped" && step.reason ? <p className="muted">Skipped: {step.reason}</p> : null}
      {step.error ? (
        <div className="notice notice-bad">
          <CircleX aria-hidden />
          <div className="step-error">{step.error.message}</div>
        </div>
      ) : null}
      {child ? (
        <p>
          <Link href={`/runs/${child}`} className="step-child">
            <Workflow aria-hidden />
            Its run {shortId(child)}
          </Link>
        </p>
      ) : null}
      {step.summary ? <Markdown text={step.summary} /> : null}
      {outputs ? (
        <div>
          <h3 className="step-panel-title">Outputs</h3>
          <CodeBlock text={outputs} language="json" />
        </div>
      ) : null}
    </section>
  );
}
