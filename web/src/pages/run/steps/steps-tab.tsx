import { ChartGantt, List, type LucideIcon, Network } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import type { Run, RunEvent, Step } from "../../../api/types";
import { navigate, useLocation, withQuery } from "../../../base/router";
import { Segments } from "../../../ui/segments";
import { GanttChart } from "./gantt";
import { type RerunChoice, RerunDialog } from "./rerun-dialog";
import { StepList } from "./step-list";
import { StepMenu } from "./step-menu";
import { StepPanel } from "./step-panel";
import "./steps-tab.css";

const RunGraph = lazy(() => import("./run-graph"));

const labelled = (Icon: LucideIcon, label: string) => (
  <>
    <Icon aria-hidden /> {label}
  </>
);
const views = [
  ["graph", labelled(Network, "Graph")],
  ["list", labelled(List, "List")],
  ["times", labelled(ChartGantt, "Times")],
] as const;

// The run's steps as a graph, as a list and in time. The view and the chosen step are part of the address.
export function StepsTab({
  run,
  events,
  past,
  onChanged,
}: {
  run: Run;
  events: RunEvent[];
  past: boolean; // nothing can be done to what was
  onChanged: (run: Run) => void;
}) {
  const { path, query } = useLocation();
  const [rerun, setRerun] = useState<RerunChoice | null>(null);
  const view = views.find(([id]) => id === query.get("view"))?.[0] ?? "graph";
  const selected = run.steps.find(({ name }) => name === query.get("step")) ?? null;
  const go = (changes: Record<string, string>) => navigate(withQuery(path, query, changes), "replace");
  const select = (step: string) => go({ step });
  const menu = (step: Step) => (past ? null : <StepMenu run={run} step={step} onRerun={setRerun} />);
  return (
    <div className="steps">
      <Segments
        legend="Show the steps as"
        name="view"
        className="steps-views"
        options={views}
        value={view}
        onChange={(id) => go({ view: id === "graph" ? "" : id })}
      />
      {view === "graph" ? (
        <Suspense fallback={<div className="run-graph-placeholder" aria-hidden />}>
          <RunGraph steps={run.steps} selected={selected?.name ?? null} onSelect={select} />
        </Suspense>
      ) : null}
      {view === "list" ? (
        <StepList steps={run.steps} selected={selected?.name ?? null} onSelect={select} menu={menu} />
      ) : null}
      {view === "times" ? (
        <GanttChart events={events} steps={run.steps} selected={selected?.name ?? null} onSelect={select} />
      ) : null}
      {selected ? (
        <StepPanel step={selected} menu={menu(selected)} onClose={() => go({ step: "" })} />
      ) : (
        <p className="muted small">
          Choose a step to see what it gave{past ? "" : ", and to retry or fork the run from it"}.
        </p>
      )}
      {rerun ? (
        <RerunDialog run={run} choice={rerun} onClose={() => setRerun(null)} onChanged={onChanged} />
      ) : null}
    </div>
  );
}
