import { useState } from "react";
import { api } from "../../api/client";
import { useAllEvents } from "../../api/use-all-events";
import { navigate, useLocation, withQuery } from "../../base/router";
import { useResource } from "../../base/use-resource";
import { useTitle } from "../../base/use-title";
import { ConnectionNotice } from "../../ui/connection";
import { ProblemNotice } from "../../ui/problem-notice";
import { pageSize, ShowMore } from "../../ui/show-more";
import { EmptyRuns } from "./empty-runs";
import { RunList } from "./run-list";
import { RunsFilter, statusFilters } from "./runs-filter";
import "./runs-page.css";

export function RunsPage() {
  const { query } = useLocation();
  const status = statusFilters.find(([value]) => value === query.get("status"))?.[0] ?? "";
  const project = query.get("project") ?? "";
  const [limit, setLimit] = useState(pageSize);
  useTitle("Runs");

  const runs = useResource(`runs ${status} ${project} ${limit}`, (signal) =>
    api.runs({ limit, ...(status ? { status } : {}), ...(project ? { project } : {}) }, signal),
  );
  const projects = useResource("projects", api.projects);
  const connection = useAllEvents(runs.refresh);

  const items = runs.data?.items ?? [];
  const filtered = status !== "" || project !== "";
  const filter = (changes: Record<string, string>) => navigate(withQuery("/runs", query, changes), "replace");
  const waiting = items.filter((run) => run.waiting).length;

  return (
    <div className="page">
      <div className="page-head">
        <h1>Runs</h1>
        <RunsFilter
          status={status}
          project={project}
          projects={projects.data?.items ?? []}
          onChange={filter}
        />
      </div>
      <div className="visually-hidden" aria-live="polite">
        {waiting > 0 ? `${waiting} of the runs shown wait for your decision` : ""}
      </div>
      {runs.error ? <ProblemNotice error={runs.error} /> : null}
      {runs.data && items.length === 0 ? (
        <EmptyRuns filtered={filtered} onClear={() => filter({ status: "", project: "" })} />
      ) : null}
      {items.length > 0 ? <RunList runs={items} /> : null}
      {!runs.data && !runs.error ? <div className="rows-placeholder card" aria-hidden /> : null}
      {runs.data?.next_cursor ? <ShowMore limit={limit} onMore={setLimit} /> : null}
      <ConnectionNotice states={[connection]} />
    </div>
  );
}
