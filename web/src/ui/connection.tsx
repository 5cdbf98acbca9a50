import { WifiOff } from "lucide-react";
import type { StreamState } from "../api/sse";
import "./connection.css";

// Says honestly that what is shown may be old. Always there for screen readers, so that its text is announced.
export function ConnectionNotice({ states }: { states: StreamState[] }) {
  const lost = states.includes("lost");
  return (
    <div className="connection" role="status" aria-live="polite">
      {lost ? (
        <span>
          <WifiOff aria-hidden />
          Connection lost. Trying again… what you see may be old.
        </span>
      ) : null}
    </div>
  );
}
