import { RefreshCw, WifiOff } from "lucide-react";
import { useEffect } from "react";
import { useTitle } from "../base/use-title";

const againMs = 4000;

// The page is there, from this device, and the server is not.
export function OfflinePage({ onRetry }: { onRetry: () => void }) {
  useTitle("Not connected");
  useEffect(() => {
    const timer = setInterval(onRetry, againMs);
    window.addEventListener("online", onRetry);
    return () => {
      clearInterval(timer);
      window.removeEventListener("online", onRetry);
    };
  }, [onRetry]);
  return (
    <div className="page page-narrow empty" role="status" data-offline>
      <WifiOff aria-hidden className="empty-icon" />
      <h1>Corral cannot be reached</h1>
      <p>
        {navigator.onLine
          ? `The server at ${window.location.host} does not answer.`
          : "This device is offline."}
      </p>
      <p className="muted">
        Nothing of your runs and sessions is kept on this device, so there is nothing to show. What runs on
        the server goes on there. This page tries again by itself.
      </p>
      <button type="button" className="button" onClick={onRetry}>
        <RefreshCw aria-hidden />
        Try now
      </button>
    </div>
  );
}
