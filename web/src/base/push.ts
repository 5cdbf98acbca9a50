// Whether this browser is told by push messages, and how it begins and ends to be. The browser has the subscription, with an
// address and keys; the server keeps a copy of it for whoever is logged in.
import { api } from "../api/client";
import { worker } from "./install";

export type PushState =
  | "unsupported" // no push messages here: the browser, its window, or http without localhost
  | "denied" // the person has blocked notifications of this page
  | "off"
  | "on";

const possible = () => window.isSecureContext && "PushManager" in window && "Notification" in window;

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const letters = atob(base64url.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
}

function sameBytes(a: ArrayBuffer | null, b: Uint8Array): boolean {
  const bytes = new Uint8Array(a ?? new ArrayBuffer(0));
  return bytes.length === b.length && bytes.every((byte, at) => byte === b[at]);
}

// What people tell their devices apart by.
function deviceName(): string {
  const agent = navigator.userAgent;
  const browser = /(Edg|Firefox|Chrome|Safari)/.exec(agent)?.[1]?.replace("Edg", "Edge") ?? "Browser";
  const system = /(Android|iPhone|iPad|Windows|Mac OS|Linux)/.exec(agent)?.[1];
  return system ? `${browser} on ${system}` : browser;
}

async function manager(): Promise<PushManager | null> {
  return possible() ? ((await worker())?.pushManager ?? null) : null;
}

export async function pushState(): Promise<PushState> {
  const push = await manager();
  if (!push) return "unsupported";
  if (Notification.permission === "denied") return "denied";
  return Notification.permission === "granted" && (await push.getSubscription()) ? "on" : "off";
}

// Subscribes the browser to this server's key, and tells the server. A subscription to another key is of no use to it.
async function subscribe(push: PushManager) {
  const applicationServerKey = bytesOf((await api.pushKey()).public_key);
  const old = await push.getSubscription();
  const good = old && sameBytes(old.options.applicationServerKey, applicationServerKey);
  if (old && !good) await old.unsubscribe();
  const subscription = good ? old : await push.subscribe({ userVisibleOnly: true, applicationServerKey });
  const { endpoint = "", keys = {} } = subscription.toJSON();
  const { p256dh = "", auth = "" } = keys;
  await api.addPushSubscription({ endpoint, keys: { p256dh, auth }, name: deviceName() });
}

// Asks the person first: to be called on a click.
export async function turnPushOn(): Promise<PushState> {
  const push = await manager();
  if (!push) return "unsupported";
  if ((await Notification.requestPermission()) === "granted") await subscribe(push);
  return pushState();
}

export async function turnPushOff(): Promise<PushState> {
  const subscription = await (await manager())?.getSubscription();
  if (subscription) {
    const { items } = await api.pushSubscriptions();
    const kept = items.find(({ endpoint }) => endpoint === subscription.endpoint);
    if (kept) await api.removePushSubscription(kept.id);
    await subscription.unsubscribe();
  }
  return pushState();
}

// A browser that is told says so again whenever the page opens: it may have got another address, the server another key, and
// somebody else may have logged in. It works or not: the switch shows what is so.
export async function renewPush() {
  try {
    const push = await manager();
    if (push && (await pushState()) === "on") await subscribe(push);
  } catch {
    // The next opening tries again.
  }
}
