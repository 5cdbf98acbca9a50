import { Inbox, Pause, Play, RotateCcw, Trash2 } from "lucide-react";
import { useCallback, useState } from "react";
import { api } from "../../api/client";
import { type ApiError, toApiError } from "../../api/problem";
import type { Job, JobState, Project, Queue } from "../../api/types";
import { useAllEvents } from "../../api/use-all-events";
import { formatDuration, plural, shortId } from "../../base/format";
import { Link, navigate, useLocation, withQuery } from "../../base/router";
import { useResource } from "../../base/use-resource";
import { useTitle } from "../../base/use-title";
import { ConfirmDialog } from "../../ui/confirm-dialog";
import { ConnectionNotice } from "../../ui/connection";
import { Ago } from "../../ui/elapsed";
import { ProblemNotice } from "../../ui/problem-notice";
import "./queue-page.css";

const pageSize = 50;

// The states of jobs, as a person says them.
const states = [
  ["failed", "Dead letters"],
  ["ready", "Ready"],
  ["delayed", "Delayed"],
  ["claimed", "At work"],
  ["completed", "Completed"],
] as const satisfies readonly (readonly [JobState, string])[];

const empty: Record<JobState, string> = {
  failed: "No dead letters: nothing was given up.",
  ready: "Nothing waits for its turn.",
  delayed: "Nothing waits for its time.",
  claimed: "Nothing is at work.",
  completed: "Nothing has been completed.",
};

function Counts({
  queue,
  state,
  onChange,
}: {
  queue: Queue;
  state: JobState;
  onChange: (s: JobState) => void;
}) {
  return (
    <fieldset className="queue-counts">
      <legend className="visually-hidden">Which jobs are shown</legend>
      {states.map(([value, label]) => (
        <label
          key={value}
          className={`queue-count card ${value === "failed" && queue.failed > 0 ? "queue-bad" : ""}`}
        >
          <input
            type="radio"
            name="state"
            value={value}
            checked={state === value}
            onChange={() => onChange(value)}
          />
          <span className="muted small">{label}</span>
          <strong className="tabular" data-count={value}>
            {queue[value].toLocaleString()}
          </strong>
        </label>
      ))}
    </fieldset>
  );
}

function Row({
  job,
  project,
  onRetry,
  onDiscard,
}: {
  job: Job;
  project: string;
  onRetry: () => void;
  onDiscard: () => void;
}) {
  return (
    <li className="job" data-job={job.id}>
      <div className="job-text">
        <div className="job-head">
          <strong>{job.kind}</strong>
          {job.run ? (
            <Link href={`/runs/${job.run}`}>run {shortId(job.run)}</Link>
          ) : (
            <code className="job-key">{job.key}</code>
          )}
          <span className="muted small">
            {project ? `${project} · ` : ""}attempt {job.attempt} of {job.max_attempts} · made{" "}
            <Ago time={job.created_at} />
          </span>
        </div>
        {job.error ? <div className="job-error">{job.error}</div> : null}
      </div>
      {job.state === "failed" ? (
        <span className="job-actions">
          <button type="button" className="button button-small" onClick={onRetry}>
            <RotateCcw aria-hidden />
            Retry<span className="visually-hidden"> job {job.id}</span>
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label={`Discard job ${job.id}`}
            onClick={onDiscard}
          >
            <Trash2 aria-hidden />
          </button>
        </span>
      ) : null}
    </li>
  );
}

function PauseBar({
  queue,
  projects,
  onPause,
}: {
  queue: Queue;
  projects: Project[];
  onPause: (group: string, paused: boolean) => void;
}) {
  const [group, setGroup] = useState("");
  const nameOf = (id: string) =>
    id === "" ? "everything" : (projects.find((one) => one.id === id)?.name ?? id);
  const free = projects.filter(({ id }) => !queue.paused.includes(id));
  return (
    <div className="queue-pause">
      {queue.paused.map((id) => (
        <div key={id} className="notice notice-warning queue-paused" data-paused={id || "all"}>
          <Pause aria-hidden />
          <div>
            Paused: <strong>{nameOf(id)}</strong>. Nothing of it begins; what is at work goes on.
          </div>
          <button type="button" className="button button-small" onClick={() => onPause(id, false)}>
            <Play aria-hidden />
            Resume<span className="visually-hidden"> {nameOf(id)}</span>
          </button>
        </div>
      ))}
      {queue.paused.includes("") ? null : (
        <div className="queue-pause-form">
          <select
            className="input"
            aria-label="What to pause"
            value={group}
            onChange={(event) => setGroup(event.target.value)}
          >
            <option value="">Everything</option>
            {free.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
          <button type="button" className="button" onClick={() => onPause(group, true)}>
            <Pause aria-hidden />
            Pause
          </button>
        </div>
      )}
    </div>
  );
}

export function QueuePage() {
  const { path, query } = useLocation();
  const state = states.find(([value]) => value === query.get("state"))?.[0] ?? "failed";
  const [limit, setLimit] = useState(pageSize);
  const queue = useResource("queue", api.queue);
  const jobs = useResource(`jobs ${state} ${limit}`, (signal) => api.jobs({ state, limit }, signal));
  const projects = useResource("projects", api.projects);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [discarding, setDiscarding] = useState<Job | null>(null);
  useTitle("Queue");
  const { refresh: refreshQueue } = queue;
  const { refresh: refreshJobs } = jobs;
  const refresh = useCallback(() => {
    refreshQueue();
    refreshJobs();
  }, [refreshQueue, refreshJobs]);
  const connection = useAllEvents(refresh);
  const attempt = async (work: () => Promise<unknown>) => {
    setProblem(null);
    try {
      await work();
    } catch (cause) {
      setProblem(toApiError(cause));
    }
    refresh();
  };
  const error = problem ?? queue.error ?? jobs.error;
  const known = projects.data?.items ?? [];
  const items = jobs.data?.items ?? [];
  return (
    <div className="page">
      <div className="page-head">
        <div>
          <h1>Queue</h1>
          {queue.data && queue.data.ready > 0 ? (
            <p className="muted small">
              The oldest that is ready waits {formatDuration((queue.data.oldest_ready_s ?? 0) * 1000)}.
            </p>
          ) : null}
        </div>
      </div>
      {error ? <ProblemNotice error={error} /> : null}
      {queue.data ? (
        <>
          <PauseBar
            queue={queue.data}
            projects={known}
            onPause={(group, paused) =>
              void attempt(() => (paused ? api.pauseQueue(group) : api.resumeQueue(group)))
            }
          />
          <Counts
            queue={queue.data}
            state={state}
            onChange={(value) =>
              navigate(withQuery(path, query, { state: value === "failed" ? "" : value }), "replace")
            }
          />
        </>
      ) : null}
      {jobs.data && items.length === 0 ? (
        <div className="tab-empty card">
          <Inbox aria-hidden />
          <p>{empty[state]}</p>
        </div>
      ) : null}
      {items.length > 0 ? (
        // biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets
        <ul role="list" className="card" aria-label={states.find(([value]) => value === state)?.[1]}>
          {items.map((job) => (
            <Row
              key={job.id}
              job={job}
              project={known.find(({ id }) => id === job.group)?.name ?? ""}
              onRetry={() => void attempt(() => api.retryJob(job.id))}
              onDiscard={() => setDiscarding(job)}
            />
          ))}
        </ul>
      ) : null}
      {jobs.data?.next_cursor && limit < 500 ? (
        <div className="show-more">
          <button type="button" className="button" onClick={() => setLimit(Math.min(500, limit + 100))}>
            Show more
          </button>
        </div>
      ) : null}
      {items.length === 500 ? <p className="muted small">These are the first {plural(500, "job")}.</p> : null}
      {discarding ? (
        <ConfirmDialog
          title={`Discard job ${discarding.id}?`}
          action="Discard the job"
          keep="Keep it"
          danger
          onConfirm={async () => {
            await api.discardJob(discarding.id);
            refresh();
          }}
          onClose={() => setDiscarding(null)}
        >
          <p>It is forgotten, and what it should have done is not done. This cannot be undone.</p>
        </ConfirmDialog>
      ) : null}
      <ConnectionNotice states={[connection]} />
    </div>
  );
}
