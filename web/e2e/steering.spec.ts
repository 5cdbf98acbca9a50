// A person steers the real agent at work: another task, other permissions, leave off.
import { badge, expect, expectAccessible, scripted, shot, startRun, test } from "./support";

test("a further task is queued, the agent interrupted, and it goes on with that", async ({ page }) => {
  await startRun(
    page,
    scripted("Wait", [
      {
        text: "I wait.",
        tool: "Bash",
        input: { command: "for i in $(seq 3000); do sleep 0.1; done" },
      },
      { text: "Never said." },
    ]),
    "workspace",
  );
  await expect(page.locator('[data-tool="Bash"]')).toBeVisible({ timeout: 60_000 });
  const steer = page.getByRole("region", { name: "Steer the agent" });
  await expect(steer.getByLabel("Permissions")).toHaveValue("workspace");
  await steer.getByLabel("Permissions").selectOption("ask");
  await expect(steer.getByLabel("Permissions")).toHaveValue("ask");
  await steer
    .getByLabel("A further task for the agent")
    .fill(scripted("Something else", [{ text: "Did something else." }]));
  await steer.getByRole("button", { name: "Queue it" }).click();
  const further = page.locator(".entry-prompt", { hasText: "Something else" });
  await expect(further).toContainText("Queued");
  await expectAccessible(page);
  await shot(page, "steer-real");
  await steer.getByRole("button", { name: "Interrupt" }).click();
  await expect(page.locator(".entry-message").getByText("Did something else.")).toBeVisible({
    timeout: 60_000,
  });
  await expect(further).toHaveCount(1);
  await expect(further).not.toContainText("Queued");
  await expect(badge(page)).toHaveText("Completed", { timeout: 60_000 });
  await expect(steer).toHaveCount(0);
});
