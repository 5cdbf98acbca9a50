// Every page: accessible, at home on a phone, and in both themes.
import { expect, expectAccessible, lookAt, openNewRun, openRuns, scripted, startRun, test } from "./support";

test("the form says at the field what is missing", async ({ page }) => {
  await openNewRun(page);
  await page.getByRole("button", { name: "Start the run" }).click();
  await expect(page.getByLabel("Prompt")).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByText("Say what the agent should do")).toBeVisible();
  await page.getByLabel("Prompt").fill("x");
  await expect(page.getByText("Say what the agent should do")).toHaveCount(0);
  await page.getByLabel("Budget in US dollars").fill("-3");
  await page.getByLabel("Prompt").press("Control+Enter");
  await expect(page.getByLabel("Budget in US dollars")).toBeFocused();
});

test("a project is made and deleted", async ({ page }) => {
  const name = `made-by-a-test-${Date.now()}`;
  await openRuns(page);
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Projects" }).click();
  await page
    .getByRole("button", { name: /New project|Add a repository/ })
    .first()
    .click();
  await page.getByLabel("Git URL or path").fill(process.env.CORRAL_REPO ?? "");
  await page.getByLabel("Name").fill(name);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Create the project" }).click();
  const row = page.locator(`[data-project="${name}"]`);
  await expect(row).toBeVisible();
  await row.getByRole("button", { name: `Delete ${name}` }).click();
  await page.getByRole("button", { name: "Delete the project" }).click();
  await expect(row).toHaveCount(0);
});

test("every page is accessible and looks right in light, dark and on a phone", async ({ page }) => {
  const run = await startRun(
    page,
    scripted("Say hello", [{ text: "Hello, and nothing else." }]),
    "workspace",
  );
  await expect(page.getByText("Hello, and nothing else.").first()).toBeVisible({ timeout: 60_000 });
  await lookAt(page, [
    ["runs", "/runs", '[data-run] [data-status="completed"]'],
    ["run", `/runs/${run}`, ".entry-message"],
    ["new-run", "/runs/new", "#prompt"],
    ["projects", "/projects", "[data-project]"],
    ["about", "/about", ".agents"],
  ]);
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "About" }).click();
  await expect(page.getByRole("heading", { name: "Agents" })).toBeVisible();
});

test("the keyboard alone is enough", async ({ page }) => {
  await openRuns(page);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("main")).toBeFocused();
  await page.locator(".row-title").first().focus();
  await page.keyboard.press("Enter");
  await page.getByRole("tab", { name: "Timeline" }).focus();
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("tab", { name: "Log" })).toHaveAttribute("aria-selected", "true");
  await expect(page.getByRole("tab", { name: "Log" })).toBeFocused();
});
