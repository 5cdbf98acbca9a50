import { CalendarClock, Pause, Play, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { api } from "../../api/client";
import { type ApiError, toApiError } from "../../api/problem";
import type { Schedule } from "../../api/types";
import { useAllEvents } from "../../api/use-all-events";
import { formatIn, formatTime, shortActor } from "../../base/format";
import { Link, navigate, useLocation } from "../../base/router";
import { useNow } from "../../base/use-now";
import { useResource } from "../../base/use-resource";
import { useTitle } from "../../base/use-title";
import { ConfirmDialog } from "../../ui/confirm-dialog";
import { ConnectionNotice } from "../../ui/connection";
import { Ago } from "../../ui/elapsed";
import { EmptyState } from "../../ui/empty-state";
import { ProblemNotice } from "../../ui/problem-notice";
import { NewSchedule } from "./new-schedule";
import "./schedules-page.css";

function Next({ schedule }: { schedule: Schedule }) {
  const now = useNow(15_000);
  if (schedule.paused) return <span className="chip chip-warning">Paused</span>;
  if (!schedule.next_at) return <span className="muted">never again</span>;
  return (
    <time dateTime={schedule.next_at} title={formatTime(schedule.next_at)}>
      {formatIn(schedule.next_at, now)}
    </time>
  );
}

function Row({
  schedule,
  onToggle,
  onDelete,
}: {
  schedule: Schedule;
  onToggle: () => void;
  onDelete: () => void;
}) {
  const Icon = schedule.paused ? Play : Pause;
  return (
    <li className="schedule-row" data-schedule={schedule.id}>
      <div className="schedule-text">
        <strong>{schedule.name}</strong>
        <div className="schedule-sub muted small">
          <code>{schedule.cron}</code>
          <span>{schedule.timezone}</span>
          {schedule.project ? <span>{schedule.project.name}</span> : null}
          <span>
            made by {shortActor(schedule.created_by)} <Ago time={schedule.created_at} />
          </span>
        </div>
        {schedule.last_error ? (
          <div className="schedule-error small">The last time nothing began: {schedule.last_error}</div>
        ) : null}
      </div>
      <dl className="schedule-times small">
        <div>
          <dt className="muted">Next</dt>
          <dd>
            <Next schedule={schedule} />
          </dd>
        </div>
        <div>
          <dt className="muted">Last</dt>
          <dd>
            {schedule.last_at && schedule.last_run ? (
              <Link href={`/runs/${schedule.last_run}`}>
                <Ago time={schedule.last_at} />
              </Link>
            ) : schedule.last_at ? (
              <Ago time={schedule.last_at} />
            ) : (
              <span className="muted">not yet</span>
            )}
          </dd>
        </div>
      </dl>
      <span className="schedule-actions">
        <button type="button" className="button button-small" onClick={onToggle}>
          <Icon aria-hidden />
          {schedule.paused ? "Resume" : "Pause"}
          <span className="visually-hidden"> {schedule.name}</span>
        </button>
        <button
          type="button"
          className="icon-button"
          aria-label={`Delete ${schedule.name}`}
          onClick={onDelete}
        >
          <Trash2 aria-hidden />
        </button>
      </span>
    </li>
  );
}

export function SchedulesPage() {
  const { query } = useLocation();
  const wanted = query.get("new"); // a workflow's name, or "*" for any; null: no new one
  const schedules = useResource("schedules", api.schedules);
  const workflows = useResource("workflows", api.workflows);
  const projects = useResource("projects", api.projects);
  const connection = useAllEvents(schedules.refresh);
  const [deleting, setDeleting] = useState<Schedule | null>(null);
  const [problem, setProblem] = useState<ApiError | null>(null);
  useTitle("Schedules");
  const make = () => navigate("/schedules?new=*", "replace");
  const toggle = async (schedule: Schedule) => {
    setProblem(null);
    try {
      await (schedule.paused ? api.resumeSchedule(schedule.id) : api.pauseSchedule(schedule.id));
    } catch (cause) {
      setProblem(toApiError(cause));
    }
    schedules.refresh();
  };
  const error = problem ?? schedules.error ?? workflows.error ?? projects.error;
  const items = schedules.data?.items ?? [];
  return (
    <div className="page">
      <div className="page-head">
        <h1>Schedules</h1>
        <button type="button" className="button" onClick={make}>
          <Plus aria-hidden />
          New schedule
        </button>
      </div>
      {error ? <ProblemNotice error={error} /> : null}
      {schedules.data && items.length === 0 ? (
        <EmptyState icon={CalendarClock} title="No schedules yet">
          <p className="muted">A schedule starts a workflow by itself, at the times that you name.</p>
          <button type="button" className="button button-primary" onClick={make}>
            <Plus aria-hidden />
            Make the first one
          </button>
        </EmptyState>
      ) : null}
      {items.length > 0 ? (
        // biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets
        <ul role="list" className="card">
          {items.map((schedule) => (
            <Row
              key={schedule.id}
              schedule={schedule}
              onToggle={() => void toggle(schedule)}
              onDelete={() => setDeleting(schedule)}
            />
          ))}
        </ul>
      ) : null}
      {wanted !== null && workflows.data && projects.data ? (
        <NewSchedule
          workflows={workflows.data.items}
          projects={projects.data.items}
          wanted={wanted}
          onClose={() => navigate("/schedules", "replace")}
          onCreated={schedules.refresh}
        />
      ) : null}
      {deleting ? (
        <ConfirmDialog
          title={`Delete ${deleting.name}?`}
          action="Delete the schedule"
          keep="Keep it"
          danger
          onConfirm={async () => {
            await api.deleteSchedule(deleting.id);
            schedules.refresh();
          }}
          onClose={() => setDeleting(null)}
        >
          <p>It starts nothing any more. Runs that it has started stay.</p>
        </ConfirmDialog>
      ) : null}
      <ConnectionNotice states={[connection]} />
    </div>
  );
}
