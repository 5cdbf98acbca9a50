let installed: Promise<ServiceWorkerRegistration | null> = Promise.resolve(null);

// Makes the page one that can be installed, and told while it is closed. Only of a build: the dev server's files are not
// named after their content.
export function installWorker() {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const loaded = new Promise<void>((resolve) => {
    if (document.readyState === "complete") resolve();
    else window.addEventListener("load", () => resolve(), { once: true });
  });
  installed = loaded
    .then(() => navigator.serviceWorker.register("/sw.js"))
    .then(() => navigator.serviceWorker.ready)
    // Without it (private windows, http without localhost) the page is the same, only not there when the server is not.
    .catch(() => null);
}

// The page's service worker, once it is there; null: it has none.
export const worker = () => installed;
