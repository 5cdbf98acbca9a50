// Workflows from the page, against the real server: the graph, time travel, retry and fork from a step, schedules.
import type { Page } from "@playwright/test";
import { badge, expect, expectAccessible, lookAt, openRuns, repository, shot, test } from "./support";

// Ships green only: whoever chooses blue can try again from the question.
const definition = (name: string) => `name: ${name}
description: Asks what to ship, and ships it
inputs:
  color: {type: string, options: [blue, green], default: green}
steps:
  - {name: fetch, kind: git, action: clone}
  - {name: build, kind: command, run: echo built, needs: [fetch]}
  - name: check
    kind: command
    needs: [build]
    run: echo checked \${{ matrix.part }}
    matrix: {part: [api, page]}
  - {name: ask, kind: approval, needs: [check], message: "Which one? **\${{ inputs.color }}** is meant.", choices: [blue, green], timeout: 1h}
  - name: ship
    kind: command
    needs: [ask]
    run: test "\${{ steps.ask.outputs.choice }}" = "\${{ inputs.color }}"
    retry: {attempts: 1}
finally:
  - {name: clean, kind: command, run: echo clean}
`;

const node = (page: Page, name: string) => page.locator(`.react-flow__node[data-id="${name}"]`);
const state = (page: Page, name: string) => node(page, name).locator("[data-state]");
const slow = { timeout: 60_000 };

async function saveWorkflow(page: Page): Promise<string> {
  const name = `ship-${Date.now()}`;
  await openRuns(page);
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Workflows" }).click();
  await page.getByRole("button", { name: "New workflow" }).click();
  await page.getByLabel("Definition (YAML)").fill(definition(name));
  await page.getByRole("button", { name: "Save the workflow" }).click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  return name;
}

async function fillRepository(page: Page) {
  // The form comes as a whole, once the projects are known.
  await expect(page.getByLabel("Prompt")).toBeVisible();
  const project = page.getByLabel("Work on");
  if (await project.isVisible()) await project.selectOption("");
  await page.getByLabel("Git URL or path").fill(repository);
}

async function startWorkflow(page: Page): Promise<string> {
  await saveWorkflow(page);
  await fillRepository(page);
  await page.getByRole("button", { name: "Start the run" }).click();
  await page.waitForURL(/\/runs\/[0-9a-f-]{36}$/);
  await expect(badge(page)).toHaveText("Needs you", slow);
  return page.url().split("/").at(-1) ?? "";
}

async function answer(page: Page, choice: "blue" | "green") {
  const card = page.locator("[data-approval]");
  await card.getByLabel(choice).check();
  await card.getByRole("button", { name: "Approve" }).click();
}

test("a workflow's graph lives, and a retry goes on from a step", async ({ page }) => {
  await startWorkflow(page);
  await expect(state(page, "fetch")).toHaveAttribute("data-state", "completed");
  await expect(state(page, "check.2")).toHaveAttribute("data-state", "completed");
  await expect(node(page, "check")).toHaveAccessibleName(/a matrix of 2 steps/);
  await expect(state(page, "ask")).toHaveAttribute("data-state", "waiting");
  await expect(state(page, "clean")).toHaveAttribute("data-state", "pending");
  const card = page.locator("[data-approval]");
  await expect(card).toContainText("Which one? green is meant.");
  await expect(card).toContainText(/min .* left/);
  await expectAccessible(page);
  await shot(page, "workflow-asks-light");

  await answer(page, "blue");
  await expect(badge(page)).toHaveText("Failed", slow);
  await expect(state(page, "ship")).toHaveAttribute("data-state", "failed");
  await expect(state(page, "clean")).toHaveAttribute("data-state", "completed");

  await node(page, "ask").focus();
  await page.keyboard.press("Enter");
  await page.locator('[data-panel="ask"]').getByRole("button", { name: "What to do from ask" }).click();
  await page.getByRole("menuitem", { name: /Retry from ask/ }).click();
  const dialog = page.getByRole("dialog", { name: "Retry from ask?" });
  await expect(dialog.getByRole("list", { name: "Is kept" }).locator("li")).toHaveText([
    "fetch",
    "build",
    "check",
  ]);
  await expect(dialog.getByRole("list", { name: "Runs again" }).locator("li")).toHaveText([
    "ask",
    "ship",
    "clean",
  ]);
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Retry the run" }).click();
  await expect(page.getByText("Attempt 2", { exact: true })).toBeVisible();
  await expect(badge(page)).toHaveText("Needs you", slow);
  await answer(page, "green");
  await expect(badge(page)).toHaveText("Completed", slow);

  await page.getByLabel("Times").check();
  await expect(page.locator('[data-gantt="build"] .gantt-bar'), "it was kept").toHaveCount(1);
  await expect(page.locator('[data-gantt="ship"] .gantt-bar')).toHaveCount(2);
  await expect(page.locator('[data-gantt="ask"] .gantt-wait')).toHaveCount(2);
  await shot(page, "workflow-times-light");
  await page.getByLabel("List").check();
  await expect(page.getByRole("region", { name: "Finally" }).locator('[data-step="clean"]')).toContainText(
    "Completed",
  );
  await expectAccessible(page);
});

test("time travel shows a run as it was", async ({ page }) => {
  await startWorkflow(page);
  await answer(page, "green");
  await expect(badge(page)).toHaveText("Completed", slow);
  const slider = page.getByRole("slider", { name: "Show the run after event" });
  await slider.focus();
  await page.keyboard.press("Home");
  await expect(page.getByText("You see the past: this run as it was after event 1,")).toBeVisible();
  await expect(badge(page)).toHaveText("Pending");
  await expect(state(page, "fetch")).toHaveAttribute("data-state", "pending");
  await expect(node(page, "check.1")).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Fork", exact: true })).toBeHidden();
  await expectAccessible(page);
  await shot(page, "workflow-past-light");

  await page.getByRole("button", { name: "Back to now" }).click();
  await expect(badge(page)).toHaveText("Completed");
  await page.getByRole("tab", { name: /^Events/ }).click();
  const waiting = page.locator(".events li", { hasText: "run.step.waiting" }).first();
  await waiting.locator("summary").click();
  await waiting.getByRole("button", { name: "Show the run as it was then" }).click();
  await expect(badge(page)).toHaveText("Needs you");
  await page.getByRole("tab", { name: "Steps" }).click();
  await expect(state(page, "ask")).toHaveAttribute("data-state", "waiting");
  await expect(state(page, "ship")).toHaveAttribute("data-state", "pending");
});

test("a fork keeps what came before the step, and names where it is from", async ({ page }) => {
  const run = await startWorkflow(page);
  await page.getByLabel("List").check();
  const row = page.locator('[data-step="check.1"]');
  await row.getByRole("button", { name: "What to do from check" }).click();
  await page.getByRole("menuitem", { name: /Fork from check/ }).click();
  const dialog = page.getByRole("dialog", { name: "Fork from check?" });
  await expect(dialog.getByRole("list", { name: "Is kept" }).locator("li")).toHaveText(["fetch", "build"]);
  await dialog.getByRole("button", { name: "Fork the run" }).click();
  await page.waitForURL((url) => /\/runs\//.test(url.pathname) && !url.pathname.includes(run));
  await expect(page.getByText(/^forked from run .* at check$/)).toBeVisible();
  await expect(badge(page)).toHaveText("Needs you", slow);
  await page.locator(".run-origin").getByRole("link", { name: /^run / }).click();
  await page.waitForURL((url) => url.pathname.includes(run));
  await expect(badge(page), "the old one stays as it is").toHaveText("Needs you");
});

test("a run is paused and resumed", async ({ page }) => {
  await startWorkflow(page);
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await expect(page.locator(".run-badges")).toContainText("Paused");
  await answer(page, "green");
  await expect(state(page, "ship")).toHaveAttribute("data-state", "pending");
  await page.getByRole("button", { name: "Resume", exact: true }).click();
  await expect(badge(page)).toHaveText("Completed", slow);
});

test("a schedule is made from a workflow, paused, resumed and deleted", async ({ page }) => {
  const name = await saveWorkflow(page);
  await page.getByRole("link", { name: "Schedule it" }).click();
  const dialog = page.getByRole("dialog", { name: "New schedule" });
  await dialog.getByRole("button", { name: "every night at 3" }).click();
  await fillRepository(page);
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Create the schedule" }).click();
  const row = page.locator("[data-schedule]", { hasText: name });
  await expect(row).toContainText("0 3 * * *");
  await expect(row.locator(".schedule-times time").first()).toHaveText(/^(in \d+ (h|min)|now|tomorrow)$/);
  await expectAccessible(page);
  await shot(page, "schedules-light");
  await row.getByRole("button", { name: `Pause ${name}` }).click();
  await expect(row).toContainText("Paused");
  await row.getByRole("button", { name: `Resume ${name}` }).click();
  await expect(row.getByText("Paused")).toHaveCount(0);
  await row.getByRole("button", { name: `Delete ${name}` }).click();
  await page.getByRole("button", { name: "Delete the schedule" }).click();
  await expect(row).toHaveCount(0);
});

test("the new pages are accessible and at home in both themes and on a phone", async ({ page }) => {
  const run = await startWorkflow(page);
  await lookAt(page, [
    ["graph", `/runs/${run}`, ".react-flow__node"],
    ["times", `/runs/${run}?view=times`, ".gantt-bar"],
    ["past", `/runs/${run}?version=3`, ".history-past"],
    ["workflows", "/workflows", "[data-workflow]"],
    ["workflow", "/workflows/task", ".react-flow__node"],
    ["schedules", "/schedules", "h1"],
    ["queue", "/queue", "[data-count]"],
  ]);
});
