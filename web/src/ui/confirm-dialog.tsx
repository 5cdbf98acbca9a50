import { type ReactNode, useState } from "react";
import { type ApiError, toApiError } from "../api/problem";
import { Dialog } from "./dialog";
import { ProblemNotice } from "./problem-notice";

// Asks before something is done that matters. Closes once it is done; says why when it could not be.
export function ConfirmDialog({
  title,
  action,
  keep,
  danger = false,
  onConfirm,
  onClose,
  children,
}: {
  title: string;
  action: string; // what the button does, in words
  keep: string; // what the other one says
  danger?: boolean;
  onConfirm: () => Promise<void>;
  onClose: () => void;
  children: ReactNode;
}) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const confirm = async () => {
    setBusy(true);
    setError(null);
    try {
      await onConfirm();
      onClose();
    } catch (cause) {
      setError(toApiError(cause));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      {error ? <ProblemNotice error={error} /> : null}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>
          {keep}
        </button>
        <button
          type="button"
          className={danger ? "button button-danger" : "button button-primary"}
          disabled={busy}
          onClick={() => void confirm()}
        >
          {action}
        </button>
      </div>
    </Dialog>
  );
}
