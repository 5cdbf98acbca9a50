// The queue, with the two dead letters that the harness has left in it.
import { expect, expectAccessible, openRuns, shot, test } from "./support";

test("dead letters are shown with their error, tried again and discarded", async ({ page }) => {
  await openRuns(page);
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Queue" }).click();
  const dead = page.locator('[data-count="failed"]');
  const jobs = page.getByRole("list", { name: "Dead letters" }).locator("[data-job]");
  await expect(dead).toHaveText("2");
  await expect(jobs).toHaveCount(2);
  await expect(jobs.first()).toContainText("the disk was full");
  await expectAccessible(page);
  await shot(page, "dead-letters-light");

  await jobs
    .first()
    .getByRole("button", { name: /^Retry job/ })
    .click();
  await expect(dead).toHaveText("1");
  await jobs
    .first()
    .getByRole("button", { name: /^Discard job/ })
    .click();
  await page.getByRole("button", { name: "Discard the job" }).click();
  await expect(dead).toHaveText("0");
  await expect(page.getByText("No dead letters: nothing was given up.")).toBeVisible();
});

test("the queue is paused and resumed", async ({ page }) => {
  await openRuns(page);
  await page.goto("/queue");
  await page.getByLabel("What to pause").selectOption("");
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await expect(page.locator('[data-paused="all"]')).toContainText("Paused: everything");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Resume everything" }).click();
  await expect(page.locator("[data-paused]")).toHaveCount(0);
});
