// The mock's workflows, schedules and jobs.
import { randomUUID } from "node:crypto";
import { parseDefinition, workflowDoc } from "./flow.mjs";
import { Problem } from "./problem.mjs";

const now = () => new Date().toISOString();

const task = parseDefinition(
  JSON.stringify({
    name: "task",
    steps: [
      { name: "prepare", kind: "git" },
      { name: "agent", kind: "agent" },
      { name: "checks", kind: "command", if: "inputs.checks" },
      { name: "commit", kind: "git" },
      { name: "artifacts", kind: "artifacts", if: "always()" },
    ],
  }),
);

export class Plans {
  constructor(world) {
    this.world = world;
    this.kept = new Map(); // the versions of each workflow, the first first
    this.schedules = new Map();
    this.jobs = [];
    this.paused = [];
  }

  builtin = { parsed: task, doc: workflowDoc(task, 1, "built in") };

  // {parsed, doc} by "name" or "name@version".
  workflow(reference) {
    const [name, version] = reference.split("@");
    if (name === "task") return this.builtin;
    const versions = this.kept.get(name);
    const found = versions?.[version ? Number(version) - 1 : versions.length - 1];
    if (!found) throw new Problem(404, "not_found", `there is no workflow ${reference}`);
    return found;
  }
  workflows() {
    return [this.builtin, ...[...this.kept.values()].map((versions) => versions.at(-1))].map(
      ({ doc }) => doc,
    );
  }
  saveWorkflow(source) {
    const parsed = parseDefinition(source);
    const { name } = parsed.definition;
    const versions = this.kept.get(name) ?? [];
    if (versions.at(-1)?.doc.source === source) return { fresh: false, doc: versions.at(-1).doc };
    const doc = workflowDoc(parsed, versions.length + 1, "stored");
    this.kept.set(name, [...versions, { parsed, doc }]);
    return { fresh: true, doc };
  }

  schedule(id) {
    const found = this.schedules.get(id);
    if (!found) throw new Problem(404, "not_found", `there is no schedule ${id}`);
    return found;
  }
  addSchedule({ cron, timezone, ...run }) {
    if (!/^@|^(\S+ ){4}\S+$/.test(cron ?? ""))
      throw new Problem(400, "invalid", `cron: "${cron}" is no cron expression: give five fields`);
    const schedule = {
      id: randomUUID(),
      name: run.workflow,
      cron,
      timezone: timezone ?? "UTC",
      paused: false,
      next_at: new Date(Date.now() + 7_300_000).toISOString(),
      last_at: null,
      last_run: null,
      run,
      created_by: "user:ada",
      created_at: now(),
    };
    this.schedules.set(schedule.id, schedule);
    return schedule;
  }

  addJob(fields) {
    const job = {
      id: this.jobs.length + 1,
      kind: "run",
      key: `run/${randomUUID()}`,
      group: "",
      state: "failed",
      attempt: 5,
      max_attempts: 5,
      priority: 0,
      due: now(),
      created_at: now(),
      error: null,
      run: null,
      ...fields,
    };
    this.jobs.push(job);
    return job;
  }
  job(id) {
    const found = this.jobs.find((job) => job.id === Number(id));
    if (!found) throw new Problem(404, "not_found", `there is no job ${id}`);
    return found;
  }
  queue() {
    const count = (state) => this.jobs.filter((job) => job.state === state).length;
    return {
      ready: count("ready"),
      delayed: count("delayed"),
      claimed: count("claimed"),
      completed: count("completed"),
      failed: count("failed"),
      oldest_ready_s: count("ready") > 0 ? 42 : null,
      paused: this.paused,
    };
  }
  pause(group, paused) {
    this.paused = this.paused.filter((one) => one !== group);
    if (paused) this.paused.push(group);
    return this.queue();
  }
}
