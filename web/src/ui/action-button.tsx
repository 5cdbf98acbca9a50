import type { LucideIcon } from "lucide-react";
import { useState } from "react";
import { type ApiError, toApiError } from "../api/problem";

// A button that asks the server for something, and says beside it why it was not done.
export function ActionButton({
  icon: Icon,
  label,
  title,
  className = "button",
  onAct,
}: {
  icon: LucideIcon;
  label: string;
  title: string;
  className?: string;
  onAct: () => Promise<void>;
}) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const act = async () => {
    setBusy(true);
    setError(null);
    try {
      await onAct();
    } catch (cause) {
      setError(toApiError(cause));
    }
    setBusy(false);
  };
  return (
    <>
      {error ? (
        <span className="field-error" role="alert">
          {error.message}
        </span>
      ) : null}
      <button type="button" className={className} disabled={busy} title={title} onClick={() => void act()}>
        <Icon aria-hidden />
        {label}
      </button>
    </>
  );
}
