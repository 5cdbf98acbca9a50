// Live sessions against the real server: a shell in a workspace, seen and typed in by two browsers, shared and replayed.
import type { Page } from "@playwright/test";
import {
  expect,
  expectAccessible,
  expectNoSidewaysScroll,
  openRuns,
  repository,
  shot,
  test,
} from "./support";
import { screen, withoutWebgl } from "./terminal";

test.use({ expected: /WebSocket connection to|^Failed to load resource/ }); // lines that a test breaks

// Opens a shell of its own and waits until something can be typed.
async function openShell(page: Page, name: string): Promise<string> {
  await page.addInitScript(withoutWebgl);
  await openRuns(page);
  await page.goto("/sessions?new=1");
  const other = page.getByLabel("Another repository");
  await expect(page.getByRole("heading", { name: "New session" })).toBeVisible();
  if (await other.isVisible()) await other.check();
  await page.getByLabel("Git URL or path").fill(repository);
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await page.getByLabel("Size").selectOption("80x24");
  await page.getByRole("button", { name: "Open the session" }).click();
  await page.waitForURL(/\/sessions\/[0-9a-f-]{36}/);
  await expect(page.locator(".terminal-dot-live")).toBeVisible({ timeout: 60_000 });
  await page.locator(".xterm").click();
  return page.url().split("/").at(-1)?.split("?")[0] ?? "";
}

// What a command says, and not the line that asked for it: the words are put together by the shell.
async function say(page: Page, word: string) {
  await page.keyboard.type(`echo said-$((1))-${word}\n`);
  await expect.poll(() => screen(page)).toContain(`said-1-${word}`);
}

test("two browsers, one of them a phone, see the same shell and type in turn", async ({ page, browser }) => {
  const id = await openShell(page, "together");
  await say(page, "desk");
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true });
  const phone = await context.newPage();
  await phone.addInitScript(withoutWebgl);
  await openRuns(phone);
  await phone.goto(`/sessions/${id}`);
  await expect.poll(() => screen(phone)).toContain("said-1-desk");
  await expectNoSidewaysScroll(phone);
  await expect(page.locator(".avatar")).toHaveCount(2);
  await phone.locator(".xterm").tap();
  await say(phone, "phone");
  await expect.poll(() => screen(page)).toContain("said-1-phone");

  await phone.getByRole("button", { name: "Keyboard: everyone types" }).tap();
  await phone.getByRole("menuitem", { name: /Take the keyboard/ }).tap();
  await expect(page.getByText(/has the keyboard\./)).toBeVisible();
  await page.locator(".xterm").click();
  await page.keyboard.type("echo never-$((1))\n");
  await phone.locator(".xterm").tap();
  await say(phone, "mine");
  expect(await screen(phone)).not.toContain("never-1");
  await expectAccessible(page);
  await shot(page, "session-live");
  await shot(phone, "session-live-phone");
  await context.close();
  await expect(page.getByText(/has the keyboard\./), "who leaves gives it back").toHaveCount(0);
});

test("what is typed over a line that breaks arrives once", async ({ page }) => {
  const lines: (() => Promise<void>)[] = [];
  await page.routeWebSocket(/\/ws\//, (line) => {
    const server = line.connectToServer();
    lines.push(async () => {
      await server.close();
      await line.close({ code: 3000 });
    });
  });
  await openShell(page, "bad line");
  await page.keyboard.type("stty -echo; cat > /tmp/typed\n");
  const text = "the-quick-brown-fox-0123456789";
  for (const [index, char] of [...text].entries()) {
    await page.keyboard.type(char);
    if (index % 10 === 4) await lines.at(-1)?.();
  }
  await page.keyboard.press("Enter");
  await page.keyboard.press("Control+d");
  await page.keyboard.type("stty echo; cat /tmp/typed\n");
  await expect.poll(() => screen(page)).toContain(`${text}\n`);
  expect(lines.length, "connections").toBeGreaterThan(1);
});

test("the server answers a terminal's queries, once, with two looking on", async ({ page, browser }) => {
  const id = await openShell(page, "queries");
  const context = await browser.newContext();
  const second = await context.newPage();
  await openRuns(second);
  await second.goto(`/sessions/${id}`);
  await expect(second.locator(".terminal-dot-live")).toBeVisible();
  // All that comes back within a second, as visible text: one answer to one question.
  await page.keyboard.type(
    "stty raw -echo min 0 time 10; printf '\\033[6n'; a=$(cat); stty sane; printf %s \"$a\" | cat -v; echo; echo over-$((1))\n",
  );
  await expect.poll(() => screen(page)).toContain("over-1");
  expect((await screen(page)).match(/\^\[\[\d+;\d+R/g)).toHaveLength(1);
  await context.close();
});

test("a share link lets somebody watch until it is revoked", async ({ page, browser }) => {
  await openShell(page, "shared");
  await say(page, "before");
  await page.getByRole("button", { name: "Share", exact: true }).click();
  await page.getByRole("button", { name: "Make a link" }).click();
  const link = await page.getByLabel(/shown this once/).inputValue();
  const context = await browser.newContext(); // not logged in
  const guest = await context.newPage();
  await guest.addInitScript(withoutWebgl);
  await guest.goto(link);
  await guest.getByLabel("Your name").fill("Grace");
  await guest.getByRole("button", { name: "Come in" }).click();
  await expect(page.locator('[data-viewer="Grace"][data-guest]')).toHaveCount(1);
  await expect.poll(() => screen(guest)).toContain("said-1-before");
  await expect(guest.getByText("You are watching")).toBeVisible();
  await expectAccessible(guest);
  await page.getByRole("button", { name: /^Revoke/ }).click();
  await expect(guest.getByText(/revoked/)).toBeVisible({ timeout: 30_000 });
  await context.close();
});

test("what a session makes is read beside it, and what is uploaded is there for it", async ({ page }) => {
  await openShell(page, "files");
  await page.keyboard.type("echo made-$((1)) > made.txt; echo done-$((1))\n");
  await expect.poll(() => screen(page)).toContain("done-1");
  await page.getByRole("button", { name: "Files", exact: true }).click();
  const files = page.getByRole("region", { name: "Files of this workspace" });
  await files.getByRole("button", { name: /^made\.txt/ }).click();
  await expect(files.getByRole("region", { name: "made.txt" })).toContainText("made-1");
  const begun = page.waitForEvent("download");
  await files.getByRole("link", { name: "Download made.txt" }).click();
  expect((await begun).suggestedFilename()).toBe("made.txt");
  await page.locator('input[type="file"]').setInputFiles({
    name: "given.txt",
    mimeType: "text/plain",
    buffer: Buffer.from("from-a-person\n"),
  });
  await files.getByRole("button", { name: "All files" }).click();
  await expect(files.getByRole("button", { name: /^given\.txt/ })).toBeVisible();
  await expectAccessible(page);
  await shot(page, "session-files-real");
  await page.locator(".xterm").click();
  await page.keyboard.type("cat given.txt\n");
  await expect.poll(() => screen(page)).toContain("\nfrom-a-person\n");
});

test("a session ends with its exit code, and is replayed", async ({ page }) => {
  const id = await openShell(page, "to be replayed");
  await say(page, "early");
  await say(page, "late");
  await page.keyboard.type("exit 7\n");
  await expect(page.locator("[data-ended]")).toContainText("exit code 7");
  await page.getByRole("link", { name: "Replay", exact: true }).click();
  const scrubber = page.getByLabel("Position in the recording");
  await expect(page.getByRole("button", { name: "Play again" })).toBeVisible({ timeout: 30_000 });
  await expect.poll(() => screen(page)).toContain("said-1-late");
  await scrubber.fill("0");
  await expect.poll(() => screen(page)).not.toContain("said-1-late");
  await expectAccessible(page);
  await shot(page, "session-replay");
  await page.goto("/sessions?status=ended");
  await expect(page.locator(`[data-session-row="${id}"]`)).toContainText("Exit 7");
});
