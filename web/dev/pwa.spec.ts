// The page as an app: it can be installed, keeps its shell and nothing else, and is honest when the server is not there.
import { readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { expect, expectAccessible, expectNoSidewaysScroll, shot } from "../e2e/support";
import { mocked, onlyProject } from "./mocked";

mocked.use({ expected: /^Failed to load resource/ }); // the server goes away here

// Opened, and the service worker has the page.
async function openInstalled(page: Page, address: string) {
  await page.goto(address);
  await expect.poll(() => page.evaluate(() => Boolean(navigator.serviceWorker.controller))).toBe(true);
}

mocked("can be installed", async ({ page, mock }) => {
  await openInstalled(page, `${mock.url}/runs`);
  const devtools = await page.context().newCDPSession(page);
  const { errors, manifest } = await devtools
    .send("Page.getAppManifest")
    .then(({ errors: found, data }) => ({ errors: found, manifest: JSON.parse(data ?? "{}") }));
  expect(errors).toEqual([]);
  expect(manifest.name).toBe("Corral");
  for (const { src, sizes, type } of manifest.icons) {
    const response = await page.request.get(`${mock.url}${src}`);
    expect(response.headers()["content-type"]).toBe(type);
    if (type !== "image/png") continue;
    const bytes = await response.body(); // its size stands in its header
    expect(`${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`).toBe(sizes);
  }
  const { installabilityErrors } = await devtools.send("Page.getInstallabilityErrors");
  const others = installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito"); // as tests are
  expect(others).toEqual([]);
});

mocked("the icons are what the logo is", async ({ page, mock }) => {
  await page.goto(`${mock.url}/about`);
  const logo = readFileSync(new URL("../public/favicon.svg", import.meta.url), "utf8");
  const differing = await page.evaluate(async (svg) => {
    const pixels = async (address: string) => {
      const image = new Image();
      image.src = address;
      await image.decode();
      const canvas = new OffscreenCanvas(192, 192);
      const context = canvas.getContext("2d");
      if (!context) throw new Error("no canvas");
      context.fillStyle = "white"; // the colour of what is all but transparent means nothing
      context.fillRect(0, 0, 192, 192);
      context.drawImage(image, 0, 0, 192, 192);
      return context.getImageData(0, 0, 192, 192).data;
    };
    const drawn = await pixels("/icon-192.png");
    const wanted = await pixels(`data:image/svg+xml,${encodeURIComponent(svg)}`);
    const off = [...wanted].map((value, at) => Math.abs(value - (drawn[at] ?? 0)));
    return {
      most: off.reduce((most, value) => Math.max(most, value), 0),
      mean: off.reduce((sum, value) => sum + value, 0) / off.length,
    };
  }, logo);
  // Smooth edges are smooth in more than one way; nothing is anywhere else, or of another colour.
  expect(differing.most).toBeLessThan(100); // of 255
  expect(differing.mean).toBeLessThan(0.5);
});

mocked("keeps the shell, and nothing that the API says", async ({ page, mock }) => {
  const run = mock.world.startRun({
    project: onlyProject(mock),
    prompt: 'Work SCRIPT:[{"text":"A secret of the run."}]',
  });
  await openInstalled(page, `${mock.url}/runs/${run.doc.id}`);
  await expect(page.getByText("A secret of the run.").first()).toBeVisible();
  await page.goto(`${mock.url}/runs`);
  await expect(page.locator("[data-run]")).toHaveCount(1);
  const kept = await page.evaluate(async () => {
    const all: string[] = [];
    for (const name of await caches.keys()) {
      for (const request of await (await caches.open(name)).keys()) all.push(new URL(request.url).pathname);
    }
    return all.sort();
  });
  expect(kept).toContain("/");
  expect(kept).toContain("/theme.js");
  expect(kept.filter((path) => !/^\/(assets\/[\w.-]+|[\w.-]*)$/.test(path))).toEqual([]);
  expect(kept.filter((path) => path.includes("terminal"))).toEqual([]); // loaded when one is looked at
});

mocked("says so when the server is not there, and goes on when it is back", async ({ page, mock }) => {
  await openInstalled(page, `${mock.url}/projects`);
  await expect(page.locator("[data-project]")).toHaveCount(1);
  mock.pause();
  await page.goto(`${mock.url}/runs`);
  await expect(page.getByRole("heading", { name: "Corral cannot be reached" })).toBeVisible();
  await expect(page.getByText("does not answer")).toBeVisible();
  await expectAccessible(page);
  await shot(page, "offline");
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(page);
  await shot(page, "offline-phone");
  mock.resume();
  await page.getByRole("button", { name: "Try now" }).click();
  await expect(page.getByRole("heading", { name: "No runs yet" })).toBeVisible();
  await expect(page.locator("[data-offline]")).toHaveCount(0);
});

mocked("an address of the API is never answered by the page", async ({ page, mock }) => {
  await openInstalled(page, `${mock.url}/runs`);
  mock.pause();
  await expect(page.goto(`${mock.url}/api/v1/info`)).rejects.toThrow(/ERR_/);
});
