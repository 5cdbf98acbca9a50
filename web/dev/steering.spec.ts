// Steering an agent from its run's page: further tasks, interrupting, permissions, its plan, its cost, and its waits.
import { badge, expect, expectAccessible, expectNoSidewaysScroll, shot } from "../e2e/support";
import { type Mock, mocked, onlyProject } from "./mocked";

const longMs = 60_000 * 50; // until a test is over
const plan = (...statuses: string[]) =>
  ["Find the cause", "Fix it", "Test it"].map((content, index) => ({ content, status: statuses[index] }));

function begin(mock: Mock, steps: object[], request: object = {}) {
  const project = onlyProject(mock);
  const run = mock.world.startRun({ project, prompt: `Work SCRIPT:${JSON.stringify(steps)}`, ...request });
  return { run, address: `${mock.url}/runs/${run.doc.id}` };
}

mocked("a plan is a checklist that says how far it is", async ({ page, mock }) => {
  const { address } = begin(mock, [
    { plan: plan("in_progress", "pending", "pending"), text: "Looking." },
    { plan: plan("completed", "in_progress", "pending"), text: "Fixing." },
    { plan: [{ content: "Start over", status: "pending" }], text: "Done." },
  ]);
  await page.goto(address);
  await expect(badge(page)).toHaveText("Completed");
  const plans = page.locator("[data-plan]");
  await expect(plans).toHaveCount(2);
  await expect(plans.first()).toContainText("1 of 3 done");
  await expect(plans.first().locator(".todo-in_progress")).toHaveText("Fix it");
  await expect(plans.last()).toContainText("0 of 1 done");
  await expectAccessible(page);
});

mocked("a further task is queued, and done when the agent's turn is over", async ({ page, mock }) => {
  const { run, address } = begin(mock, [
    { plan: plan("completed", "in_progress", "pending"), text: "At work." },
    { first_ms: longMs, text: "Never said." },
  ]);
  run.doc.budget_usd = 0.05;
  await page.goto(address);
  const steer = page.getByRole("region", { name: "Steer the agent" });
  await expect(page.locator(".entry-message").getByText("At work.")).toBeVisible();
  await expect(steer.getByRole("meter", { name: "Budget used" })).toBeVisible();
  await expect(steer).toContainText("tokens");
  await expect(steer.getByRole("button", { name: "Queue it" })).toBeDisabled();
  await steer.getByLabel("A further task for the agent").fill("Then write a test");
  for (const [look, scheme, width] of [
    ["light", "light", 1280],
    ["dark", "dark", 1280],
    ["phone", "light", 390],
  ] as const) {
    await page.setViewportSize({ width, height: 844 });
    await page.emulateMedia({ colorScheme: scheme });
    await expectAccessible(page);
    await expectNoSidewaysScroll(page);
    await shot(page, `steer-${look}`);
    await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
    await shot(page, `steer-end-${look}`);
  }
  await steer.getByLabel("A further task for the agent").press("Control+Enter");
  const further = page.locator(".entry-prompt", { hasText: "Then write a test" });
  await expect(further).toContainText("Queued");
  await expectAccessible(page);
  await shot(page, "steer-queued");
  await expect(steer.getByLabel("A further task for the agent")).toHaveValue("");
  await steer.getByRole("button", { name: "Interrupt" }).click(); // something is queued: no need to ask
  await expect(page.locator(".entry-message").getByText("Did: Then write a test")).toBeVisible();
  await expect(further).not.toContainText("Queued");
  await expect(badge(page)).toHaveText("Completed");
  await expect(steer).toHaveCount(0);
  // Of a run that is over it stands at the same place: between the interrupt and what came of it.
  await page.reload();
  await expect(page.locator(".entry-note", { hasText: "interrupted" }).locator("+ li")).toContainText(
    "Then write a test",
  );
  await shot(page, "steer-given");
});

mocked("interrupting without a further task is asked about, and fails the step", async ({ page, mock }) => {
  const { address } = begin(mock, [{ text: "At work." }, { first_ms: longMs, text: "Never said." }]);
  await page.goto(address);
  await expect(page.locator(".entry-message").getByText("At work.")).toBeVisible();
  await page.getByRole("button", { name: "Interrupt" }).click();
  await expect(page.getByRole("dialog")).toContainText("its step then fails");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Interrupt it" }).click();
  await expect(badge(page)).toHaveText("Failed");
});

mocked("who decides is changed while the agent works", async ({ page, mock }) => {
  const { run, address } = begin(mock, [{ text: "At work." }, { first_ms: longMs, text: "Never said." }]);
  await page.goto(address);
  const mode = page.getByLabel("Permissions");
  await expect(mode).toHaveValue("workspace");
  await mode.selectOption("ask");
  await expect.poll(() => run.doc.permissions).toBe("ask");
  await page.reload();
  await expect(page.getByLabel("Permissions")).toHaveValue("ask");
});

mocked("a quota that is used up is said to be, with its time", async ({ page, mock }) => {
  const { address } = begin(mock, [{ text: "At work." }, { quota_ms: 3000, text: "Went on." }]);
  await page.goto(address);
  const wait = page.locator("[data-provider-wait]");
  await expect(wait).toContainText(/Waits for the provider until .*\d\d:\d\d.*: the quota is used up/);
  await expect(page.getByText("Working…")).toHaveCount(0);
  await expect(page.getByText("Needs you")).toHaveCount(0);
  await expectAccessible(page);
  await expect(page.locator(".entry-message").getByText("Went on.")).toBeVisible();
  await expect(wait).toHaveCount(0);
});

mocked("a command's agent is only interrupted: it has no ears", async ({ page, mock }) => {
  const { address } = begin(mock, [{ text: "At work." }, { first_ms: longMs, text: "Never said." }], {
    agent: "command",
    command: ["make"],
  });
  await page.goto(address);
  await expect(page.getByRole("button", { name: "Interrupt" })).toBeVisible();
  await expect(page.getByLabel("A further task for the agent")).toHaveCount(0);
  await expect(page.getByLabel("Permissions")).toHaveCount(0);
});
