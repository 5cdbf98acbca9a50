import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test as base, expect, type Page } from "@playwright/test";

// The server under test, from the harness that started it:
//   CORRAL_URL    where it listens            CORRAL_REPO   a git repository that runs may work on, a path or URL
//   CORRAL_TOKEN  its login token, if it has one            CORRAL_SHOTS  a folder for screenshots (none: no screenshots)
//   CORRAL_AGENT  "claude" (default), with a model that plays the SCRIPT in the prompt
export const repository = process.env.CORRAL_REPO ?? "";
const shots = process.env.CORRAL_SHOTS ?? "";

interface Step {
  text?: string;
  tool?: string;
  input?: Record<string, string>;
  first_ms?: number;
}

// A prompt that a scripted model plays: what the agent will say and do.
export function scripted(title: string, steps: Step[]): string {
  return `${title}\n\nSCRIPT:${JSON.stringify(steps)}`;
}

// Fails a test in which the page logged an error or threw one.
export const test = base.extend<{ expected: RegExp | null; quiet: undefined }>({
  expected: [null, { option: true }], // errors that belong to the test
  quiet: [
    async ({ page, expected }, use) => {
      const errors: string[] = [];
      page.on("pageerror", (error) => {
        if (!expected?.test(error.message)) errors.push(error.message);
      });
      page.on("console", (message) => {
        if (message.type() === "error" && !expected?.test(message.text())) errors.push(message.text());
      });
      await use(undefined);
      expect(errors, "errors in the browser's console").toEqual([]);
    },
    { auto: true },
  ],
});

export async function openRuns(page: Page) {
  await page.goto("/runs");
  if (process.env.CORRAL_TOKEN) {
    await page.getByLabel("Token").fill(process.env.CORRAL_TOKEN);
    await page.getByRole("button", { name: "Log in" }).click();
  }
  await expect(page.getByRole("heading", { level: 1, name: "Runs" })).toBeVisible();
}

// The new-run form, with the repository filled in.
export async function openNewRun(page: Page) {
  await openRuns(page);
  await page.getByRole("link", { name: "New run" }).first().click();
  await expect(page.getByLabel("Prompt")).toBeVisible();
  // There is a choice once there is a project.
  const other = page.getByLabel("Another repository");
  if (await other.isVisible()) await other.check();
  await page.getByLabel("Git URL or path").fill(repository);
}

export async function startRun(
  page: Page,
  prompt: string,
  permissions: "workspace" | "ask",
): Promise<string> {
  await openNewRun(page);
  await page.getByLabel("Prompt").fill(prompt);
  if (permissions === "ask") await page.getByText("Ask me first").click();
  await page.getByLabel("Prompt").press("Control+Enter");
  await page.waitForURL(/\/runs\/[0-9a-f-]{36}$/);
  return page.url().split("/").at(-1) ?? "";
}

// The run's own badge, not those of its steps.
export const badge = (page: Page) => page.locator(".run-badges [data-status]");

export async function shot(page: Page, name: string) {
  if (!shots) return;
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: join(shots, `${name}.png`) });
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  id: string;
  impact: string | null;
  nodes: { target: string[]; failureSummary?: string }[];
}

// No serious or critical violation of axe's rules (WCAG A and AA, best practices).
export async function expectAccessible(page: Page) {
  // Colours on their way from one theme to another are nobody's to read.
  await page.evaluate(() =>
    Promise.allSettled(
      document
        .getAnimations()
        .filter((animation) => animation instanceof CSSTransition)
        .map((transition) => transition.finished),
    ),
  );
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const { axe: runner } = window as unknown as { axe: { run: () => Promise<{ violations: Violation[] }> } };
    return (await runner.run()).violations;
  });
  const serious = violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map((node) => `${node.target.join(" ")} ${node.failureSummary ?? ""}`).join("; ")}`,
    );
  expect(serious, `accessibility of ${page.url()}`).toEqual([]);
}

export async function expectNoSidewaysScroll(page: Page) {
  const extra = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(extra, "width beyond the window").toBeLessThanOrEqual(0);
}

const looks = [
  { look: "light", scheme: "light", width: 1280, height: 860 },
  { look: "dark", scheme: "dark", width: 1280, height: 860 },
  { look: "phone", scheme: "light", width: 390, height: 844 },
] as const;

// Pages in both themes and on a phone: accessible, no wider than the window, a screenshot of each.
export async function lookAt(
  page: Page,
  places: readonly (readonly [name: string, path: string, ready: string])[],
) {
  for (const { look, scheme, width, height } of looks) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme });
    for (const [name, path, ready] of places) {
      await page.goto(path);
      await expect(page.locator(ready).first()).toBeVisible();
      await expectAccessible(page);
      await expectNoSidewaysScroll(page);
      await shot(page, `${name}-${look}`);
    }
  }
}

export { expect };
