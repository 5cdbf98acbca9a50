import { Plus, SearchX, Sprout } from "lucide-react";
import { Link } from "../../base/router";
import { EmptyState, OrCommand } from "../../ui/empty-state";

export function EmptyRuns({ filtered, onClear }: { filtered: boolean; onClear: () => void }) {
  if (filtered) {
    return (
      <EmptyState icon={SearchX} title="No run fits this filter">
        <button type="button" className="button" onClick={onClear}>
          Show all runs
        </button>
      </EmptyState>
    );
  }
  return (
    <EmptyState icon={Sprout} title="No runs yet">
      <p className="muted">
        Give an agent a task on one of your repositories. It works in a workspace of its own, and you watch,
        steer and review.
      </p>
      <Link href="/runs/new" className="button button-primary">
        <Plus aria-hidden />
        Start the first run
      </Link>
      <OrCommand command={'corral run "Fix the failing test" --repo .'} />
    </EmptyState>
  );
}
