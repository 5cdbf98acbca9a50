import { type FormEvent, useState } from "react";
import { api } from "../../api/client";
import type { NewSchedule as Body, Project, Workflow } from "../../api/types";
import { Dialog } from "../../ui/dialog";
import { SelectField, TextField } from "../../ui/fields";
import { StartFields } from "../workflows/start-fields";
import { useStart } from "../workflows/use-start";

const localZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

const usual = [
  ["0 * * * *", "every hour"],
  ["0 7 * * 1-5", "at 7 on weekdays"],
  ["0 3 * * *", "every night at 3"],
  ["0 6 * * 1", "on Mondays at 6"],
] as const;

function Form({
  workflow,
  projects,
  onClose,
  onCreated,
}: {
  workflow: Workflow;
  projects: Project[];
  onClose: () => void;
  onCreated: () => void;
}) {
  const [cron, setCron] = useState(workflow.schedule?.cron ?? "");
  const [zone, setZone] = useState(workflow.schedule?.timezone ?? localZone());
  const form = useStart(workflow, workflow.name, projects, ["cron", "timezone"], async (request, key) => {
    await api.createSchedule({ ...request, cron: cron.trim(), timezone: zone.trim() } as Body, key);
    onCreated();
    onClose();
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void form.submit();
  };
  return (
    <form className="schedule-form" onSubmit={submit}>
      <TextField
        id="cron"
        label="When"
        hint={
          <>
            Five fields: minute, hour, day of month, month, day of week. Or{" "}
            {usual.map(([value, words], index) => (
              <span key={value}>
                {index > 0 ? ", " : ""}
                <button type="button" className="link-button" onClick={() => setCron(value)}>
                  {words}
                </button>
              </span>
            ))}
          </>
        }
        error={form.errors.cron}
        mono
        required
        placeholder="0 7 * * 1-5"
        value={cron}
        onChange={setCron}
      />
      <TextField
        id="timezone"
        label="Time zone"
        error={form.errors.timezone}
        required
        value={zone}
        onChange={setZone}
      />
      <StartFields workflow={workflow} projects={projects} form={form} />
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>
          Close
        </button>
        <button type="submit" className="button button-primary" disabled={form.busy}>
          Create the schedule
        </button>
      </div>
    </form>
  );
}

export function NewSchedule({
  workflows,
  projects,
  wanted,
  onClose,
  onCreated,
}: {
  workflows: Workflow[];
  projects: Project[];
  wanted: string;
  onClose: () => void;
  onCreated: () => void;
}) {
  const [name, setName] = useState(
    workflows.some((workflow) => workflow.name === wanted) ? wanted : (workflows[0]?.name ?? ""),
  );
  const workflow = workflows.find((one) => one.name === name);
  return (
    <Dialog title="New schedule" onClose={onClose} wide>
      <SelectField
        id="workflow"
        label="Workflow"
        options={workflows.map((one) => [one.name, one.name])}
        value={name}
        onChange={setName}
      />
      {workflow ? (
        <Form key={name} workflow={workflow} projects={projects} onClose={onClose} onCreated={onCreated} />
      ) : null}
    </Dialog>
  );
}
