// The main job from the page: start a run, watch it, decide, read what changed, cancel.
import { badge, expect, expectAccessible, openRuns, scripted, shot, startRun, test } from "./support";

const greeting = scripted("Add a greeting module", [
  {
    text: "I'll add a module that greets **politely**.",
    tool: "Write",
    input: {
      file_path: "/workspace/greet.py",
      content:
        'def greet(name: str) -> str:\n    """A greeting for one person."""\n    return f"Good day, {name}"\n',
    },
  },
  { text: "The module `greet.py` is there." },
]);

test("a person starts a run, watches it live, approves a tool call and reads the diff", async ({
  page,
  context,
}) => {
  const list = await context.newPage();
  await openRuns(list);

  const run = await startRun(page, greeting, "ask");
  const row = list.locator(`[data-run="${run}"]`);
  await expect(row, "the list shows the new run without a reload").toBeVisible();

  await expect(badge(page)).toHaveText("Needs you");
  await expect(row.locator("[data-status]")).toHaveText("Needs you");
  const approval = page.locator("[data-approval]");
  await expect(approval).toContainText("The agent asks to write greet.py");
  await expect(approval).toContainText("Good day");
  await expect(page.locator(".entry-message strong")).toHaveText("politely");
  await expectAccessible(page);
  await shot(page, "approval-light");

  await approval.getByRole("button", { name: "Allow" }).click();
  await expect(page.locator(".entry-message").getByText("is there.")).toBeVisible({ timeout: 60_000 });
  await expect(badge(page)).toHaveText("Completed", { timeout: 60_000 });
  await expect(approval).toHaveCount(0);
  await expect(page.locator('[data-tool="Write"]')).toContainText("allowed");
  await expect(row.locator("[data-status]")).toHaveText("Completed");
  await expect(page.locator(".facts")).toContainText("1 file +3");
  await expectAccessible(page);
  await shot(page, "run-light");

  await page.getByRole("tab", { name: /^Diff/ }).click();
  const file = page.locator(".diff-file", { hasText: "greet.py" });
  await expect(file.locator(".diff-add")).toHaveCount(3);
  await expect(file.locator(".hljs-keyword").first(), "syntax colours").toBeVisible();
  await expectAccessible(page);
  await shot(page, "diff-light");

  await page.getByRole("tab", { name: "Log" }).click();
  await expect(page.getByRole("log")).toContainText("greet.py");
  await expectAccessible(page);

  await page.getByRole("tab", { name: /^Events/ }).click();
  await expect(page.getByText("run.completed")).toBeVisible();
  await expectAccessible(page);

  await page.getByRole("tab", { name: "Artifacts" }).click();
  const download = page.waitForEvent("download");
  await page
    .getByRole("link", { name: /^Download / })
    .first()
    .click();
  expect((await download).suggestedFilename()).not.toBe("");
  await expectAccessible(page);

  await page.reload();
  await page.getByRole("tab", { name: "Timeline" }).click();
  await expect(
    page.locator(".entry-message").getByText("is there."),
    "the timeline is the same after a reload",
  ).toBeVisible();
});

test("a denied tool call tells the agent why", async ({ page }) => {
  await startRun(page, greeting, "ask");
  const approval = page.locator("[data-approval]");
  await approval.getByRole("textbox").fill("not in this repository");
  await approval.getByRole("button", { name: "Deny" }).click();
  const call = page.locator('[data-tool="Write"]');
  await expect(call).toContainText("denied", { timeout: 60_000 });
  await expect(call).toContainText("not in this repository");
  await expect(badge(page)).toHaveText(/Completed|Failed/, { timeout: 60_000 });
});

test("a person reads and uploads files of a run at work, then cancels it", async ({ page }) => {
  await startRun(
    page,
    scripted("Think for a long time", [{ first_ms: 110_000, text: "never" }]),
    "workspace",
  );
  await expect(badge(page)).toHaveText("Running");
  await expect(page.locator(".pipeline-running", { hasText: "agent" })).toBeVisible({ timeout: 60_000 });

  await page.getByRole("tab", { name: "Files" }).click();
  await page.locator('input[type="file"]').setInputFiles({
    name: "note.md",
    mimeType: "text/markdown",
    buffer: Buffer.from("# from a person\n"),
  });
  await page.getByRole("button", { name: /^note\.md/ }).click();
  await expect(page.getByRole("region", { name: "note.md" })).toContainText("# from a person");
  await expectAccessible(page);
  await shot(page, "files-light");
  await page.getByRole("tab", { name: "Timeline" }).click();

  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel this run?" });
  await expectAccessible(page);
  await dialog.getByLabel("Reason").fill("changed my mind");
  await dialog.getByRole("button", { name: "Cancel the run" }).click();
  await expect(badge(page)).toHaveText("Cancelled", { timeout: 60_000 });
  await expect(page.getByRole("button", { name: "Cancel", exact: true })).toHaveCount(0);
});
