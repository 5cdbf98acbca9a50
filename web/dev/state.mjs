// The mock's world: projects, runs, their events, logs and timelines, and who listens. In memory, gone when it ends.
import { randomUUID } from "node:crypto";
import { EventEmitter, setMaxListeners } from "node:events";
import { blankStep, checkFrom, kept, playFlow, stepsOf } from "./flow.mjs";
import { Log } from "./log.mjs";
import { Plans } from "./plans.mjs";
import { Problem } from "./problem.mjs";
import { callsOf, diffOf, scriptOf } from "./script.mjs";
import { Sessions } from "./sessions.mjs";

const now = () => new Date().toISOString();

const taskSteps = [
  ["prepare", "git"],
  ["agent", "agent"],
  ["checks", "command"],
  ["commit", "git"],
  ["artifacts", "command"],
];

const asksFirst = (tool) => !["Read", "Grep", "Glob", "LS", "TodoWrite"].includes(tool);

export class World extends EventEmitter {
  constructor({ speed, isolation, modelSource }) {
    super();
    this.setMaxListeners(0);
    this.speed = speed;
    this.info = {
      version: "0.1.0-mock",
      isolation,
      warnings:
        isolation === "sandbox"
          ? []
          : ["This host forbids user namespaces: workspaces run with reduced isolation."],
      model_source: modelSource,
      agents: [
        { name: "claude", version: "2.1.329", wanted_version: "2.1.329", problem: "" },
        { name: "codex", version: "0.169.0", wanted_version: "0.169.0", problem: "" },
        {
          name: "gemini",
          version: "",
          wanted_version: "0.61.0",
          problem: "Gemini CLI 0.61.0 is not installed; run: corral agent install gemini",
        },
        { name: "opencode", version: "1.18.33", wanted_version: "1.18.33", problem: "" },
        { name: "command", version: "", wanted_version: "", problem: "" },
      ],
    };
    this.projects = new Map();
    this.runs = new Map();
    this.events = [];
    this.plans = new Plans(this);
    this.sessions = new Sessions(this);
    this.push = new Map(); // subscriptions, by id
  }

  addProject(name, gitUrl) {
    if (!gitUrl.startsWith("/") && !gitUrl.includes(":")) {
      throw new Problem(400, "invalid", `git_url: "${gitUrl}" is neither a URL nor an absolute path`);
    }
    for (const project of this.projects.values()) {
      if (project.name === name)
        throw new Problem(409, "conflict", `name: there is a project "${name}" already`);
    }
    const project = {
      id: randomUUID(),
      name,
      git_url: gitUrl,
      group: "default",
      default_branch: "main",
      created_at: now(),
    };
    this.projects.set(project.id, project);
    return project;
  }

  project(id) {
    const found = this.projects.get(id) ?? [...this.projects.values()].find(({ name }) => name === id);
    if (!found) throw new Problem(404, "not_found", `project: there is no project "${id}"`);
    return found;
  }

  run(id) {
    const run = this.runs.get(id);
    if (!run) throw new Problem(404, "not_found", `There is no run ${id}.`);
    return run;
  }

  approval(id) {
    for (const run of this.runs.values()) {
      const approval = run.doc.approvals.find((open) => open.id === id);
      if (approval) return { run, approval };
    }
    throw new Problem(404, "not_found", `There is no open approval ${id}.`);
  }

  emitEvent(run, type, data = {}, actor = "corral") {
    run.doc.version += 1;
    const event = { version: run.doc.version, type, time: now(), actor, data };
    run.events.push(event);
    run.versions.push(structuredClone(run.doc));
    this.events.push({ ...event, position: this.events.length + 1, stream: run.doc.id });
    run.emit("event");
    this.emit("event");
  }

  startRun(request) {
    const workflow = request.workflow ?? "task";
    if (!request.prompt && request.agent !== "command" && workflow === "task")
      throw new Problem(400, "invalid", "prompt must not be empty");
    if (request.budget_usd > 1000)
      throw new Problem(400, "invalid", "budget_usd: 1000 is the most this server allows");
    let project;
    if (request.project) project = this.project(request.project);
    else {
      const name = request.git_url
        .replace(/\.git$/, "")
        .split("/")
        .pop();
      project =
        [...this.projects.values()].find((known) => known.git_url === request.git_url) ??
        this.addProject(name, request.git_url);
    }
    const { parsed, doc: described } = this.plans.workflow(workflow);
    const id = randomUUID();
    const run = Object.assign(new EventEmitter().setMaxListeners(0), {
      events: [],
      versions: [],
      definition: parsed.definition,
      log: new Log(),
      timeline: new Log(),
      script: scriptOf(request.prompt ?? ""),
      prompts: [],
      interrupted: false,
      abort: new AbortController(),
      diff: "",
      artifacts: [],
      doc: {
        id,
        project: { id: project.id, name: project.name },
        workflow: described.name,
        workflow_version: described.version,
        inputs: request.inputs ?? {},
        parent: request.parent ?? null,
        parent_step: request.parent_step ?? null,
        forked_from: request.forked_from ?? null,
        forked_step: request.forked_step ?? null,
        schedule: null,
        agent: request.agent ?? "claude",
        prompt: request.prompt ?? "",
        checks: request.checks ?? "",
        permissions: request.permissions ?? "workspace",
        status: "pending",
        attempt: 1,
        waiting: false,
        paused: false,
        error: null,
        isolation: null,
        branch: `corral/${id.slice(0, 13)}`,
        base_branch: request.base ?? project.default_branch,
        base_commit: null,
        commit: null,
        diff_stat: null,
        cost_usd: 0,
        budget_usd: request.budget_usd ?? null,
        usage: { calls: 0, input_tokens: 0, output_tokens: 0, cache_read_tokens: 0, cache_write_tokens: 0 },
        summary: null,
        approvals: [],
        steps:
          request.steps ??
          (described.name === "task"
            ? taskSteps.map(([name, kind], index) =>
                blankStep(name, kind, { needs: index > 0 ? [taskSteps[index - 1][0]] : [] }),
              )
            : stepsOf(parsed.definition)),
        created_by: "local",
        created_at: now(),
        started_at: null,
        finished_at: null,
        version: 0,
      },
    });
    setMaxListeners(0, run.abort.signal);
    this.runs.set(id, run);
    this.emitEvent(
      run,
      "run.created",
      { prompt: run.doc.prompt.slice(0, 200), agent: run.doc.agent },
      "local",
    );
    void this.play(run);
    return run;
  }

  async sleep(run, ms) {
    await new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms / this.speed);
      run.abort.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(new Error("cancelled"));
      });
    });
  }

  tell(run, fields) {
    const event = {
      time: now(),
      step: "agent",
      kind: "notice",
      id: "",
      text: "",
      tool: "",
      input: null,
      is_error: false,
      ...fields,
    };
    run.timeline.append(`${JSON.stringify(event)}\n`);
  }

  async step(run, name, work) {
    const step = run.doc.steps.find((one) => one.name === name);
    Object.assign(step, {
      status: "running",
      attempt: step.attempt + 1,
      started_at: now(),
      finished_at: null,
    });
    this.emitEvent(run, "run.step.started", { step: name, attempt: step.attempt });
    run.log.append(`\u001b[1m── ${name} ──\u001b[0m\n`);
    await work(step);
    Object.assign(step, { status: "completed", finished_at: now() });
    this.emitEvent(run, "run.step.completed", { step: name });
  }

  async ask(run, step, call) {
    const id = randomUUID();
    this.tell(run, { kind: "permission_request", id, tool: call.tool, input: call.input });
    const approval = {
      id: `${run.doc.id}.${id}`,
      run: run.doc.id,
      step: "agent",
      tool: call.tool,
      input: call.input,
      text: "",
      choices: [],
      approvers: [],
      until: null,
      requested_at: now(),
    };
    run.doc.approvals.push(approval);
    run.doc.waiting = true;
    step.status = "waiting";
    this.emitEvent(run, "run.approval.requested", { approval: approval.id, tool: call.tool });
    const answer = await new Promise((resolve, reject) => {
      run.once(`answer ${approval.id}`, resolve);
      run.abort.signal.addEventListener("abort", () => reject(new Error("cancelled")));
    });
    run.doc.approvals = run.doc.approvals.filter((open) => open !== approval);
    run.doc.waiting = run.doc.approvals.length > 0;
    step.status = "running";
    this.emitEvent(run, "run.approval.decided", { approval: approval.id, ...answer }, "local");
    const denied = answer.decision === "deny";
    this.tell(run, {
      kind: "permission_answer",
      id,
      tool: call.tool,
      is_error: denied,
      text: denied ? `denied: ${answer.message ?? ""}` : "allowed",
    });
    return !denied;
  }

  // Its quota is used up: it sleeps until the provider has some again.
  async asleep(run, step, ms) {
    const until = new Date(Date.now() + ms).toISOString();
    Object.assign(step, { status: "waiting", reason: "quota", wakes_at: until });
    this.emitEvent(run, "run.step.waiting", { step: step.name, reason: "quota", wakes_at: until });
    await this.sleep(run, ms * this.speed);
    Object.assign(step, { status: "running", reason: null, wakes_at: null });
    this.emitEvent(run, "run.step.resumed", { step: step.name });
  }

  // What a person tells the agent at work; its driver has it a moment later.
  steer(run, name, what, text) {
    const step = run.doc.steps.find((one) => one.name === name);
    if (!step || !["running", "waiting"].includes(step.status))
      throw new Problem(
        409,
        "conflict",
        `the step ${name} is ${step?.status ?? "not there"}: nobody is at work`,
      );
    const number = run.events.filter(({ type }) => type === "run.step.steered").length + 1;
    this.emitEvent(
      run,
      "run.step.steered",
      { step: name, attempt: step.attempt, number, what, text },
      "user:ada",
    );
    if (what === "mode") run.doc.permissions = text;
    if (what === "prompt") {
      const id = `prompt-${number}`;
      run.prompts.push({ id, text });
      this.tell(run, { kind: "prompt", id, text });
    }
    this.emitEvent(run, "run.step.steering_applied", { step: name, number });
    if (what === "interrupt") {
      run.interrupted = true;
      run.emit("interrupted");
    }
  }

  // What is queued is given once the turn is over.
  nextPrompt(run) {
    const next = run.prompts.shift();
    if (!next) return null;
    this.tell(run, { kind: "prompt_given", ...next });
    return { text: `Did: ${next.text}` };
  }

  async agent(run, step) {
    this.tell(run, { kind: "started", id: randomUUID(), text: "claude-sonnet-4-5" });
    let last = "";
    const left = [...run.script];
    for (;;) {
      const part = left.shift() ?? this.nextPrompt(run);
      if (!part) break;
      if (part.quota_ms) await this.asleep(run, step, part.quota_ms);
      await Promise.race([
        this.sleep(run, part.first_ms ?? 700),
        new Promise((resolve) => run.once("interrupted", resolve)),
      ]);
      if (run.interrupted) {
        run.interrupted = false;
        left.length = 0;
        this.tell(run, { kind: "notice", text: "interrupted" });
        if (run.prompts.length > 0) continue;
        throw new Problem(0, "cancelled", "the agent was interrupted");
      }
      const { usage } = run.doc;
      usage.calls += 1;
      usage.input_tokens += 1800;
      usage.output_tokens += 240;
      usage.cache_read_tokens += 5200;
      run.doc.cost_usd += 0.0061;
      this.emitEvent(run, "run.model_called", { input_tokens: 1800, output_tokens: 240 });
      if (part.plan) this.tell(run, { kind: "plan", input: { entries: part.plan } });
      if (part.thinking) this.tell(run, { kind: "thought", text: part.thinking });
      if (part.text) {
        last = part.text;
        this.tell(run, { kind: "message", text: part.text });
        run.log.append(`${part.text}\n`);
      }
      for (const call of callsOf(part)) {
        const id = `toolu_${randomUUID().slice(0, 12)}`;
        this.tell(run, { kind: "tool_call", id, tool: call.tool, input: call.input });
        run.log.append(
          `\u001b[36m▸ ${call.tool}\u001b[0m ${call.input.command ?? call.input.file_path ?? ""}\n`,
        );
        const allowed =
          run.doc.permissions !== "ask" || !asksFirst(call.tool) || (await this.ask(run, step, call));
        await this.sleep(run, 500);
        const text = allowed ? (call.output ?? "done") : "The person in charge did not allow this.";
        this.tell(run, { kind: "tool_result", id, text, is_error: call.error === true || !allowed });
        run.log.append(`${text.replace(/\n$/, "")}\n`);
      }
    }
    run.doc.summary = last;
    this.tell(run, { kind: "usage", input: run.doc.usage });
    this.tell(run, { kind: "finished", text: last });
  }

  async play(run) {
    const { doc } = run;
    try {
      await this.sleep(run, 150);
      Object.assign(doc, { status: "running", started_at: now(), isolation: this.info.isolation });
      this.emitEvent(run, "run.started");
      if (doc.workflow !== "task") {
        await playFlow(this, run);
        this.finish(run, "completed");
        return;
      }
      await this.step(run, "prepare", async () => {
        run.log.append("Cloning the project's mirror into /workspace\nSwitched to a new branch\n");
        await this.sleep(run, 400);
        doc.base_commit = "4f2a9c1d7e0b3f5a6c8d9e0f1a2b3c4d5e6f7a8b";
      });
      await this.step(run, "agent", (step) => this.agent(run, step));
      await this.step(run, "checks", async () => {
        run.log.append(`$ ${doc.checks || "true"}\n`);
        await this.sleep(run, 500);
        if (doc.checks.includes("false"))
          throw new Problem(0, "invalid", `checks: "${doc.checks}" ended with exit code 1`);
      });
      await this.step(run, "commit", async () => {
        await this.sleep(run, 250);
        run.diff = diffOf(run.script);
        const count = (sign) =>
          run.diff.split("\n").filter((line) => line.startsWith(sign) && !line.startsWith(sign.repeat(3)))
            .length;
        doc.commit = "9b1c7de2f4a85b3c6d7e8f90a1b2c3d4e5f60718";
        doc.diff_stat = {
          files: run.diff.split("diff --git").length - 1,
          insertions: count("+"),
          deletions: count("-"),
        };
        this.emitEvent(run, "run.changes.committed", { commit: doc.commit });
      });
      await this.step(run, "artifacts", async () => {
        await this.sleep(run, 150);
        run.artifacts = [
          { name: "changes.diff", media_type: "text/x-diff", content: run.diff },
          {
            name: "transcript.ndjson",
            media_type: "application/x-ndjson",
            content: run.timeline.pieces.map((piece) => piece.text).join(""),
          },
          {
            name: "report.json",
            media_type: "application/json",
            content: `${JSON.stringify({ run: doc.id, cost_usd: doc.cost_usd }, null, 2)}\n`,
          },
        ].map((artifact) => ({
          ...artifact,
          size_bytes: Buffer.byteLength(artifact.content),
          hash: "sha256:0",
          created_at: now(),
        }));
      });
      this.finish(run, "completed");
    } catch (cause) {
      if (cause.message !== "cancelled" && !(cause instanceof Problem)) throw cause;
      const status = cause instanceof Problem ? "failed" : "cancelled";
      if (status === "failed") doc.error = { code: cause.code, message: cause.message };
      for (const step of doc.steps) {
        if (step.status === "running" || step.status === "waiting")
          Object.assign(step, { status, finished_at: now(), error: doc.error });
        else if (step.status === "pending") step.status = status === "failed" ? "skipped" : "cancelled";
      }
      this.finish(run, status);
    }
  }

  finish(run, status) {
    Object.assign(run.doc, { status, waiting: false, approvals: [], finished_at: now() });
    run.log.append(`\u001b[1mThe run ${status === "completed" ? "completed" : `was ${status}`}\u001b[0m\n`);
    run.log.close();
    run.timeline.close();
    this.emitEvent(run, `run.${status}`);
    run.over = true;
    run.emit("over");
  }

  decide(id, answer) {
    const { run, approval } = this.approval(id);
    run.emit(`answer ${id}`, answer);
    return approval;
  }

  cancel(run) {
    if (!["pending", "running"].includes(run.doc.status)) {
      throw new Problem(
        409,
        "conflict",
        `the run is ${run.doc.status}; only a pending or running one can be cancelled`,
      );
    }
    this.emitEvent(run, "run.cancel_requested", {}, "local");
    run.abort.abort();
  }

  retry(run, from = "") {
    if (run.doc.status !== "failed")
      throw new Problem(409, "conflict", `the run is ${run.doc.status}; only a failed one can be retried`);
    checkFrom(run.doc.steps, from);
    run.log.open();
    run.timeline.open();
    run.over = false;
    Object.assign(run.doc, {
      status: "pending",
      attempt: run.doc.attempt + 1,
      error: null,
      finished_at: null,
      checks: "",
    });
    const stays = run.doc.workflow === "task" ? () => false : kept(run.doc.steps, from);
    for (const step of run.doc.steps)
      if (!stays(step))
        Object.assign(step, {
          status: "pending",
          reason: null,
          started_at: null,
          finished_at: null,
          error: null,
        });
    this.emitEvent(run, "run.retried", {}, "local");
    void this.play(run);
  }

  fork(run, from = "") {
    checkFrom(run.doc.steps, from);
    const stays = from ? kept(run.doc.steps, from) : () => false;
    const fresh = run.doc.steps
      .filter((step) => stays(step) || step.matrix_of === null)
      .map((step) =>
        stays(step)
          ? structuredClone(step)
          : blankStep(step.name, step.kind, { needs: step.needs, finally: step.finally }),
      );
    return this.startRun({
      project: run.doc.project.id,
      workflow: run.doc.workflow,
      prompt: run.doc.prompt,
      inputs: run.doc.inputs,
      forked_from: run.doc.id,
      forked_step: from || null,
      ...(run.doc.workflow === "task" ? {} : { steps: fresh }),
    });
  }

  pause(run, paused) {
    if (!["pending", "running"].includes(run.doc.status))
      throw new Problem(409, "conflict", `a run that is ${run.doc.status} cannot be paused`);
    run.doc.paused = paused;
    this.emitEvent(run, paused ? "run.paused" : "run.resumed", {}, "user:ada");
    if (!paused) run.emit("resumed");
  }
}
