// The real server's page can be installed: its files come with the types that a browser asks for.
import { expect, openRuns, test } from "./support";

test("the page can be installed from the real server", async ({ page }) => {
  await openRuns(page);
  await expect.poll(() => page.evaluate(() => Boolean(navigator.serviceWorker.controller))).toBe(true);
  for (const [path, type] of [
    ["/manifest.webmanifest", "application/manifest+json"],
    ["/sw.js", "text/javascript; charset=utf-8"],
    ["/icon-192.png", "image/png"],
    ["/favicon.svg", "image/svg+xml"],
  ] as const) {
    const response = await page.request.get(path);
    expect([response.status(), response.headers()["content-type"]], path).toEqual([200, type]);
    expect(response.headers()["cache-control"], path).toBe("no-cache");
  }
  const devtools = await page.context().newCDPSession(page);
  expect((await devtools.send("Page.getAppManifest")).errors).toEqual([]);
  const { installabilityErrors } = await devtools.send("Page.getInstallabilityErrors");
  // Tests' windows are private ones, from which nothing is installed.
  expect(installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito")).toEqual([]);
});
