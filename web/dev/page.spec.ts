// The page against a server that misbehaves, or holds more than a real one would in a test.
import { badge, expect, expectAccessible } from "../e2e/support";
import { startMock } from "./mock-server.mjs";
import { mocked } from "./mocked";

mocked.use({ repository: "" });
mocked.use({ expected: /^Failed to load resource/ }); // refusals and lost connections are the point here

const prompt = (...steps: object[]) => `Work SCRIPT:${JSON.stringify(steps)}`;

mocked(
  "says that the connection is lost, and goes on without gap or repeat when it is back",
  async ({ page, mock }) => {
    const project = mock.world.addProject("p", "/srv/p");
    mock.world.speed = 1;
    const steps = Array.from({ length: 12 }, (_, index) => ({
      first_ms: 400,
      text: `Message number ${index + 1}.`,
    }));
    const run = mock.world.startRun({ project: project.id, prompt: prompt(...steps) });
    await page.goto(`${mock.url}/runs/${run.doc.id}`);
    await expect(page.locator(".entry-message").getByText("Message number 2.")).toBeVisible();
    mock.pause();
    await expect(page.getByText("Connection lost.").first()).toBeVisible();
    mock.resume();
    await expect(page.getByText("Connection lost.")).toHaveCount(0);
    await expect(badge(page)).toHaveText("Completed");
    await expect(page.locator(".entry-message .markdown")).toHaveText(steps.map(({ text }) => text));
  },
);

mocked("asks for the token, and shows the page once it is right", async ({ page }) => {
  const mock = await startMock({ token: "secret" });
  await page.goto(`${mock.url}/runs`);
  await page.getByLabel("Token").fill("wrong");
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByText("This is not the server's token.")).toBeVisible();
  await expectAccessible(page);
  await page.getByLabel("Token").fill("secret");
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("heading", { name: "No runs yet" })).toBeVisible();
  await expectAccessible(page);
  mock.stop();
});

mocked("retries a failed run and shows both attempts", async ({ page, mock }) => {
  const project = mock.world.addProject("p", "/srv/p");
  const run = mock.world.startRun({
    project: project.id,
    prompt: prompt({ text: "Tried." }),
    checks: "false",
  });
  await page.goto(`${mock.url}/runs/${run.doc.id}`);
  await expect(badge(page)).toHaveText("Failed");
  await expect(page.getByRole("alert")).toContainText("exit code 1");
  await page.getByRole("button", { name: "Retry", exact: true }).click();
  await page.getByRole("button", { name: "Retry the run" }).click();
  await expect(badge(page)).toHaveText("Completed");
  await expect(page.getByText("Attempt 2", { exact: true })).toBeVisible();
  await expect(page.locator(".entry-message .markdown")).toHaveText(["Tried.", "Tried."]);
});

mocked("keeps a log of 150,000 lines fast and follows its end", async ({ page, mock }) => {
  const project = mock.world.addProject("p", "/srv/p");
  const run = mock.world.startRun({
    project: project.id,
    prompt: prompt({ first_ms: 3_000_000, text: "…" }),
  });
  for (let part = 0; part < 150; part += 1) {
    run.log.append(
      Array.from({ length: 1000 }, (_, line) => `\u001b[32mline\u001b[0m ${part * 1000 + line}\n`).join(""),
    );
  }
  await page.goto(`${mock.url}/runs/${run.doc.id}?tab=log`);
  const log = page.getByRole("log");
  await expect(log).toContainText("line 149999");
  expect(await log.locator(".log-line").count()).toBeLessThan(200);
  run.log.append("the newest line\n");
  await expect(log).toContainText("the newest line");
  await log.evaluate((element) => element.scrollTo(0, 0));
  await expect(log).toContainText("line 10");
  run.log.append("not to be jumped to\n");
  await expect(page.getByRole("button", { name: "Jump to the end" })).toBeVisible();
  await expect(log).toContainText("line 10");
  await page.getByRole("button", { name: "Jump to the end" }).click();
  await expect(log).toContainText("not to be jumped to");
});

mocked(
  "opens a diff of 300 files and 60,000 lines with only what is near in the page",
  async ({ page, mock }) => {
    const project = mock.world.addProject("p", "/srv/p");
    const run = mock.world.startRun({ project: project.id, prompt: prompt({ text: "Done." }) });
    await page.goto(`${mock.url}/runs/${run.doc.id}`);
    await expect(badge(page)).toHaveText("Completed");
    const body = (lines: number) =>
      Array.from({ length: lines }, (_, line) => `+int value_${line} = ${line};`).join("\n");
    const file = (name: string, lines: number) =>
      `diff --git a/${name} b/${name}\nnew file mode 100644\n--- /dev/null\n+++ b/${name}\n@@ -0,0 +1,${lines} @@\n${body(lines)}\n`;
    run.diff =
      file("big.cc", 30_000) + Array.from({ length: 299 }, (_, at) => file(`small_${at}.cc`, 100)).join("");
    await page.getByRole("tab", { name: /^Diff/ }).click();
    await expect(page.getByText("300 files changed")).toBeVisible();
    await page
      .getByRole("button", { name: /big\.cc/ })
      .first()
      .click();
    await expect(page.locator(".diff-add").first()).toBeVisible();
    expect(await page.locator(".diff-line").count(), "only what is near is in the page").toBeLessThan(5000);
  },
);

mocked("shows a timeline of 3,000 tool calls without getting stuck", async ({ page, mock }) => {
  mocked.slow(); // stuck is never, not late: the machine may be busy
  const project = mock.world.addProject("p", "/srv/p");
  const run = mock.world.startRun({ project: project.id, prompt: prompt({ text: "Done." }) });
  await expect.poll(() => run.doc.status).toBe("completed");
  for (let index = 0; index < 3000; index += 1) {
    const call = { id: `c${index}`, tool: "Edit" };
    const input = {
      file_path: `/workspace/file_${index}.cc`,
      old_string: "int a;\n",
      new_string: "int b;\n",
    };
    mock.world.tell(run, { ...call, kind: "tool_call", input });
    mock.world.tell(run, { ...call, kind: "tool_result", text: "ok" });
  }
  await page.goto(`${mock.url}/runs/${run.doc.id}`);
  await expect(page.locator('[data-tool="Edit"]')).toHaveCount(3000, { timeout: 60_000 });
  await page
    .locator('[data-tool="Edit"]')
    .last()
    .getByRole("button", { name: /Edit file_2999/ })
    .click({ timeout: 60_000 });
  await page.getByRole("tab", { name: "Log" }).click();
  await expect(page.getByRole("log")).toBeVisible();
});

mocked("never runs what a model or a program prints", async ({ page, mock }) => {
  const evil = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
  const project = mock.world.addProject("p", "/srv/p");
  const run = mock.world.startRun({
    project: project.id,
    prompt: prompt(
      {
        thinking: evil,
        text: `${evil} [x](javascript:window.hacked=1)`,
        tool: "Bash",
        input: { command: `echo '${evil}'\nls` },
        output: evil,
      },
      { tool: "Write", input: { file_path: "/workspace/x.html", content: evil }, output: evil },
      { tool: "Unknown", input: { [evil]: evil }, output: evil },
    ),
  });
  for (const tab of ["timeline", "log", "diff", "events", "artifacts"]) {
    await page.goto(`${mock.url}/runs/${run.doc.id}?tab=${tab}`);
    await expect(badge(page)).toHaveText("Completed");
    if (tab === "timeline") await expect(page.getByText(evil).first()).toBeVisible();
  }
  expect(await page.evaluate(() => (window as unknown as { hacked?: number }).hacked)).toBeUndefined();
});

mocked("marks runs that were less isolated, on every page", async ({ page }) => {
  const mock = await startMock({ isolation: "reduced", speed: 50 });
  const project = mock.world.addProject("p", "/srv/p");
  const run = mock.world.startRun({ project: project.id, prompt: prompt({ text: "Done." }) });
  await page.goto(`${mock.url}/runs/${run.doc.id}`);
  await expect(page.locator('.run-badges [data-isolation="reduced"]')).toContainText("Reduced isolation");
  await expect(page.locator('.top-bar [data-isolation="reduced"]')).toBeVisible();
  await page.goto(`${mock.url}/about`);
  await expect(page.getByText("This host forbids user namespaces")).toBeVisible();
  await expectAccessible(page);
  mock.stop();
});

mocked("shows a server's refusal at the field that it is about", async ({ page, mock }) => {
  await page.goto(`${mock.url}/runs/new`);
  await page.getByLabel("Git URL or path").fill("not-a-path");
  await page.getByLabel("Prompt").fill("x");
  await page.getByLabel("Prompt").press("Control+Enter");
  await expect(page.locator("#git_url-error")).toContainText("neither a URL nor an absolute path");
  await expect(page.getByLabel("Git URL or path")).toBeFocused();
});
