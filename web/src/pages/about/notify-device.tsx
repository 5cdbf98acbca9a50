import { useEffect, useState } from "react";
import { type ApiError, toApiError } from "../../api/problem";
import { type PushState, pushState, turnPushOff, turnPushOn } from "../../base/push";
import { ProblemNotice } from "../../ui/problem-notice";

const explained: Record<PushState, string> = {
  unsupported:
    "This browser cannot be told here. It takes one with push messages, not a private window, and a page over https or on localhost. On an iPhone or iPad, add Corral to the home screen first.",
  denied:
    "Notifications of this page are blocked. Allow them in the browser's settings for this site, then load the page again.",
  off: "Be told on this device when an agent needs you and when a run is done, also while this page is closed.",
  on: "This device is told when an agent needs you and when a run of yours is done, also while this page is closed.",
};

// Whether push messages come to this device.
export function NotifyDevice() {
  const [state, setState] = useState<PushState | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    let shown = true;
    void pushState().then((now) => shown && setState(now));
    return () => {
      shown = false;
    };
  }, []);

  const turn = async (on: boolean) => {
    setBusy(true);
    setError(null);
    try {
      setState(await (on ? turnPushOn() : turnPushOff()));
    } catch (cause) {
      setError(toApiError(cause));
      setState(await pushState());
    }
    setBusy(false);
  };

  return (
    <section aria-labelledby="notify-heading">
      <h2 id="notify-heading">Notifications</h2>
      <div className="card notify-device">
        <label className="notify-switch">
          <input
            type="checkbox"
            role="switch"
            checked={state === "on"}
            aria-checked={state === "on"}
            disabled={busy || state === null || state === "unsupported" || state === "denied"}
            aria-describedby="notify-explained"
            onChange={(event) => void turn(event.target.checked)}
          />
          Notify this device
        </label>
        <p id="notify-explained" className="small muted" aria-live="polite">
          {state ? explained[state] : ""}
        </p>
        {error ? <ProblemNotice error={error} /> : null}
      </div>
    </section>
  );
}
