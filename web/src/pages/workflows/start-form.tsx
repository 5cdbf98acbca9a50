import { Play } from "lucide-react";
import type { FormEvent } from "react";
import { api } from "../../api/client";
import type { Project, StartRun, Workflow } from "../../api/types";
import { navigate } from "../../base/router";
import { StartFields } from "./start-fields";
import { useStart } from "./use-start";

// Starts a workflow, with a field for each of its inputs.
export function StartForm({
  workflow,
  reference,
  projects,
}: {
  workflow: Workflow;
  reference: string;
  projects: Project[];
}) {
  const form = useStart(workflow, reference, projects, [], async (request, key) => {
    const run = await api.startRun(request as StartRun, key);
    navigate(`/runs/${run.id}`);
    window.scrollTo(0, 0);
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void form.submit();
  };
  return (
    <form className="workflow-form card" noValidate onSubmit={submit} aria-label={`Start ${workflow.name}`}>
      <h2>Start it</h2>
      <StartFields workflow={workflow} projects={projects} form={form} />
      <div className="dialog-actions">
        <button type="submit" className="button button-primary" disabled={form.busy}>
          <Play aria-hidden />
          {form.busy ? "Starting…" : "Start the run"}
        </button>
      </div>
    </form>
  );
}
