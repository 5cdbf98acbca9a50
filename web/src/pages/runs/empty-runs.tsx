import { Plus, SearchX, Sprout } from "lucide-react";
import { Link } from "../../base/router";
import { CopyButton } from "../../ui/copy-button";

const command = 'corral run "Fix the failing test" --repo .';

export function EmptyRuns({ filtered, onClear }: { filtered: boolean; onClear: () => void }) {
  if (filtered) {
    return (
      <div className="empty card">
        <SearchX aria-hidden className="empty-icon" />
        <h2>No run fits this filter</h2>
        <button type="button" className="button" onClick={onClear}>
          Show all runs
        </button>
      </div>
    );
  }
  return (
    <div className="empty card">
      <Sprout aria-hidden className="empty-icon" />
      <h2>No runs yet</h2>
      <p className="muted">
        Give an agent a task on one of your repositories. It works in a workspace of its own, and you watch,
        steer and review.
      </p>
      <Link href="/runs/new" className="button button-primary">
        <Plus aria-hidden />
        Start the first run
      </Link>
      <div className="empty-or muted small">or from the command line</div>
      <div className="empty-command">
        <code>{command}</code>
        <CopyButton text={command} label="Copy the command" />
      </div>
    </div>
  );
}
