// Keeps the page's shell, so that an installed Corral opens and says what is the matter when the server cannot be reached.
// Nothing of the API is kept, nor even looked at: runs, logs and sessions stay on the server.
// And shows what the server tells this device while the page is closed.
// The build fills in the two constants and writes this as /sw.js.
const cacheName = `corral-shell-${"@version"}`;
const shell = ["@shell"];

self.addEventListener("install", (event) => {
  const keep = async () => {
    const cache = await caches.open(cacheName);
    await cache.addAll(shell.map((path) => new Request(path, { cache: "no-cache" })));
    await self.skipWaiting(); // pages come from the network first: an old one is not mixed with a new one
  };
  event.waitUntil(keep());
});

self.addEventListener("activate", (event) => {
  const tidy = async () => {
    for (const name of await caches.keys()) if (name !== cacheName) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(tidy());
});

// The network's answer; the kept one when there is none.
async function networkFirst(request, path) {
  try {
    return await fetch(request);
  } catch (cause) {
    const kept = await caches.match(path, { cacheName });
    if (kept) return kept;
    throw cause;
  }
}

async function cacheFirst(request, path) {
  return (await caches.match(path, { cacheName })) ?? fetch(request);
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  // Any address of the page is the same document; what the API and the probes say is not the page's.
  const page = request.mode === "navigate" && !/^\/(api|ws|metrics|healthz|readyz)(\/|$)/.test(pathname);
  if (page) event.respondWith(networkFirst(request, "/"));
  else if (pathname.startsWith("/assets/") && shell.includes(pathname))
    event.respondWith(cacheFirst(request, pathname)); // named after their content: they never change
  else if (pathname !== "/" && shell.includes(pathname)) event.respondWith(networkFirst(request, pathname));
});

// A push message: what waits for somebody, or what has ended. A later one about the same replaces it.
self.addEventListener("push", (event) => {
  let said = {};
  try {
    said = event.data?.json() ?? {};
  } catch {
    // Something must be shown all the same: browsers insist.
  }
  const { title = "Corral", body = "", url = "/", tag = "corral", kind } = said;
  event.waitUntil(
    self.registration.showNotification(title, {
      body,
      tag,
      renotify: true,
      requireInteraction: kind === "needs_you",
      icon: "/icon-192.png",
      data: { url },
    }),
  );
});

// The tab that shows it, or a new one: others are not taken away from what they show.
async function open(path) {
  const { href, origin, pathname } = new URL(path, self.location.origin);
  if (origin !== self.location.origin) return;
  const tabs = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const shown = tabs.find((tab) => new URL(tab.url).pathname === pathname);
  await (shown ? shown.focus() : self.clients.openWindow(href));
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.url ?? "/"));
});
