import type { Step } from "../../api/types";
import { Elapsed } from "../../ui/elapsed";
import { StatusIcon, shownStep, statusWord } from "../../ui/status";

const most = 8; // more than a strip can show: the graph does

// The steps at a glance, a matrix as one.
export function Pipeline({ steps: all }: { steps: Step[] }) {
  const steps = all.filter((step) => step.matrix_of === null);
  if (steps.length === 0 || steps.length > most) return null;
  return (
    // biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets
    <ol role="list" className="pipeline" aria-label="Steps">
      {steps.map((step) => (
        <li
          key={step.name}
          className={`pipeline-step pipeline-${step.status}`}
          data-step={step.name}
          title={step.error?.message}
        >
          <StatusIcon status={shownStep(step)} />
          <span className="pipeline-name">{step.name}</span>
          <span className="visually-hidden">{statusWord(shownStep(step))}</span>
          <span className="pipeline-time muted">
            {step.started_at ? (
              <Elapsed from={step.started_at} to={step.finished_at} />
            ) : (
              <span>{step.status === "skipped" ? "skipped" : ""}</span>
            )}
            {step.attempt > 1 ? ` · attempt ${step.attempt}` : ""}
          </span>
        </li>
      ))}
    </ol>
  );
}
