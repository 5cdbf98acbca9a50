import type { Project } from "../../api/types";
import { Segments } from "../../ui/segments";

export const statusFilters = [
  ["", "All"],
  ["running", "Running"],
  ["completed", "Completed"],
  ["failed", "Failed"],
  ["cancelled", "Cancelled"],
] as const;

export type StatusFilter = (typeof statusFilters)[number][0];

export function RunsFilter({
  status,
  project,
  projects,
  onChange,
}: {
  status: StatusFilter;
  project: string;
  projects: Project[];
  onChange: (changes: Record<string, string>) => void;
}) {
  return (
    <div className="runs-filter">
      <Segments
        legend="Status"
        name="status"
        options={statusFilters}
        value={status}
        onChange={(value) => onChange({ status: value })}
      />
      <select
        className="input runs-project"
        aria-label="Project"
        value={project}
        onChange={(event) => onChange({ project: event.target.value })}
      >
        <option value="">All projects</option>
        {projects.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}
