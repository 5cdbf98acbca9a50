import { Ban, CircleX } from "lucide-react";
import { useCallback, useState } from "react";
import { api, runPath } from "../../api/client";
import type { ServerEvent } from "../../api/sse";
import type { Run, RunEvent } from "../../api/types";
import { useStream } from "../../api/use-stream";
import { plural, titleOf } from "../../base/format";
import { Link, navigate, useLocation, withQuery } from "../../base/router";
import { useResource } from "../../base/use-resource";
import { useTitle } from "../../base/use-title";
import { ConnectionNotice } from "../../ui/connection";
import { ProblemNotice } from "../../ui/problem-notice";
import { shownStatus, statusWord } from "../../ui/status";
import { Tabs } from "../../ui/tabs";
import { ApprovalCards } from "./approval-card";
import { ArtifactsTab } from "./artifacts-tab";
import { DiffTab } from "./diff-tab";
import { EventsTab } from "./events-tab";
import { LogTab } from "./log-tab";
import { Pipeline } from "./pipeline";
import { RunHeader } from "./run-header";
import { TimelineTab } from "./timeline-tab";
import { useTimeline } from "./use-timeline";
import "./run-page.css";

function tabsOf(run: Run, eventCount: number) {
  const files = run.diff_stat?.files ?? 0;
  const count = (value: number) => (value > 0 ? <span className="tab-count">{value}</span> : null);
  return [
    { id: "timeline", label: "Timeline" },
    { id: "log", label: "Log" },
    { id: "diff", label: <>Diff {count(files)}</> },
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

function LoadedRun({ run, refresh, set }: { run: Run; refresh: () => void; set: (run: Run) => void }) {
  const { query } = useLocation();
  const [events, setEvents] = useState<RunEvent[]>([]);
  const over = run.status === "completed" || run.status === "failed" || run.status === "cancelled";
  const title = titleOf(run.prompt);
  useTitle(`${run.waiting ? "⏳ " : ""}${title}`);

  const onEvents = useCallback(
    (batch: ServerEvent[]) => {
      setEvents((old) => [...old, ...decodeEvents(batch)]);
      refresh();
    },
    [refresh],
  );
  const eventStream = useStream(`${runPath(run.id)}/events?from=1`, onEvents, run.attempt);
  const tabs = tabsOf(run, events.length);
  const wanted = query.get("tab") ?? "timeline";
  const tab = tabs.some(({ id }) => id === wanted) ? wanted : "timeline";
  const timeline = useTimeline(run.id, run.attempt, tab === "timeline");
  const select = (id: string) =>
    navigate(withQuery(`/runs/${run.id}`, query, { tab: id === "timeline" ? "" : id }), "replace");

  return (
    <div className="page run-page">
      <div className="visually-hidden" aria-live="polite">
        {run.waiting
          ? `The agent waits for your decision on ${plural(run.approvals.length, "request")}`
          : `Run ${statusWord(shownStatus(run)).toLowerCase()}`}
      </div>
      <RunHeader run={run} onChanged={set} />
      <Pipeline steps={run.steps} />
      {run.error ? <RunError run={run} error={run.error} /> : null}
      <ApprovalCards approvals={run.approvals} onDecided={refresh} />
      <Tabs label="Views of this run" tabs={tabs} selected={tab} onSelect={select}>
        {tab === "timeline" ? <TimelineTab run={run} timeline={timeline} live={!over} /> : null}
        {tab === "log" ? <LogTab run={run.id} attempt={run.attempt} live={!over} /> : null}
        {tab === "diff" ? <DiffTab run={run} over={over} /> : null}
        {tab === "events" ? <EventsTab events={events} /> : null}
        {tab === "artifacts" ? <ArtifactsTab run={run} /> : null}
      </Tabs>
      <ConnectionNotice states={[eventStream.state]} />
    </div>
  );
}

export function RunPage({ id }: { id: string }) {
  const { data, error, refresh, set } = useResource(`run ${id}`, (signal) => api.run(id, signal));
  useTitle("Run");
  if (data) return <LoadedRun run={data} refresh={refresh} set={set} />;
  return (
    <div className="page">
      {error ? (
        <>
          <h1>{error.status === 404 ? "There is no such run" : "This run cannot be shown"}</h1>
          <div className="run-problem">
            <ProblemNotice error={error} />
          </div>
          <Link href="/runs">All runs</Link>
        </>
      ) : (
        <div className="run-placeholder" aria-hidden />
      )}
    </div>
  );
}
