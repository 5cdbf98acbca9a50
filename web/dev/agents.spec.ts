// The forms offer the server's agents, and say how to install one that is not there.
import { expect, expectAccessible, shot } from "../e2e/support";
import { mocked } from "./mocked";

mocked("a run is started with any of the agents, also on a phone", async ({ page, mock }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${mock.url}/runs/new`);
  const agent = page.getByLabel("Agent", { exact: true });
  await expect(agent.locator("option")).toHaveText([
    "Claude Code",
    "Codex",
    "Gemini CLI (not installed)",
    "opencode",
    "A command of yours",
  ]);
  await agent.selectOption("gemini");
  await expect(page.getByText("Gemini CLI 0.61.0 is not installed")).toBeVisible();
  await expect(page.getByText("corral agent install gemini", { exact: true })).toBeVisible();
  await expectAccessible(page);
  await shot(page, "agent-missing-phone");
  Object.assign(mock.world.info.agents[2] ?? {}, { version: "0.61.0", problem: "" });
  await page.getByRole("button", { name: "Look again" }).click();
  await expect(page.getByText("is not installed")).toHaveCount(0);
  await agent.selectOption("codex");
  await page.getByLabel("Prompt").fill("Fix it");
  await page.getByRole("button", { name: "Start the run" }).click();
  await page.waitForURL(/\/runs\/[0-9a-f-]{36}$/);
  expect([...mock.world.runs.values()].map(({ doc }) => doc.agent)).toEqual(["codex"]);
});

mocked("a session is a shell, a command or an agent's own terminal", async ({ page, mock }) => {
  await page.goto(`${mock.url}/sessions?new=1`);
  await expect(page.getByLabel("Agent", { exact: true })).toHaveCount(0);
  await page.getByLabel("An agent").check();
  const agent = page.getByLabel("Agent", { exact: true });
  await expect(agent.locator("option")).toHaveText([
    "Claude Code",
    "Codex",
    "Gemini CLI (not installed)",
    "opencode",
  ]);
  await agent.selectOption("opencode");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Open the session" }).click();
  await page.waitForURL(/\/sessions\/[0-9a-f-]{36}/);
  expect([...mock.world.sessions.all.values()].map(({ doc }) => doc.agent)).toEqual(["opencode"]);
});
