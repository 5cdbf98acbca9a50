// Workflows in the page, against the mock: the graph, time travel, forks and retries, approvals, schedules, the queue.
import type { Page } from "@playwright/test";
import { badge, expect, expectAccessible, expectNoSidewaysScroll, test } from "../e2e/support";
import { startMock } from "./mock-server.mjs";
import { seedPlans, startRelease } from "./seed.mjs";

type Mock = Awaited<ReturnType<typeof startMock>>;
type MockRun = ReturnType<typeof startRelease>;

const mocked = test.extend<{ mock: Mock; project: string }>({
  mock: async ({ viewport: _ }, use) => {
    const mock = await startMock({ speed: 20 });
    await use(mock);
    mock.stop();
  },
  project: async ({ mock }, use) => {
    const { id } = mock.world.addProject("shop", "/srv/git/shop");
    seedPlans(mock.world, id);
    await use(id);
  },
});

const node = (page: Page, name: string) => page.locator(`.react-flow__node[data-id="${name}"]`);

const state = (page: Page, name: string) => node(page, name).locator("[data-state]");

// Until it asks; what comes before is over.
async function asking(run: MockRun) {
  await expect.poll(() => run.doc.waiting).toBe(true);
}

mocked.use({ expected: /status of 422|status of 400/ }); // refusals are part of it

mocked("draws the graph live, groups a matrix, keeps `finally` apart", async ({ page, mock, project }) => {
  const run = startRelease(mock.world, project);
  await page.goto(`${mock.url}/runs/${run.doc.id}`);
  await expect(node(page, "test")).toHaveAccessibleName(
    /^test 6 completed ?, completed, a matrix of 6 steps$/,
  );
  await expect(node(page, "test.6")).toHaveAccessibleName(
    /^alpine, 24 .*completed, os: alpine, node: 24, one of test$/,
  );
  await expect(node(page, "ask")).toHaveAccessibleName(
    /Waiting for a person's answer ?, waiting, needs test and lint/,
  );
  await expect(page.getByText("Finally, whatever happens")).toBeVisible();
  await expect(node(page, "clean")).toHaveAccessibleName(/^clean .*pending, runs finally$/);
  await expectAccessible(page);

  const card = page.locator("[data-approval]");
  await expect(card).toContainText("Ship shop 1.4 to staging?");
  await expect(card).toContainText("May decide: ada, grace");
  await expect(card).toContainText(/1[45] min \d\d s left/);
  await expect(card.getByRole("button", { name: "Approve" })).toBeDisabled();
  await card.getByLabel("green").check();
  await card.getByRole("button", { name: "Approve" }).click();
  await expect(badge(page)).toHaveText("Completed");
  await expect(state(page, "report")).toHaveAttribute("data-state", "completed");

  await node(page, "ask").focus();
  await page.keyboard.press("Enter");
  await expect(page.locator('[data-panel="ask"]')).toContainText('"choice": "green"');

  await node(page, "notify").focus();
  await page.keyboard.press("Enter");
  await page
    .locator('[data-panel="notify"]')
    .getByRole("link", { name: /^Its run/ })
    .click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("notify");
  await expect(page.getByText("step notify of run")).toBeVisible();
  await page.getByRole("link", { name: /^run / }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("release · env: staging");
});

mocked("says the same in a list and in time", async ({ page, mock, project }) => {
  const run = startRelease(mock.world, project);
  await asking(run);
  await page.goto(`${mock.url}/runs/${run.doc.id}?view=list`);
  await expect(page.locator('[data-step="test.2"]')).toContainText("os: debian, node: 22");
  await expect(page.getByRole("region", { name: "Finally" }).locator("[data-step]")).toHaveCount(2);
  await expectAccessible(page);
  await page.getByLabel("Times").check();
  const lint = page.locator('[data-gantt="lint"]');
  await expect(lint.locator(".gantt-bar")).toHaveCount(2);
  await expect(lint.locator(".gantt-wait")).toHaveCount(1);
  await expect(lint.getByRole("button")).toHaveText(
    /Attempt 1: failed.*Attempt 2: completed.*waited .* for the next attempt/,
  );
  await expect(page.locator('[data-gantt="ask"] .gantt-wait')).toHaveCount(1);
  await expectAccessible(page);
});

mocked("shows a run as it was, says so, and comes back", async ({ page, mock, project }) => {
  const run = startRelease(mock.world, project);
  await asking(run);
  await page.goto(`${mock.url}/runs/${run.doc.id}`);
  await expect(badge(page)).toHaveText("Needs you");
  const slider = page.getByRole("slider", { name: "Show the run after event" });
  const last = Number(await slider.getAttribute("max"));
  expect(last).toBe(run.doc.version);
  await slider.focus();
  await page.keyboard.press("Home");
  await expect(page.getByText("You see the past: this run as it was after event 1,")).toBeVisible();
  await expect(badge(page)).toHaveText("Pending");
  await expect(state(page, "fetch")).toHaveAttribute("data-state", "pending");
  await expect(node(page, "test.1")).toHaveCount(0);
  await expect(page.locator("[data-approval]")).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Cancel", exact: true })).toBeHidden();
  await expectAccessible(page);

  for (let event = 0; event < 3; event += 1)
    await page.getByRole("button", { name: "The next event" }).click();
  await expect(slider).toHaveAttribute("aria-valuetext", /^Event 4 of/);
  await page.getByRole("tab", { name: /^Events/ }).click();
  await expect(page.locator(".events li")).toHaveCount(4);
  await page.reload();
  await expect(page.getByText("You see the past")).toBeVisible();

  await page.getByRole("button", { name: "Back to now" }).click();
  await expect(page.getByText("You see the past")).toHaveCount(0);
  await expect(badge(page)).toHaveText("Needs you");
  await expect(page.locator(".events li")).toHaveCount(last);

  await page.locator(".events summary").nth(2).click();
  await page.getByRole("button", { name: "Show the run as it was then" }).click();
  await expect(page.getByText("You see the past: this run as it was after event 3,")).toBeVisible();
});

mocked("forks from a step, and says what is kept before", async ({ page, mock, project }) => {
  const run = startRelease(mock.world, project);
  await asking(run);
  await page.goto(`${mock.url}/runs/${run.doc.id}?view=list`);
  await page.locator('[data-step="test.3"]').getByRole("button", { name: "What to do from test" }).click();
  await expect(page.getByRole("menuitem", { name: /Retry from test/ })).toHaveAttribute(
    "aria-disabled",
    "true",
  );
  await expectAccessible(page);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Fork from test?" });
  await expect(dialog.getByRole("list", { name: "Is kept" }).locator("li")).toHaveText([
    "fetch",
    "build",
    "lint",
    "docs",
  ]);
  await expect(dialog.getByRole("list", { name: "Runs again" }).locator("li").first()).toHaveText("test");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Fork the run" }).click();
  await page.waitForURL((url) => !url.pathname.includes(run.doc.id));
  await expect(page.getByText(/^forked from run .* at test$/)).toBeVisible();
  await expect(state(page, "build")).toHaveAttribute("data-state", "completed");
});

mocked("retries a failed run from a step", async ({ page, mock, project }) => {
  const run = startRelease(mock.world, project);
  await asking(run);
  const [approval] = run.doc.approvals;
  mock.world.decide(approval.id, { decision: "deny", message: "not today" });
  await page.goto(`${mock.url}/runs/${run.doc.id}?step=build`);
  await expect(badge(page)).toHaveText("Failed");
  await page.locator('[data-panel="build"]').getByRole("button", { name: "What to do from build" }).click();
  await page.getByRole("menuitem", { name: /Retry from build/ }).click();
  const dialog = page.getByRole("dialog", { name: "Retry from build?" });
  await expect(dialog.getByRole("list", { name: "Is kept" }).locator("li")).toHaveText([
    "fetch",
    "lint",
    "docs",
  ]);
  await dialog.getByRole("button", { name: "Retry the run" }).click();
  await expect(page.getByText("Attempt 2", { exact: true })).toBeVisible();
  await expect(page.locator('[data-panel="build"]')).toContainText("Completed");
  await expect(badge(page)).toHaveText("Needs you");
});

mocked("pauses a run and resumes it", async ({ page, mock, project }) => {
  const run = startRelease(mock.world, project);
  await asking(run);
  await page.goto(`${mock.url}/runs/${run.doc.id}`);
  await page.getByRole("button", { name: "Pause" }).click();
  await expect(page.locator(".run-badges")).toContainText("Paused");
  await page.getByLabel("blue").check();
  await page.getByRole("button", { name: "Approve" }).click();
  await expect(state(page, "ask")).toHaveAttribute("data-state", "completed");
  await expect(state(page, "ship")).toHaveAttribute("data-state", "pending");
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(badge(page)).toHaveText("Completed");
});

mocked("starts a workflow with a form made of its inputs", async ({ page, mock, project }) => {
  expect(project).not.toBe("");
  await page.goto(`${mock.url}/workflows`);
  await page.getByRole("link", { name: "release" }).click();
  const form = page.getByRole("form", { name: "Start release" });
  await form.getByRole("button", { name: "Start the run" }).click();
  await expect(page.locator("#input-env-error")).toHaveText("This is needed");
  await form.getByLabel("env").selectOption("production");
  await form.getByLabel("replicas").fill("many");
  await form.getByRole("button", { name: "Start the run" }).click();
  await expect(page.locator("#input-replicas-error")).toHaveText("Give a number");
  await form.getByLabel("replicas").fill("4");
  await form.getByLabel("dry_run").check();
  await expectAccessible(page);
  await form.getByRole("button", { name: "Start the run" }).click();
  await page.waitForURL(/\/runs\//);
  const run = mock.world.run(page.url().split("/").at(-1));
  expect(run.doc.inputs).toEqual({ env: "production", replicas: 4, dry_run: true, labels: ["weekly"] });
});

mocked(
  "keeps a workflow's versions, and refuses a wrong one at its place",
  async ({ page, mock, project }) => {
    expect(project).not.toBe("");
    await page.goto(`${mock.url}/workflows/release`);
    const description = page.locator(".page-head p").first();
    await expect(description).toContainText("Builds, asks, ships");
    await page.getByLabel("Version").selectOption("1");
    await expect(description).toContainText("Builds and tests, asks, ships");
    await page.goto(`${mock.url}/workflows`);
    await page.getByRole("button", { name: "New workflow" }).click();
    const definition = page.getByLabel("Definition (YAML)");
    await definition.fill("name: [");
    await page.getByRole("button", { name: "Save the workflow" }).click();
    await expect(page.locator("#definition-error")).toContainText("line 1, column 1");
    await expectAccessible(page);
    await definition.fill('{"name": "nightly", "steps": [{"name": "sweep", "kind": "command"}]}');
    await page.getByRole("button", { name: "Save the workflow" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "nightly" })).toBeVisible();
    await page.getByRole("button", { name: "Delete nightly" }).click();
    await page.getByRole("button", { name: "Delete the workflow" }).click();
    await expect(page.locator('[data-workflow="release"]')).toBeVisible();
    await expect(page.locator('[data-workflow="nightly"]')).toHaveCount(0);
  },
);

mocked("schedules are made, paused, resumed and deleted", async ({ page, mock, project }) => {
  mock.world.plans.schedules.clear();
  expect(project).not.toBe("");
  await page.goto(`${mock.url}/workflows/release`);
  await page.getByRole("link", { name: "Schedule it" }).click();
  const dialog = page.getByRole("dialog", { name: "New schedule" });
  await expect(dialog.getByLabel("Workflow")).toHaveValue("release");
  await dialog.getByLabel("When").fill("sometimes");
  await dialog.getByLabel("env").selectOption("staging");
  await dialog.getByRole("button", { name: "Create the schedule" }).click();
  await expect(page.locator("#cron-error")).toContainText("give five fields");
  await dialog.getByRole("button", { name: "every night at 3" }).click();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Create the schedule" }).click();
  const row = page.locator("[data-schedule]");
  await expect(row).toContainText("0 3 * * *");
  await expect(row).toContainText("in 2 h");
  await row.getByRole("button", { name: "Pause release" }).click();
  await expect(row).toContainText("Paused");
  await row.getByRole("button", { name: "Resume release" }).click();
  await expect(row).toContainText("in 2 h");
  await row.getByRole("button", { name: "Delete release" }).click();
  await page.getByRole("button", { name: "Delete the schedule" }).click();
  await expect(page.getByRole("heading", { name: "No schedules yet" })).toBeVisible();
});

mocked("works on dead letters, and pauses the queue", async ({ page, mock, project }) => {
  expect(project).not.toBe("");
  await page.goto(`${mock.url}/queue`);
  const dead = page.locator('[data-count="failed"]');
  await expect(dead).toHaveText("2");
  await expect(page.locator("[data-job]")).toHaveCount(2);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Retry job 1" }).click();
  await expect(dead).toHaveText("1");
  await expect(page.locator('[data-count="ready"]')).toHaveText("2");
  await page.getByRole("button", { name: "Discard job 2" }).click();
  await page.getByRole("button", { name: "Discard the job" }).click();
  await expect(page.getByText("No dead letters: nothing was given up.")).toBeVisible();
  await page.getByLabel("What to pause").selectOption({ label: "shop" });
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await expect(page.locator(`[data-paused="${project}"]`)).toContainText("Paused: shop");
  await page.getByRole("button", { name: "Resume shop" }).click();
  await expect(page.locator("[data-paused]")).toHaveCount(0);
});

mocked("is at home in both themes and on a phone", async ({ page, mock, project }) => {
  const run = startRelease(mock.world, project);
  await asking(run);
  for (const [scheme, width] of [
    ["light", 1280],
    ["dark", 1280],
    ["dark", 390],
  ] as const) {
    await page.setViewportSize({ width, height: 844 });
    await page.emulateMedia({ colorScheme: scheme });
    for (const [path, ready] of [
      [`/runs/${run.doc.id}`, ".react-flow__node"],
      [`/runs/${run.doc.id}?view=times&version=20`, ".history-past"],
      ["/workflows", "[data-workflow]"],
      ["/workflows/release", ".react-flow__node"],
      ["/schedules", "[data-schedule]"],
      ["/queue", "[data-job]"],
    ] as const) {
      await page.goto(mock.url + path);
      await expect(page.locator(ready).first()).toBeVisible();
      await expectAccessible(page);
      await expectNoSidewaysScroll(page);
    }
  }
});
