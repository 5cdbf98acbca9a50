import { ListTodo } from "lucide-react";
import { memo } from "react";
import { Checklist } from "./checklist";
import type { PlanItem } from "./timeline-model";

// The plan that an agent told, as far as it is carried out.
export const PlanCard = memo(function PlanCard({ item }: { item: PlanItem }) {
  const done = item.entries.filter(({ status }) => status === "completed").length;
  return (
    <div className="call card plan" data-plan>
      <div className="plan-head">
        <ListTodo aria-hidden className="call-icon" />
        <h3>Plan</h3>
        <span className="muted small tabular">
          {done} of {item.entries.length} done
        </span>
      </div>
      <Checklist entries={item.entries} />
    </div>
  );
});
