import type { Project } from "../../api/types";

export const statusFilters = [
  ["", "All"],
  ["running", "Running"],
  ["completed", "Completed"],
  ["failed", "Failed"],
  ["cancelled", "Cancelled"],
] as const;

export function RunsFilter({
  status,
  project,
  projects,
  onChange,
}: {
  status: string;
  project: string;
  projects: Project[];
  onChange: (changes: Record<string, string>) => void;
}) {
  return (
    <div className="runs-filter">
      <fieldset className="segments">
        <legend className="visually-hidden">Status</legend>
        {statusFilters.map(([value, label]) => (
          <label key={value} className="segment">
            <input
              type="radio"
              name="status"
              value={value}
              checked={status === value}
              onChange={() => onChange({ status: value })}
            />
            <span>{label}</span>
          </label>
        ))}
      </fieldset>
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
