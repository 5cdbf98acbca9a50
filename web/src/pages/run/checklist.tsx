import { CircleCheck, CircleDashed, LoaderCircle } from "lucide-react";
import type { PlanEntry } from "./timeline-model";

const icons = { completed: CircleCheck, in_progress: LoaderCircle, pending: CircleDashed };

// What an agent means to do, and how far it is.
export function Checklist({ entries }: { entries: PlanEntry[] }) {
  return (
    // biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets
    <ul role="list" className="todos">
      {entries.map(({ content, status }, index) => {
        const Icon = icons[status];
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: entries have no identity but their place
          <li key={index} className={`todo todo-${status}`}>
            <Icon role="img" aria-label={status.replace("_", " ")} />
            {content}
          </li>
        );
      })}
    </ul>
  );
}
