import { CalendarClock, Pencil, Trash2 } from "lucide-react";
import { lazy, Suspense, useMemo, useState } from "react";
import { blankStep } from "../../api/blank-step";
import { api } from "../../api/client";
import type { Step, Workflow } from "../../api/types";
import { shortActor } from "../../base/format";
import { Link, navigate, useLocation, withQuery } from "../../base/router";
import { useResource } from "../../base/use-resource";
import { useTitle } from "../../base/use-title";
import { CannotShow } from "../../ui/cannot-show";
import { CodeBlock } from "../../ui/code-block";
import { ConfirmDialog } from "../../ui/confirm-dialog";
import { Ago } from "../../ui/elapsed";
import { StartForm } from "./start-form";
import { SaveWorkflow } from "./workflows-page";
import "./workflows.css";

const RunGraph = lazy(() => import("../run/steps/run-graph"));

// The definition's steps, as a run that has not begun would have them.
function stepsOf(workflow: Workflow): Step[] {
  return workflow.steps.map(({ name, kind, needs, matrix, ...step }) =>
    blankStep({ name, kind: matrix ? `${kind}, a matrix` : kind, needs, finally: step.finally }),
  );
}

function Versions({
  newest,
  shown,
  onChange,
}: {
  newest: number;
  shown: number;
  onChange: (v: number) => void;
}) {
  if (newest < 2) return null;
  return (
    <select
      className="input workflow-versions"
      aria-label="Version"
      value={shown}
      onChange={(event) => onChange(Number(event.target.value))}
    >
      {Array.from({ length: newest }, (_, index) => newest - index).map((version) => (
        <option key={version} value={version}>
          Version {version}
          {version === newest ? " (newest)" : ""}
        </option>
      ))}
    </select>
  );
}

export function WorkflowPage({ name }: { name: string }) {
  const { path, query } = useLocation();
  const wanted = Number(query.get("version")) || 0;
  const newest = useResource(`workflow ${name}`, (signal) => api.workflow(name, signal));
  const reference = wanted > 0 && wanted !== newest.data?.version ? `${name}@${wanted}` : name;
  const { data, error } = useResource(`workflow ${reference}`, (signal) => api.workflow(reference, signal));
  const projects = useResource("projects", api.projects);
  const [asking, setAsking] = useState<"edit" | "delete" | null>(null);
  const steps = useMemo(() => (data ? stepsOf(data) : []), [data]);
  const [step, setStep] = useState<string | null>(null);
  useTitle(name);

  if (!data || !newest.data) {
    return <CannotShow error={error} kind="workflow" all="/workflows" loading={null} />;
  }
  const stored = data.origin === "stored";
  return (
    <div className="page">
      <div className="page-head">
        <div>
          <h1>{data.name}</h1>
          <p className="muted">
            {data.description}
            {data.saved_at ? (
              <span className="small">
                {" "}
                saved {data.saved_by ? `by ${shortActor(data.saved_by)} ` : ""}
                <Ago time={data.saved_at} />
              </span>
            ) : null}
          </p>
        </div>
        <div className="workflow-actions">
          <Versions
            newest={stored ? newest.data.version : 1}
            shown={data.version}
            onChange={(version) =>
              navigate(
                withQuery(path, query, {
                  version: version === newest.data?.version ? "" : String(version),
                }),
              )
            }
          />
          <Link href={`/schedules?new=${encodeURIComponent(name)}`} className="button">
            <CalendarClock aria-hidden />
            Schedule it
          </Link>
          {stored ? (
            <>
              <button type="button" className="button" onClick={() => setAsking("edit")}>
                <Pencil aria-hidden />
                Edit
              </button>
              <button
                type="button"
                className="icon-button"
                aria-label={`Delete ${name}`}
                onClick={() => setAsking("delete")}
              >
                <Trash2 aria-hidden />
              </button>
            </>
          ) : null}
        </div>
      </div>
      <div className="workflow-page">
        <div className="workflow-main">
          <Suspense fallback={<div className="run-graph-placeholder" aria-hidden />}>
            <RunGraph steps={steps} selected={step} onSelect={setStep} />
          </Suspense>
          <section aria-label="Source">
            <CodeBlock text={data.source.trimEnd()} language="yaml" />
          </section>
        </div>
        {projects.data ? (
          <StartForm key={reference} workflow={data} reference={reference} projects={projects.data.items} />
        ) : null}
      </div>
      {asking === "edit" ? (
        <SaveWorkflow
          source={data.source}
          onClose={() => {
            setAsking(null);
            newest.refresh();
          }}
        />
      ) : null}
      {asking === "delete" ? (
        <ConfirmDialog
          title={`Delete ${name}?`}
          action="Delete the workflow"
          keep="Keep it"
          danger
          onConfirm={async () => {
            await api.deleteWorkflow(name);
            navigate("/workflows");
          }}
          onClose={() => setAsking(null)}
        >
          <p>It cannot be started any more. Runs that have begun keep their definition.</p>
        </ConfirmDialog>
      ) : null}
    </div>
  );
}
