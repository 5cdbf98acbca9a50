import { useRef } from "react";
import { api } from "../../../api/client";
import type { Run } from "../../../api/types";
import { navigate } from "../../../base/router";
import { uniqueKey } from "../../../base/unique-key";
import { ConfirmDialog } from "../../../ui/confirm-dialog";
import { forkOf, retryOf } from "./rerun";

export interface RerunChoice {
  kind: "retry" | "fork";
  from: string; // a step; empty: the run as a whole
}

function Names({ title, names, none }: { title: string; names: string[]; none: string }) {
  return (
    <div className="rerun-part">
      <h3>{title}</h3>
      {names.length === 0 ? (
        <p className="muted small">{none}</p>
      ) : (
        // biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets
        <ul role="list" aria-label={title}>
          {names.map((name) => (
            <li key={name} className="chip">
              {name}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

// Says what is kept and what runs again before it happens.
export function RerunDialog({
  run,
  choice,
  onClose,
  onChanged,
}: {
  run: Run;
  choice: RerunChoice;
  onClose: () => void;
  onChanged: (run: Run) => void;
}) {
  const key = useRef(uniqueKey()); // pressing twice makes one fork
  const fork = choice.kind === "fork";
  const { kept, again } = (fork ? forkOf : retryOf)(run.steps, choice.from);
  const word = fork ? "Fork" : "Retry";
  const confirm = async () => {
    if (!fork) {
      onChanged(await api.retryRun(run.id, choice.from));
      return;
    }
    const made = await api.forkRun(run.id, choice.from, key.current);
    navigate(`/runs/${made.id}?tab=steps`);
    window.scrollTo(0, 0);
  };
  return (
    <ConfirmDialog
      title={choice.from ? `${word} from ${choice.from}?` : `${word} this run?`}
      action={fork ? "Fork the run" : "Retry the run"}
      keep="Leave it"
      onConfirm={confirm}
      onClose={onClose}
    >
      <p>
        {fork
          ? "A new run begins, on a branch of its own. This one stays as it is."
          : `The run goes on as attempt ${run.attempt + 1}, with the same inputs and settings.`}{" "}
        This can cost money again.
      </p>
      <div className="rerun">
        <Names title="Is kept" names={kept} none="Nothing: it begins at the beginning." />
        <Names title="Runs again" names={again} none="Nothing." />
      </div>
      <p className="muted small">Steps whose condition asks how the run goes are decided anew.</p>
    </ConfirmDialog>
  );
}
