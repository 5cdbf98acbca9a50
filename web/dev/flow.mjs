// Workflows as graphs, as the mock plays them: what a step needs, matrices, retries, approvals, runs within runs and
// `finally` steps. A step's "mock" says how long it takes ({ms}) and how often it fails ({fails}).
import { randomUUID } from "node:crypto";
import { Problem } from "./problem.mjs";

const now = () => new Date().toISOString();

export const blankStep = (name, kind, fields = {}) => ({
  name,
  kind,
  status: "pending",
  attempt: 0,
  needs: [],
  finally: false,
  matrix_of: null,
  matrix: {},
  reason: null,
  wakes_at: null,
  summary: null,
  outputs: {},
  started_at: null,
  finished_at: null,
  error: null,
  ...fields,
});

// A definition as the mock reads it: JSON, which is YAML too.
export function parseDefinition(text) {
  let definition;
  try {
    definition = JSON.parse(text);
  } catch {
    throw new Problem(
      422,
      "invalid",
      "definition: line 1, column 1: the mock reads definitions as JSON only",
    );
  }
  const inputs = Object.entries(definition.inputs ?? {}).map(([name, input]) => [
    name,
    { type: "string", description: "", required: false, default: null, options: [], ...input },
  ]);
  return {
    definition: {
      ...definition,
      inputs: Object.fromEntries(inputs),
      steps: [
        ...definition.steps.map((step, index) => ({
          ...step,
          needs: step.needs ?? (index > 0 ? [definition.steps[index - 1].name] : []),
        })),
        ...(definition.finally ?? []).map((step) => ({ needs: [], ...step, finally: true })),
      ],
    },
    source: text,
  };
}

export function workflowDoc({ definition, source }, version, origin) {
  return {
    name: definition.name,
    version,
    description: definition.description ?? "",
    inputs: definition.inputs,
    schedule: definition.schedule ?? null,
    steps: definition.steps.map((step) => ({
      name: step.name,
      kind: step.kind,
      needs: step.needs,
      if: step.if ?? "",
      matrix: Boolean(step.matrix),
      finally: step.finally === true,
    })),
    origin,
    source,
    ...(origin === "stored" ? { saved_by: "user:ada", saved_at: now() } : {}),
  };
}

export const stepsOf = (definition) =>
  definition.steps.map(({ name, kind, needs, finally: last }) =>
    blankStep(name, kind, { needs, finally: last === true }),
  );

// Every combination of a matrix's lists.
function combinations(matrix) {
  return Object.entries(matrix).reduce(
    (all, [key, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [key]: value }))),
    [{}],
  );
}

class Player {
  constructor(world, run) {
    this.world = world;
    this.run = run;
    this.ended = new Map();
  }
  defined(step) {
    return this.run.definition.steps.find(({ name }) => name === (step.matrix_of ?? step.name));
  }
  tell(type, step, data = {}) {
    this.world.emitEvent(this.run, `run.step.${type}`, { step: step.name, ...data });
  }
  set(step, fields) {
    Object.assign(step, fields);
  }
  async notPaused() {
    while (this.run.doc.paused) {
      await new Promise((resolve, reject) => {
        this.run.once("resumed", resolve);
        this.run.abort.signal.addEventListener("abort", () => reject(new Error("cancelled")), { once: true });
      });
    }
  }

  async work(step) {
    const { mock = {}, kind } = this.defined(step);
    await this.world.sleep(this.run, mock.ms ?? 400);
    this.run.log.append(`${step.name}: done\n`);
    if ((mock.fails ?? 0) >= step.attempt)
      throw new Problem(0, "conflict", `${step.name} ended with exit code 2`);
    if (kind === "command" && mock.outputs) step.outputs = mock.outputs;
  }

  async approval(step) {
    const { message, choices = [], approvers = [], timeout_s } = this.defined(step);
    const until = timeout_s ? new Date(Date.now() + timeout_s * 1000).toISOString() : null;
    const approval = {
      id: randomUUID(),
      run: this.run.doc.id,
      step: step.name,
      tool: "",
      input: null,
      text: message,
      choices,
      approvers,
      until,
      requested_at: now(),
    };
    this.run.doc.approvals.push(approval);
    this.run.doc.waiting = true;
    this.world.emitEvent(this.run, "run.approval.requested", { approval: approval.id, step: step.name });
    this.set(step, { status: "waiting", reason: "approval", wakes_at: until });
    this.tell("waiting", step, { reason: "approval", until });
    const answer = await new Promise((resolve, reject) => {
      this.run.once(`answer ${approval.id}`, resolve);
      this.run.abort.signal.addEventListener("abort", () => reject(new Error("cancelled")));
    });
    this.run.doc.approvals = this.run.doc.approvals.filter((open) => open !== approval);
    this.run.doc.waiting = this.run.doc.approvals.length > 0;
    this.world.emitEvent(this.run, "run.approval.decided", answer, "user:ada");
    this.set(step, { status: "running", reason: null, wakes_at: null });
    this.tell("resumed", step);
    if (answer.decision === "deny")
      throw new Problem(0, "forbidden", `denied by user:ada: ${answer.message ?? ""}`);
    step.outputs = {
      decision: "allow",
      by: "user:ada",
      message: answer.message,
      choice: answer.choice ?? "",
    };
  }

  async child(step) {
    const { uses } = this.defined(step);
    const child = this.world.startRun({
      project: this.run.doc.project.id,
      workflow: uses,
      prompt: this.run.doc.prompt,
      parent: this.run.doc.id,
      parent_step: step.name,
    });
    this.set(step, { status: "waiting", reason: `run ${child.doc.id}` });
    this.tell("waiting", step, { reason: step.reason });
    if (!child.over) await new Promise((resolve) => child.once("over", resolve));
    this.set(step, { status: "running", reason: null });
    this.tell("resumed", step);
    step.outputs = { run: child.doc.id, status: child.doc.status };
    if (child.doc.status !== "completed")
      throw new Problem(0, "conflict", `run ${child.doc.id} ${child.doc.status}`);
  }

  async once(step) {
    const { retry } = this.defined(step);
    for (let tries = 1; ; tries += 1) {
      await this.notPaused();
      this.set(step, {
        status: "running",
        attempt: step.attempt + 1,
        started_at: now(),
        finished_at: null,
        error: null,
        wakes_at: null,
      });
      this.tell("started", step, { attempt: step.attempt });
      try {
        if (step.kind === "approval") await this.approval(step);
        else if (step.kind === "workflow") await this.child(step);
        else await this.work(step);
        this.set(step, { status: "completed", finished_at: now(), reason: null });
        this.tell("completed", step, { attempt: step.attempt, outputs: step.outputs });
        return;
      } catch (cause) {
        if (!(cause instanceof Problem)) throw cause;
        const error = { code: cause.code, message: cause.message };
        this.set(step, { status: "failed", finished_at: now(), error, reason: null });
        this.tell("failed", step, { attempt: step.attempt, error });
        if (tries >= (retry?.attempts ?? 1)) return;
        this.set(step, { status: "pending", wakes_at: new Date(Date.now() + 800).toISOString() });
        this.tell("retried", step, { not_before: step.wakes_at });
        await this.world.sleep(this.run, 800);
      }
    }
  }

  async matrix(step) {
    const { steps } = this.run.doc;
    let instances = steps.filter(({ matrix_of }) => matrix_of === step.name);
    this.set(step, { status: "running", attempt: step.attempt + 1, started_at: now() });
    this.tell("started", step, { attempt: step.attempt });
    if (instances.length === 0) {
      instances = combinations(this.defined(step).matrix).map((matrix, index) =>
        blankStep(`${step.name}.${index + 1}`, step.kind, {
          matrix,
          matrix_of: step.name,
          needs: step.needs,
        }),
      );
      steps.splice(steps.indexOf(step) + 1, 0, ...instances);
      this.tell("expanded", step, { instances: instances.map(({ name, matrix }) => ({ name, matrix })) });
    }
    await Promise.all(instances.map((one) => this.once(one)));
    const bad = instances.find(({ status }) => status !== "completed");
    this.set(step, { status: bad ? "failed" : "completed", finished_at: now(), error: bad?.error ?? null });
    this.tell(step.status, step, { attempt: step.attempt, ...(bad ? { error: bad.error } : {}) });
  }

  async step(step) {
    const { steps } = this.run.doc;
    const before = step.finally
      ? steps.filter((other) => !other.finally && other.matrix_of === null).map(({ name }) => name)
      : step.needs;
    await Promise.all(before.map((name) => this.ended.get(name)));
    if (step.status !== "pending") return;
    const needed = steps.filter(({ name }) => before.includes(name));
    if (!step.finally && needed.some(({ status }) => status !== "completed")) {
      this.set(step, { status: "skipped", reason: "a step that it needs did not go well" });
      this.tell("skipped", step, { reason: step.reason });
      return;
    }
    if (this.defined(step).matrix) await this.matrix(step);
    else await this.once(step);
  }

  async play() {
    const top = this.run.doc.steps.filter(({ matrix_of }) => matrix_of === null);
    for (const step of top) this.ended.set(step.name, this.step(step));
    await Promise.all(this.ended.values());
    const bad = top.find(({ status }) => status === "failed");
    if (bad) throw new Problem(0, bad.error.code, `step "${bad.name}": ${bad.error.message}`);
  }
}

export const playFlow = (world, run) => new Player(world, run).play();

const comesAfter = (steps, step, from) =>
  step.name === from ||
  step.finally ||
  step.needs.some((need) =>
    comesAfter(
      steps,
      steps.find(({ name }) => name === need),
      from,
    ),
  );

export function checkFrom(steps, from) {
  const step = steps.find(({ name }) => name === from);
  if (from && !step) throw new Problem(404, "not_found", `the run has no step "${from}"`);
  if (step?.matrix_of)
    throw new Problem(400, "invalid", `"${from}" is one of a matrix: start from "${step.matrix_of}"`);
}

// What of `steps` stays when the run goes on, or another begins, from `from`.
export function kept(steps, from) {
  const top = steps.filter(({ matrix_of }) => matrix_of === null);
  const stays = new Set(
    top
      .filter(
        (step) => step.status === "completed" && !step.finally && !(from && comesAfter(top, step, from)),
      )
      .map(({ name }) => name),
  );
  return (step) => stays.has(step.matrix_of ?? step.name);
}
