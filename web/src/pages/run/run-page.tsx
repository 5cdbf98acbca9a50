import { Ban, CircleX } from "lucide-react";
import { lazy, Suspense, useCallback, useMemo, useState } from "react";
import { api, runPath } from "../../api/client";
import type { ServerEvent } from "../../api/sse";
import type { Run, RunEvent } from "../../api/types";
import { useStream } from "../../api/use-stream";
import { plural, runTitle } from "../../base/format";
import { navigate, useLocation, withQuery } from "../../base/router";
import { FrozenTime } from "../../base/use-now";
import { useResource } from "../../base/use-resource";
import { useTitle } from "../../base/use-title";
import { CannotShow } from "../../ui/cannot-show";
import { ConnectionNotice } from "../../ui/connection";
import { ProblemNotice } from "../../ui/problem-notice";
import { shownStatus, statusWord } from "../../ui/status";
import { Tabs } from "../../ui/tabs";
import { ApprovalCards } from "./approval-card";
import { ArtifactsTab } from "./artifacts-tab";
import { DiffTab } from "./diff-tab";
import { EventsTab } from "./events-tab";
import { HistoryBar } from "./history";
import { LogTab } from "./log-tab";
import { Pipeline } from "./pipeline";
import { RunHeader } from "./run-header";
import { StepsTab } from "./steps/steps-tab";
import { TimelineTab } from "./timeline-tab";
import { useTimeline } from "./use-timeline";
import "./run-page.css";

const WorkspaceFiles = lazy(() =>
  import("../../files/workspace-files").then((all) => ({ default: all.WorkspaceFiles })),
);

function tabsOf(run: Run, eventCount: number) {
  const files = run.diff_stat?.files ?? 0;
  const count = (value: number) => (value > 0 ? <span className="tab-count">{value}</span> : null);
  return [
    { id: "steps", label: "Steps" },
    { id: "timeline", label: "Timeline" },
    { id: "log", label: "Log" },
    { id: "diff", label: <>Diff {count(files)}</> },
    { id: "files", label: "Files" },
    { id: "events", label: <>Events {count(eventCount)}</> },
    { id: "artifacts", label: "Artifacts" },
  ];
}

function decodeEvents(batch: ServerEvent[]): RunEvent[] {
  return batch.flatMap((event) => {
    try {
      return [JSON.parse(event.data) as RunEvent];
    } catch {
      return [];
    }
  });
}

function RunError({ run, error }: { run: Run; error: NonNullable<Run["error"]> }) {
  if (run.status === "cancelled") {
    return (
      <div className="notice run-error">
        <Ban aria-hidden />
        <div>Cancelled: {error.message}</div>
      </div>
    );
  }
  return (
    <div className="notice notice-bad run-error" role="alert">
      <CircleX aria-hidden />
      <div>
        {error.message}
        <div className="muted">{error.code.replaceAll("_", " ")}</div>
      </div>
    </div>
  );
}

const presentOnly = ["timeline", "log", "diff", "files", "artifacts"];

// The run as it was after an event; the last answer while the next is on its way. Null: now.
function usePast(run: string, at: number | null) {
  const { data, error } = useResource(`run ${run} after ${at}`, (signal) =>
    at === null ? Promise.resolve(null) : api.runAt(run, at, signal),
  );
  const [kept, setKept] = useState<Run | null>(null);
  if (data && data !== kept) setKept(data);
  return { past: at === null ? null : (data ?? kept), error: at === null ? null : error };
}

function LoadedRun({
  run: present,
  refresh,
  set,
}: {
  run: Run;
  refresh: () => void;
  set: (run: Run) => void;
}) {
  const { query } = useLocation();
  const [allEvents, setEvents] = useState<RunEvent[]>([]);
  const version = Number(query.get("version"));
  const at = Number.isInteger(version) && version > 0 && version < present.version ? version : null;
  const { past, error: pastError } = usePast(present.id, at);
  const run = past ?? present;
  const over =
    present.status === "completed" || present.status === "failed" || present.status === "cancelled";
  useTitle(`${present.waiting ? "⏳ " : ""}${runTitle(present)}`);

  const onEvents = useCallback(
    (batch: ServerEvent[]) => {
      setEvents((old) => [...old, ...decodeEvents(batch)]);
      refresh();
    },
    [refresh],
  );
  const eventStream = useStream(`${runPath(run.id)}/events?from=1`, onEvents, present.attempt);
  const events = useMemo(() => (at === null ? allEvents : allEvents.slice(0, at)), [allEvents, at]);
  const frozen = at === null ? null : Date.parse(events.at(-1)?.time ?? run.created_at);
  const tabs = tabsOf(run, events.length);
  const usual = present.workflow === "task" ? "timeline" : "steps";
  const wanted = query.get("tab") ?? usual;
  const tab = tabs.some(({ id }) => id === wanted) ? wanted : usual;
  const timeline = useTimeline(run.id, present.attempt, tab === "timeline");
  const go = (changes: Record<string, string>) =>
    navigate(withQuery(`/runs/${run.id}`, new URLSearchParams(window.location.search), changes), "replace");
  const travel = useCallback(
    (to: number | null) => {
      const now = new URLSearchParams(window.location.search);
      navigate(withQuery(`/runs/${present.id}`, now, { version: to === null ? "" : String(to) }), "replace");
    },
    [present.id],
  );

  return (
    <FrozenTime value={frozen}>
      <div className="page run-page">
        <div className="visually-hidden" aria-live="polite">
          {run.waiting
            ? `The run waits for your decision on ${plural(run.approvals.length, "request")}`
            : `Run ${statusWord(shownStatus(run)).toLowerCase()}`}
        </div>
        <RunHeader run={run} past={at !== null} onChanged={set} />
        <Pipeline steps={run.steps} />
        {run.error ? <RunError run={run} error={run.error} /> : null}
        {at === null ? <ApprovalCards approvals={run.approvals} onDecided={refresh} /> : null}
        <HistoryBar events={allEvents} at={at} onChange={travel} />
        {pastError ? <ProblemNotice error={pastError} /> : null}
        <Tabs
          label="Views of this run"
          tabs={tabs}
          selected={tab}
          onSelect={(id) => go({ tab: id === usual ? "" : id })}
        >
          {at !== null && presentOnly.includes(tab) ? (
            <p className="notice history-present">
              History covers the run's state, steps and events. What stands here is as it is now.
            </p>
          ) : null}
          {tab === "steps" ? <StepsTab run={run} events={events} past={at !== null} onChanged={set} /> : null}
          {tab === "timeline" ? (
            <TimelineTab run={present} events={allEvents} timeline={timeline} live={!over} onChanged={set} />
          ) : null}
          {tab === "log" ? <LogTab run={run.id} attempt={present.attempt} live={!over} /> : null}
          {tab === "diff" ? <DiffTab run={present} over={over} /> : null}
          {tab === "files" ? (
            <Suspense fallback={<div className="run-placeholder" aria-hidden />}>
              <WorkspaceFiles
                run={present.id}
                version={String(present.version)}
                possible={!over && present.status !== "pending"}
                over={over}
              />
            </Suspense>
          ) : null}
          {tab === "events" ? <EventsTab events={events} at={at} onTravel={travel} /> : null}
          {tab === "artifacts" ? <ArtifactsTab run={present} /> : null}
        </Tabs>
        <ConnectionNotice states={[eventStream.state]} />
      </div>
    </FrozenTime>
  );
}

export function RunPage({ id }: { id: string }) {
  const { data, error, refresh, set } = useResource(`run ${id}`, (signal) => api.run(id, signal));
  useTitle("Run");
  if (data) return <LoadedRun run={data} refresh={refresh} set={set} />;
  return (
    <CannotShow
      error={error}
      kind="run"
      all="/runs"
      loading={<div className="run-placeholder" aria-hidden />}
    />
  );
}
