import { type FormEvent, useState } from "react";
import { api } from "../../api/client";
import { type ApiError, toApiError } from "../../api/problem";
import type { Session } from "../../api/types";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";

export function RenameDialog({
  session,
  onClose,
  onRenamed,
}: {
  session: Session;
  onClose: () => void;
  onRenamed: (session: Session) => void;
}) {
  const [name, setName] = useState(session.name);
  const [error, setError] = useState<ApiError | null>(null);
  const rename = async (event: FormEvent) => {
    event.preventDefault();
    try {
      onRenamed(await api.renameSession(session.id, name.trim()));
      onClose();
    } catch (cause) {
      setError(toApiError(cause));
    }
  };
  return (
    <Dialog title="Rename the session" onClose={onClose}>
      <form className="session-form" onSubmit={(event) => void rename(event)}>
        <Field id="session-name" label="Name" error={error?.message}>
          {(aria) => (
            <input
              {...aria}
              className="input"
              maxLength={100}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>
            Keep the name
          </button>
          <button type="submit" className="button button-primary" disabled={name.trim() === ""}>
            Rename
          </button>
        </div>
      </form>
    </Dialog>
  );
}
