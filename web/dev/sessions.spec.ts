// Sessions in the browser: two people in one terminal, a line that breaks, replay, and what the pages look like.
import type { Page } from "@playwright/test";
import { expect, expectAccessible, expectNoSidewaysScroll, shot, test } from "../e2e/support";
import { screen, withoutWebgl } from "../e2e/terminal";
import { startMock } from "./mock-server.mjs";

type Mock = Awaited<ReturnType<typeof startMock>>;

const mocked = test.extend<{ mock: Mock }>({
  mock: async ({ page }, use) => {
    await page.addInitScript(withoutWebgl);
    const mock = await startMock({ speed: 50 });
    mock.world.addProject("tally", "/srv/git/tally");
    await use(mock);
    mock.stop();
  },
});

mocked.use({ expected: /^Failed to load resource|WebSocket connection to|isWrapped/ }); // lost connections are the point here

const project = (mock: Mock) => [...mock.world.projects.keys()][0];
const open = (mock: Mock, request: object = {}) =>
  mock.world.sessions.create({ project: project(mock), name: "build", ...request });
const live = (page: Page) => page.locator("[data-session]");

async function join(page: Page, mock: Mock, path: string) {
  await page.goto(`${mock.url}${path}`);
  await expect(live(page).getByText("Live", { exact: true }).last()).toBeVisible();
  await expect.poll(() => screen(page)).toContain("ada@corral");
}

mocked("opens a shell from the form, as large as the window, and runs a command", async ({ page, mock }) => {
  await page.goto(`${mock.url}/sessions`);
  await expect(page.getByRole("heading", { name: "No sessions yet" })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "New session" }).click();
  await page.getByLabel("A command").check();
  await page.getByRole("button", { name: "Open the session" }).click();
  await expect(page.locator("#command-error")).toHaveText("Give the program to run");
  await page.getByLabel("A shell").check();
  await page.getByLabel("Name").fill("my shell");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Open the session" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "my shell" })).toBeVisible();
  await expect.poll(() => screen(page)).toContain("$");
  await page.keyboard.type("echo hello there\n");
  await expect.poll(() => screen(page)).toContain("\nhello there\n");
  const session = [...mock.world.sessions.all.values()][0];
  await expect.poll(() => session?.terminal.cols, "fitted to the window").toBeGreaterThan(100);
  await page.setViewportSize({ width: 800, height: 700 });
  await expect.poll(() => session?.terminal.cols).toBeLessThan(100);
});

mocked("the files of its workspace are beside it: read, downloaded, uploaded", async ({ page, mock }) => {
  const session = open(mock);
  await join(page, mock, `/sessions/${session.doc.id}`);
  await page.getByRole("button", { name: "Files", exact: true }).click();
  const files = page.getByRole("region", { name: "Files of this workspace" });
  await files.getByRole("button", { name: "src" }).click();
  await files.getByRole("button", { name: /^tally\.py/ }).click();
  await expect(files.getByRole("region", { name: "src/tally.py" })).toContainText("def tally(numbers)");
  await expect(page).toHaveURL(/files=1/);
  const begun = page.waitForEvent("download");
  await files.getByRole("link", { name: "Download tally.py" }).click();
  expect((await begun).suggestedFilename()).toBe("tally.py");
  await expectAccessible(page);
  await shot(page, "session-files");
  await page.locator('input[type="file"]').setInputFiles({
    name: "note.md",
    mimeType: "text/markdown",
    buffer: Buffer.from("# from a person\n"),
  });
  // Half a window shows the list or the file.
  await files.getByRole("button", { name: "All files" }).click();
  await files.getByRole("button", { name: /^note\.md/ }).click();
  await expect(files.getByRole("region", { name: "src/note.md" })).toContainText("# from a person");
  // The terminal beside it is the same as before, and typed into.
  await page.locator(".xterm").click();
  await page.keyboard.type("echo still here\n");
  await expect.poll(() => screen(page)).toContain("\nstill here\n");
  await page.setViewportSize({ width: 390, height: 844 });
  await expect(live(page)).toBeHidden();
  await expect(files.getByRole("region", { name: "src/note.md" })).toBeVisible();
  await expectNoSidewaysScroll(page);
  await expectAccessible(page);
  await shot(page, "session-files-phone");
  await page.getByRole("button", { name: "Files", exact: true }).click();
  await expect(live(page)).toBeVisible();
  await expect(files).toHaveCount(0);
});

mocked(
  "two people see the same, type in turn, and one of them is on a phone",
  async ({ browser, page, mock }) => {
    const session = open(mock);
    await join(page, mock, `/sessions/${session.doc.id}`);
    const context = await browser.newContext({
      viewport: { width: 390, height: 844 },
      hasTouch: true,
      colorScheme: "dark",
    });
    const phone = await context.newPage();
    await phone.addInitScript(withoutWebgl);
    await join(phone, mock, `/sessions/${session.doc.id}`);
    await page.keyboard.type("echo from the desk\n");
    await expect.poll(() => screen(phone)).toContain("\nfrom the desk\n");
    await expect(phone.locator(".avatar")).toHaveCount(2);
    await expect(phone.locator("[data-typing]")).toHaveCount(1);

    // The phone scales what it sees, and changes nothing for the other.
    expect(session.terminal.cols).toBe(80);
    await expectNoSidewaysScroll(phone);
    const box = await phone.locator(".terminal-host").boundingBox();
    expect(box?.width).toBeLessThanOrEqual(390);

    await phone.getByRole("button", { name: "Keyboard: everyone types" }).tap();
    await phone.getByRole("menuitem", { name: /Take the keyboard/ }).tap();
    await expect(page.getByText("ada has the keyboard.")).toBeVisible();
    await page.locator(".xterm").click();
    await page.keyboard.type("lost");
    await phone.locator(".xterm").tap();
    await phone.keyboard.type("echo from the phone ");
    await phone.getByRole("button", { name: "Pipe" }).tap();
    await phone.keyboard.press("Enter");
    await expect.poll(() => screen(page)).toContain("\nfrom the phone |\n");
    expect(session.received).not.toContain("lost");
    await shot(phone, "session-phone-dark");
    await page.getByRole("button", { name: "Take it" }).click();
    await expect(phone.getByText("ada has the keyboard.")).toBeVisible();
    await page.locator(".xterm").click();
    await page.keyboard.type("echo mine again\n");
    await expect.poll(() => screen(phone)).toContain("\nmine again\n");
    await page.getByRole("button", { name: "Keyboard: you have it" }).click();
    await page.getByRole("menuitem", { name: "Let everyone type" }).click();
    await expect(phone.getByText("ada has the keyboard.")).toHaveCount(0);

    // Ctrl holds for one key.
    await phone.locator(".xterm").tap();
    await phone.keyboard.type("half a line");
    await phone.getByRole("button", { name: "Ctrl, for the next key" }).tap();
    await phone.keyboard.type("c");
    await expect.poll(() => screen(page)).toContain("half a line^C");
    await context.close();
  },
);

mocked("types everything once over a line that breaks again and again", async ({ page, mock }) => {
  const session = open(mock);
  await join(page, mock, `/sessions/${session.doc.id}`);
  let inputs = 0;
  mock.world.sessions.onInput = () => {
    inputs += 1;
    return inputs % 5 === 0 ? "cut" : "";
  };
  const text = "echo abcdefghijklmnopqrstuvwxyz0123456789";
  await page.keyboard.type(text, { delay: 20 });
  await page.keyboard.press("Enter");
  await expect.poll(() => session.received).toBe(`${text}\r`);
  await expect.poll(() => screen(page)).toContain("\nabcdefghijklmnopqrstuvwxyz0123456789\n");
});

mocked(
  "says that the line is lost, keeps what is typed, and sends it when it is back",
  async ({ page, mock }) => {
    const session = open(mock);
    await join(page, mock, `/sessions/${session.doc.id}`);
    mock.pause();
    await expect(page.getByText(/Connection lost/).first()).toBeVisible();
    await page.keyboard.type("echo kept");
    await expect(page.getByText("9 bytes that you typed will be sent.")).toBeVisible();
    await expectAccessible(page);
    await shot(page, "session-lost");
    await mock.resume();
    await page.getByRole("button", { name: "Try now" }).click();
    await expect.poll(() => session.received).toBe("echo kept");
    await expect(page.getByText(/Connection lost/)).toHaveCount(0);
  },
);

mocked("answers nothing that a program asks its terminal", async ({ page, mock }) => {
  const session = open(mock);
  await join(page, mock, `/sessions/${session.doc.id}`);
  await page.keyboard.type("ask\n");
  await expect.poll(() => screen(page)).toContain("asked");
  // Focus goes and comes back: no report of that either.
  await page.getByRole("button", { name: "Search" }).focus();
  await page.locator(".xterm").click();
  await page.keyboard.type("!");
  await expect.poll(() => session.received).toBe("ask\r!");
});

mocked("asks before many lines are pasted into a program that would run them", async ({ page, mock }) => {
  const session = open(mock);
  await join(page, mock, `/sessions/${session.doc.id}`);
  const paste = (text: string) =>
    page.locator(".xterm-helper-textarea").evaluate((element, wanted) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", wanted);
      element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    }, text);
  await paste("echo one");
  await expect.poll(() => session.received).toContain("echo one");
  await page.keyboard.press("Enter");
  await paste("echo two\necho three\n");
  await expect(page.getByRole("heading", { name: "Paste 2 lines?" })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Do not paste" }).click();
  await paste("echo two\necho three\n");
  await page.getByRole("button", { name: "Paste", exact: true }).click();
  await expect.poll(() => session.received).toBe("echo one\recho two\recho three\r");
  await page.keyboard.type("bracketed on\n");
  await expect.poll(() => screen(page)).toMatch(/bracketed on\n/);
  await paste("echo four\necho five");
  await expect.poll(() => session.received).toContain("\x1b[200~echo four\recho five\x1b[201~");
});

mocked("searches, opens links of its own window, and takes its title", async ({ page, mock }) => {
  const session = open(mock);
  await join(page, mock, `/sessions/${session.doc.id}`);
  await page.keyboard.type("lines 60\ntitle making things\n");
  await expect(page.locator(".terminal-title")).toHaveText("making things");
  await page.keyboard.press("Control+Shift+F");
  await page.getByLabel("Search in the terminal").fill("line 7");
  await expect(page.locator(".terminal-search-count")).toHaveText("1 of 1");
  await page.getByLabel("Search in the terminal").fill("line 5");
  await expect(page.locator(".terminal-search-count")).toHaveText(/of 11/);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+Shift+X");
  await expect(page.locator(".session-tools :focus")).toHaveCount(1);
});

mocked("shares by link: watching only, then revoked", async ({ browser, page, mock }) => {
  const session = open(mock);
  await join(page, mock, `/sessions/${session.doc.id}`);
  await page.getByRole("button", { name: "Share", exact: true }).click();
  await page.getByRole("button", { name: "Make a link" }).click();
  const link = await page.getByLabel(/shown this once/).inputValue();
  expect(link).toContain("/s/");
  await expect(page.locator("[data-share]")).toHaveCount(1);
  await expectAccessible(page);
  await shot(page, "share-dialog");
  const context = await browser.newContext();
  const guest = await context.newPage();
  await guest.addInitScript(withoutWebgl);
  await guest.setViewportSize({ width: 390, height: 844 });
  await guest.goto(link);
  await expect(guest.getByText("you can watch.")).toBeVisible();
  await expectAccessible(guest);
  await expectNoSidewaysScroll(guest);
  await shot(guest, "shared-join-phone");
  await expect(page.locator(".avatar")).toHaveCount(1);
  await guest.getByLabel("Your name").fill("Grace");
  await guest.getByLabel("Your name").press("Enter");
  await expect(guest.getByText("You are watching")).toBeVisible();
  await expect(page.locator('[data-viewer="Grace"][data-guest]')).toHaveCount(1);
  await guest.getByRole("button", { name: "Grace: change your name" }).click();
  await guest.getByLabel("Your name").fill("Grace H");
  await guest.getByRole("button", { name: "Come in" }).click();
  await expect(page.locator('[data-viewer="Grace H"][data-guest]')).toHaveCount(1);
  await expect(page.locator(".avatar")).toHaveCount(2);
  await guest.reload(); // asked once
  await expect(guest.getByText("You are watching")).toBeVisible();
  await expectAccessible(guest);
  await expectNoSidewaysScroll(guest);
  await shot(guest, "shared-phone");
  await guest.setViewportSize({ width: 1280, height: 860 });
  await shot(guest, "shared");
  await guest.keyboard.type("no");
  await page.getByRole("button", { name: "Close", exact: true }).click();
  await page.locator(".xterm").click();
  await page.keyboard.type("echo for you\n");
  await expect.poll(() => screen(guest)).toContain("\nfor you\n");
  expect(session.received).toBe("echo for you\r");
  await page.getByRole("button", { name: "Share", exact: true }).click();
  await page.getByRole("button", { name: /^Revoke/ }).click();
  await expect(guest.getByText("the link was revoked, or has run out")).toBeVisible();
  await expect(page.getByText("There are none.")).toBeVisible();
  await guest.reload();
  await expect(guest.getByRole("heading", { name: "This link opens nothing" })).toBeVisible();
  await context.close();
});

mocked("renames, shows two sessions of a workspace side by side, and stops one", async ({ page, mock }) => {
  mock.world.speed = 1;
  const run = mock.world.startRun({
    project: project(mock),
    prompt: 'Work SCRIPT:[{"first_ms":3000000,"text":"…"}]',
  });
  await page.goto(`${mock.url}/runs/${run.doc.id}`);
  await page.getByRole("button", { name: "Terminal" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "shell" })).toBeVisible();
  await expect.poll(() => screen(page)).toContain("$");
  await page.getByRole("button", { name: "More about this session" }).click();
  await page.getByRole("menuitem", { name: "Rename…" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("left");
  await page.getByRole("button", { name: "Rename" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "left" })).toBeVisible();
  await page.getByRole("button", { name: "New shell in this workspace" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "shell" })).toBeVisible();
  await expect.poll(() => screen(page)).toContain("$");
  await page.getByRole("button", { name: "Show left beside this one" }).click();
  await expect(page.locator(".xterm")).toHaveCount(2);
  await expect.poll(() => screen(page, 1)).toContain("$");
  await page.locator(".xterm").nth(1).click();
  await page.keyboard.type("echo on the left\n");
  await expect.poll(() => screen(page, 1)).toContain("\non the left\n");
  expect(await screen(page, 0)).not.toContain("on the left");
  await expectAccessible(page);
  await shot(page, "session-split");
  await page.getByRole("button", { name: "Close left here" }).click();
  await expect(page.locator(".xterm")).toHaveCount(1);
  await page.getByRole("button", { name: "More about this session" }).click();
  await page.getByRole("menuitem", { name: "Stop the session…" }).click();
  await page.getByRole("button", { name: "Stop the session", exact: true }).click();
  await expect(page.getByText("The session has ended with exit code 129: stopped by ada.")).toBeVisible();
  await shot(page, "session-ended");
});

mocked("goes on with a new terminal when one is stuck", async ({ page, mock }) => {
  const session = open(mock);
  await join(page, mock, `/sessions/${session.doc.id}`);
  // xterm.js 6.0 throws when all is erased up to a cursor that stands in the last corner and is about to wrap.
  const bytes = Buffer.from("\x1b[24;80Hx\x1b[1J");
  session.emit("output", session.size, bytes);
  await page.locator(".xterm").click();
  await page.keyboard.type("echo still here\n");
  await expect.poll(() => screen(page)).toContain("\nstill here\n");
});

test("draws with WebGL where there is any, within the content security policy", async ({ page }) => {
  const mock = await startMock({ speed: 50 });
  mock.world.addProject("tally", "/srv/git/tally");
  const session = open(mock);
  await page.goto(`${mock.url}/sessions/${session.doc.id}`);
  await expect(page.locator(".xterm canvas").first()).toBeVisible();
  await page.locator(".xterm").click();
  await page.keyboard.type("colors\n");
  await expect.poll(() => session.received).toBe("colors\r");
  await expect(page.locator(".terminal-dot-live")).toBeVisible();
  await shot(page, "session-webgl");
  mock.stop();
});

mocked("replays a session that has ended, from any moment", async ({ page, mock }) => {
  const session = open(mock);
  await join(page, mock, `/sessions/${session.doc.id}`);
  await page.keyboard.type("echo first\n");
  await expect.poll(() => screen(page)).toContain("\nfirst\n");
  await page.waitForTimeout(300); // the recording's own time is what is looked at below
  await page.keyboard.type("echo second\nexit 3\n");
  await expect(page.locator("[data-ended]")).toContainText("with exit code 3");
  await page.getByRole("link", { name: "Replay" }).click();
  await expect(page.getByRole("button", { name: "Play again" })).toBeVisible();
  await expect.poll(() => screen(page)).toContain("\nsecond\n");
  const scrubber = page.getByLabel("Position in the recording");
  await scrubber.fill("0");
  await expect.poll(() => screen(page)).not.toContain("first");
  const moments = session.output as { at: number; text?: string }[];
  const first = moments.find(({ text }) => text === "first\r\n")?.at ?? 0;
  await scrubber.fill(String(first + 0.05));
  await expect.poll(() => screen(page)).toContain("\nfirst\n");
  expect(await screen(page)).not.toContain("\nsecond");
  await page.getByLabel("Speed").selectOption("0.5");
  await page.getByRole("button", { name: "Play", exact: true }).click();
  await page.getByRole("button", { name: "Pause" }).click();
  await expect(page.getByRole("button", { name: "Play", exact: true })).toBeVisible();
  await expectAccessible(page);
});

mocked("every page is accessible and looks right in light, dark and on a phone", async ({ page, mock }) => {
  const session = open(mock, { name: "Upgrade the parser" });
  const over = open(mock, { name: "htop", command: ["htop", "-d", "10"] });
  const failed = open(mock, { name: "claude", agent: "claude" });
  await expect.poll(() => failed.doc.status).toBe("running");
  over.end(0);
  failed.end(137, "killed: it used more memory than it may");
  await join(page, mock, `/sessions/${session.doc.id}`);
  await page.keyboard.type("colors\nlink\necho wide enough to see\n");
  await expect.poll(() => screen(page)).toContain("24 bits");
  for (const look of [
    { name: "light", scheme: "light", width: 1280, height: 860 },
    { name: "dark", scheme: "dark", width: 1280, height: 860 },
    { name: "phone", scheme: "light", width: 390, height: 844 },
    { name: "phone-dark", scheme: "dark", width: 390, height: 844 },
  ] as const) {
    await page.setViewportSize({ width: look.width, height: look.height });
    await page.emulateMedia({ colorScheme: look.scheme });
    for (const [name, path, ready] of [
      ["sessions", "/sessions", "[data-session-row]"],
      ["new-session", "/sessions?new=1", ".new-session"],
      ["session", `/sessions/${session.doc.id}`, ".terminal-dot-live"],
      ["session-over", `/sessions/${failed.doc.id}`, "[data-ended]"],
      ["replay", `/sessions/${over.doc.id}/replay`, ".replay-controls"],
    ] as const) {
      await page.goto(`${mock.url}${path}`);
      await expect(page.locator(ready).first()).toBeVisible();
      if (name === "session") await expect.poll(() => screen(page)).toContain("24 bits");
      await expectAccessible(page);
      await expectNoSidewaysScroll(page);
      await shot(page, `${name}-${look.name}`);
    }
  }
});
