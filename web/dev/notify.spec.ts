// "Notify this device": what the switch says and does, and what the service worker makes of a push message. Push services are
// not there in tests: the browser's own subscription is played, all else is real.
import type { CDPSession, Page } from "@playwright/test";
import { expect, expectAccessible, expectNoSidewaysScroll, shot } from "../e2e/support";
import { type Mock, mocked } from "./mocked";
import { pushKey } from "./push.mjs";

const endpoint = "https://push.example.net/send/abc";

interface Played {
  permission?: NotificationPermission; // what the browser has been told before
  answer?: NotificationPermission; // what the person answers now
  fails?: string;
}

// A browser with a push service, whose person answers so.
async function play(page: Page, { permission = "default", answer = "granted", fails = "" }: Played) {
  await page.addInitScript(
    ({ at, before, after, why }) => {
      let current = localStorage.getItem("permission") ?? before;
      const kept = () => localStorage.getItem("subscribed");
      const subscription = () => ({
        endpoint: at,
        options: { applicationServerKey: Uint8Array.from(JSON.parse(kept() ?? "[]")).buffer },
        toJSON: () => ({ endpoint: at, expirationTime: null, keys: { p256dh: "BPub", auth: "c2VjcmV0" } }),
        unsubscribe: async () => {
          localStorage.removeItem("subscribed");
          return true;
        },
      });
      Object.defineProperty(Notification, "permission", { get: () => current });
      Notification.requestPermission = async () => {
        current = after;
        localStorage.setItem("permission", after);
        return after;
      };
      Object.assign(PushManager.prototype, {
        getSubscription: async () => (kept() ? subscription() : null),
        subscribe: async ({ applicationServerKey }: { applicationServerKey: Uint8Array }) => {
          if (why) throw new DOMException(why, "AbortError");
          localStorage.setItem("subscribed", JSON.stringify([...applicationServerKey]));
          return subscription();
        },
      });
    },
    { at: endpoint, before: permission, after: answer, why: fails },
  );
}

const toggle = (page: Page) => page.getByRole("switch", { name: "Notify this device" });
const devices = (mock: Mock) => [...mock.world.push.values()];

mocked("is turned on and off", async ({ page, mock }) => {
  await play(page, {});
  await page.goto(`${mock.url}/about`);
  await expect(toggle(page)).toBeEnabled();
  await expect(toggle(page)).not.toBeChecked();
  await expect(toggle(page)).toHaveAccessibleDescription(/Be told on this device when an agent needs you/);
  await toggle(page).focus();
  await page.keyboard.press("Space");
  await expect(toggle(page)).toBeChecked();
  await expect(toggle(page)).toHaveAccessibleDescription(/This device is told/);
  expect(devices(mock)).toMatchObject([{ endpoint, name: "Chrome on Linux" }]);
  const key = await page.evaluate(() => JSON.parse(localStorage.getItem("subscribed") ?? "[]"));
  expect(Buffer.from(key).toString("base64url")).toBe(pushKey);
  await expectAccessible(page);
  await shot(page, "notify-on");
  await page.reload();
  await expect(toggle(page)).toBeChecked();
  await toggle(page).click();
  await expect(toggle(page)).not.toBeChecked();
  expect(devices(mock)).toEqual([]);
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(page);
});

mocked("a device that the server has forgotten says so again", async ({ page, mock }) => {
  await play(page, {});
  await page.goto(`${mock.url}/about`);
  await expect(toggle(page)).toBeEnabled();
  await toggle(page).click();
  await expect.poll(() => devices(mock).length).toBe(1);
  mock.world.push.clear();
  await page.goto(`${mock.url}/runs`);
  await expect.poll(() => devices(mock).length).toBe(1);
});

mocked("says when notifications are blocked", async ({ page, mock }) => {
  await play(page, { permission: "denied" });
  await page.goto(`${mock.url}/about`);
  await expect(page.getByText("Notifications of this page are blocked.")).toBeVisible();
  await expect(toggle(page)).toBeDisabled();
  await expectAccessible(page);
});

mocked("stays off when the person says no", async ({ page, mock }) => {
  await play(page, { answer: "denied" });
  await page.goto(`${mock.url}/about`);
  await expect(toggle(page)).toBeEnabled();
  await toggle(page).click();
  await expect(page.getByText("Notifications of this page are blocked.")).toBeVisible();
  await expect(toggle(page)).not.toBeChecked();
  expect(devices(mock)).toEqual([]);
});

mocked("says when the browser cannot", async ({ page, mock }) => {
  await page.addInitScript(() => Reflect.deleteProperty(window, "PushManager"));
  await page.goto(`${mock.url}/about`);
  await expect(page.getByText("This browser cannot be told here.")).toBeVisible();
  await expect(toggle(page)).toBeDisabled();
});

mocked("says why it did not work", async ({ page, mock }) => {
  await play(page, { fails: "Registration failed - push service error" });
  await page.goto(`${mock.url}/about`);
  await expect(toggle(page)).toBeEnabled();
  await toggle(page).click();
  await expect(page.getByRole("alert")).toContainText("push service error");
  await expect(toggle(page)).not.toBeChecked();
  await expect(toggle(page)).toBeEnabled();
});

// The service worker's registration, as the devtools name it.
async function registration(page: Page, mock: Mock): Promise<[CDPSession, string]> {
  await page.goto(`${mock.url}/runs`);
  await expect.poll(() => page.evaluate(() => Boolean(navigator.serviceWorker.controller))).toBe(true);
  const devtools = await page.context().newCDPSession(page);
  const known = new Promise<string>((resolve) => {
    devtools.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      const [first] = registrations;
      if (first) resolve(first.registrationId);
    });
  });
  await devtools.send("ServiceWorker.enable");
  return [devtools, await known];
}

mocked("a push message is shown, and a later one about the same replaces it", async ({ page, mock }) => {
  await page.context().grantPermissions(["notifications"], { origin: mock.url });
  const [devtools, registrationId] = await registration(page, mock);
  const deliver = (data: string) =>
    devtools.send("ServiceWorker.deliverPushMessage", { origin: mock.url, registrationId, data });
  const shown = () =>
    page.evaluate(async () =>
      (await (await navigator.serviceWorker.ready).getNotifications()).map(({ title, body, tag, data }) => ({
        title,
        body,
        tag,
        url: data.url,
      })),
    );
  const said = { title: "May the agent use Bash?", body: "tally: Fix it", url: "/runs/7", tag: "t" };
  await deliver(JSON.stringify({ ...said, kind: "needs_you" }));
  await expect.poll(shown).toEqual([said]);
  const done = { ...said, title: "Run completed" };
  await deliver(JSON.stringify({ ...done, kind: "done" }));
  await expect.poll(shown).toEqual([done]);
  await deliver("not JSON");
  await expect
    .poll(async () => (await shown()).map(({ title }) => title).sort())
    .toEqual(["Corral", "Run completed"]);
});

mocked("a notification leads to the tab that shows it, else to a new one", async ({ page, mock }) => {
  await page.context().grantPermissions(["notifications"], { origin: mock.url });
  await registration(page, mock);
  const [worker] = page.context().serviceWorkers();
  // A click is the person's: without one the browser lets nobody open or focus windows.
  const click = (url: string) =>
    worker?.evaluate(async (at) => {
      const self = globalThis as unknown as {
        registration: ServiceWorkerRegistration;
        clients: { openWindow: (url: string) => Promise<null> };
        WindowClient: { prototype: { focus: () => Promise<unknown>; url: string } };
        dispatchEvent: (event: Event) => boolean;
      };
      const led: string[] = [];
      self.clients.openWindow = async (there) => {
        led.push(`opened ${there}`);
        return null;
      };
      self.WindowClient.prototype.focus = async function () {
        led.push(`focused ${this.url}`);
      };
      await self.registration.showNotification("x", { tag: "x", data: { url: at } });
      const [notification] = await self.registration.getNotifications({ tag: "x" });
      const event = new Event("notificationclick");
      const opened: Promise<unknown>[] = [];
      Object.assign(event, { notification, waitUntil: (work: Promise<unknown>) => opened.push(work) });
      self.dispatchEvent(event);
      await Promise.all(opened);
      return { led, left: (await self.registration.getNotifications({ tag: "x" })).length };
    }, url);
  expect(await click("/runs")).toEqual({ led: [`focused ${mock.url}/runs`], left: 0 });
  expect(await click("/runs/7")).toEqual({ led: [`opened ${mock.url}/runs/7`], left: 0 });
  expect(await click("https://evil.example/runs")).toEqual({ led: [], left: 0 });
});
