// Makes the page one that can be installed. Only of a build: the dev server's files are not named after their content.
export function installWorker() {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const register = () => {
    // Without it (private windows, http without localhost) the page is the same, only not there when the server is not.
    navigator.serviceWorker.register("/sw.js").catch(() => {});
  };
  if (document.readyState === "complete") register();
  else window.addEventListener("load", register, { once: true });
}
