import { GitFork, RotateCcw } from "lucide-react";
import type { Run, Step } from "../../../api/types";
import { Menu } from "../../../ui/menu";
import type { RerunChoice } from "./rerun-dialog";

// Of one of a matrix: its whole matrix is what runs again.
export const rerunName = (step: Step) => step.matrix_of ?? step.name;

export function StepMenu({
  run,
  step,
  onRerun,
}: {
  run: Run;
  step: Step;
  onRerun: (choice: RerunChoice) => void;
}) {
  const from = rerunName(step);
  const failed = run.status === "failed";
  return (
    <Menu
      label={`What to do from ${from}`}
      items={[
        {
          id: "retry",
          label: (
            <>
              <RotateCcw aria-hidden />
              Retry from {from}…
            </>
          ),
          hint: failed ? "In this run, as its next attempt" : "Only a run that failed can be retried",
          disabled: !failed,
          onSelect: () => onRerun({ kind: "retry", from }),
        },
        {
          id: "fork",
          label: (
            <>
              <GitFork aria-hidden />
              Fork from {from}…
            </>
          ),
          hint: "As a new run, which keeps what came before",
          onSelect: () => onRerun({ kind: "fork", from }),
        },
      ]}
    />
  );
}
