import type { ReactNode } from "react";
import type { Step } from "../../../api/types";
import { Elapsed } from "../../../ui/elapsed";
import { StatusBadge, shownStep } from "../../../ui/status";
import { matrixText, reasonText } from "./step-text";

function Row({
  step,
  selected,
  onSelect,
  menu,
}: {
  step: Step;
  selected: boolean;
  onSelect: () => void;
  menu: ReactNode;
}) {
  return (
    <li className={step.matrix_of ? "step-row step-inner" : "step-row"} data-step={step.name}>
      <button type="button" className="step-name" aria-pressed={selected} onClick={onSelect}>
        {step.name}
        {step.matrix_of ? <span className="muted small">{matrixText(step)}</span> : null}
      </button>
      <StatusBadge status={shownStep(step)} />
      <span className="step-facts muted small">
        <span>{step.kind}</span>
        {step.needs.length > 0 && !step.matrix_of ? <span>needs {step.needs.join(", ")}</span> : null}
        {step.attempt > 1 ? <span>attempt {step.attempt}</span> : null}
        {reasonText(step) ? <span>{reasonText(step)}</span> : null}
      </span>
      <span className="step-time tabular small">
        {step.started_at ? <Elapsed from={step.started_at} to={step.finished_at} /> : null}
      </span>
      {menu}
    </li>
  );
}

// The graph in words: everything that it shows, in an order in which needs come first.
export function StepList({
  steps,
  selected,
  onSelect,
  menu,
}: {
  steps: Step[];
  selected: string | null;
  onSelect: (step: string) => void;
  menu: (step: Step) => ReactNode;
}) {
  const parts = [
    { label: "Steps", title: null, items: steps.filter((step) => !step.finally) },
    { label: "Finally", title: "Finally, whatever happens", items: steps.filter((step) => step.finally) },
  ].filter(({ items }) => items.length > 0);
  return parts.map(({ label, title, items }) => (
    <section key={label} className="step-list card" aria-label={label}>
      {title ? <h3 className="step-list-title">{title}</h3> : null}
      {/* biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets */}
      <ol role="list">
        {items.map((step) => (
          <Row
            key={step.name}
            step={step}
            selected={selected === step.name}
            onSelect={() => onSelect(step.name)}
            menu={menu(step)}
          />
        ))}
      </ol>
    </section>
  ));
}
