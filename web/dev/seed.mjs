import { readFileSync } from "node:fs";

const sample = readFileSync(new URL("./release.json", import.meta.url), "utf8");

// A few projects and runs in all states, for looking at.
export function seed(world) {
  const tally = world.addProject("tally", "/srv/git/tally");
  const shop = world.addProject("shop-backend", "https://git.example.org/team/shop-backend.git");
  seedPlans(world, tally.id);
  const { speed } = world;
  world.speed = 200;
  world.startRun({
    project: tally.id,
    prompt: "Fix the failing test in tests/test_tally.py",
    checks: "make test",
  });
  world.startRun({
    project: shop.id,
    prompt: "Upgrade to Spring Boot 3 and make everything compile",
    checks: "false",
    budget_usd: 5,
  });
  const doomed = world.startRun({
    project: tally.id,
    prompt: 'Rewrite it all SCRIPT:[{"first_ms":60000,"text":"…"}]',
  });
  setTimeout(() => {
    world.cancel(doomed);
    world.speed = speed;
    world.startRun({
      project: shop.id,
      prompt: "Add rate limiting to the public API\n\nUse a token bucket for each caller.",
      permissions: "ask",
      budget_usd: 2,
    });
    world.startRun({
      project: tally.id,
      prompt: "Explain what `total()` does in the README",
      checks: "make test",
      budget_usd: 1,
    });
  }, 300);
}

// A workflow with all that a graph can have, and one that it uses.
export function seedPlans(world, project) {
  const { plans } = world;
  plans.saveWorkflow(JSON.stringify({ name: "notify", steps: [{ name: "send", kind: "command" }] }));
  plans.saveWorkflow(sample.replace("Builds", "Builds and tests"));
  plans.saveWorkflow(sample);
  const schedule = plans.addSchedule({
    workflow: "release",
    project,
    cron: "0 7 * * 1-5",
    timezone: "Europe/Berlin",
  });
  plans.addSchedule({
    workflow: "task",
    project,
    prompt: "Update dependencies",
    cron: "@weekly",
  }).paused = true;
  schedule.last_at = new Date(Date.now() - 3_600_000).toISOString();
  plans.addJob({ group: project, error: "unavailable: the store could not be reached: connection refused" });
  plans.addJob({ kind: "schedule", group: "", error: 'invalid: workflow: "nightly" is unknown' });
  plans.addJob({ state: "ready", attempt: 0 });
  for (let index = 0; index < 12; index += 1) plans.addJob({ state: "completed", attempt: 1 });
}

export const startRelease = (world, project, inputs = { env: "staging" }) =>
  world.startRun({ project, workflow: "release", inputs });
