import { CornerDownLeft, Hourglass, OctagonPause } from "lucide-react";
import { type FormEvent, type KeyboardEvent, useId, useRef, useState } from "react";
import { api } from "../../api/client";
import { type ApiError, toApiError } from "../../api/problem";
import type { Run, RunEvent, Step } from "../../api/types";
import { formatTime, formatUntil } from "../../base/format";
import { submitKeys } from "../../base/submit-keys";
import { uniqueKey } from "../../base/unique-key";
import { useNow } from "../../base/use-now";
import { ConfirmDialog } from "../../ui/confirm-dialog";
import { ProblemNotice } from "../../ui/problem-notice";
import { CostMeter } from "./cost-meter";
import { agentsAtWork, type Mode, modeOf, providerWait, type Steering, steeringsOf } from "./steering";
import "./steer-panel.css";

const modes: readonly (readonly [Mode, string])[] = [
  ["workspace", "Allow inside the workspace"],
  ["ask", "Ask me first"],
];

function Wait({ run, events }: { run: Run; events: RunEvent[] }) {
  const now = useNow(1000);
  const wait = providerWait(run, events, now);
  if (!wait) return null;
  return (
    <div className="notice notice-warning" role="status" data-provider-wait>
      <Hourglass aria-hidden />
      <span>
        Waits for the provider until{" "}
        <time dateTime={wait.until} title={formatTime(wait.until)}>
          {formatUntil(wait.until, now)}
        </time>
        {wait.step ? ": the quota is used up. It goes on by itself." : ": it refused the last call."}
      </span>
    </div>
  );
}

function Steer({
  run,
  step,
  steerings,
  onChanged,
}: {
  run: Run;
  step: Step;
  steerings: Steering[];
  onChanged: (run: Run) => void;
}) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const key = useRef({ of: "", key: uniqueKey() }); // pressing twice says it once
  const ids = useId();
  const mode = modeOf(run, step, steerings);
  const own = steerings.filter((one) => one.step === step.name && one.attempt === step.attempt);
  const untold = own.filter(({ told, what }) => what === "prompt" && !told);
  const prompts = own.filter(({ what }) => what === "prompt");
  const interrupting = own.some(({ what, told }) => what === "interrupt" && !told);
  const talks = run.workflow !== "task" || run.agent !== "command"; // a command has no protocol

  const act = async (work: () => Promise<Run>) => {
    setBusy(true);
    setError(null);
    try {
      onChanged(await work());
      return true;
    } catch (cause) {
      setError(toApiError(cause));
      return false;
    } finally {
      setBusy(false);
    }
  };
  const send = async () => {
    const said = text.trim();
    if (said === "" || busy) return;
    if (key.current.of !== said) key.current = { of: said, key: uniqueKey() };
    if (await act(() => api.promptStep(run.id, step.name, said, key.current.key))) {
      key.current = { of: "", key: uniqueKey() };
      setText("");
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void send();
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.metaKey || event.ctrlKey)) return;
    event.preventDefault();
    void send();
  };
  const interrupt = () => api.interruptStep(run.id, step.name);
  return (
    <>
      {untold.map(({ number, text: queued }) => (
        <p key={number} className="steer-untold small" data-untold>
          On its way to the agent: {queued}
        </p>
      ))}
      {error ? <ProblemNotice error={error} /> : null}
      {talks ? (
        <form className="steer-form" onSubmit={submit}>
          <textarea
            id={`${ids}-prompt`}
            className="input"
            aria-label="A further task for the agent"
            placeholder="A further task, for when its turn is over"
            title={`${submitKeys} sends it`}
            rows={2}
            maxLength={65_536}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={keys}
          />
          <button type="submit" className="button button-primary" disabled={busy || text.trim() === ""}>
            <CornerDownLeft aria-hidden />
            Queue it
          </button>
        </form>
      ) : null}
      <div className="steer-row">
        {talks ? (
          <label className="steer-mode small">
            <span>Permissions</span>
            <select
              className="input"
              value={mode ?? ""}
              disabled={busy}
              onChange={(event) =>
                void act(() => api.setStepMode(run.id, step.name, event.target.value as Mode))
              }
            >
              {mode === null ? (
                <option value="" disabled>
                  As its workflow says
                </option>
              ) : null}
              {modes.map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          </label>
        ) : null}
        <button
          type="button"
          className="button button-small"
          disabled={busy || interrupting}
          title="The agent leaves off what it is doing"
          onClick={() => (prompts.length > 0 ? void act(interrupt) : setAsking(true))}
        >
          <OctagonPause aria-hidden />
          {interrupting ? "Interrupting…" : "Interrupt"}
        </button>
        <span className="steer-cost small">
          <CostMeter run={run} />
        </span>
      </div>
      {asking ? (
        <ConfirmDialog
          title="Interrupt the agent?"
          action="Interrupt it"
          keep="Let it work"
          danger
          onConfirm={async () => onChanged(await interrupt())}
          onClose={() => setAsking(false)}
        >
          <p>
            {talks
              ? "It leaves off what it is doing. No further task is queued for it, so its step then fails. Queue one first and it goes on with that."
              : "It is told to end, and its step then fails."}
          </p>
        </ConfirmDialog>
      ) : null}
    </>
  );
}

// What can be said to the agent at work, what it has cost, and what it waits for. Nothing when no agent works.
export function SteerPanel({
  run,
  events,
  onChanged,
}: {
  run: Run;
  events: RunEvent[];
  onChanged: (run: Run) => void;
}) {
  const agents = agentsAtWork(run);
  const [wanted, setWanted] = useState("");
  const step = agents.find(({ name }) => name === wanted) ?? agents[0];
  if (!step) return null;
  return (
    <section className="steer card" aria-label="Steer the agent" data-steer={step.name}>
      <Wait run={run} events={events} />
      {agents.length > 1 ? (
        <label className="steer-mode small">
          <span>Agent</span>
          <select className="input" value={step.name} onChange={(event) => setWanted(event.target.value)}>
            {agents.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      ) : null}
      <Steer key={step.name} run={run} step={step} steerings={steeringsOf(events)} onChanged={onChanged} />
    </section>
  );
}
