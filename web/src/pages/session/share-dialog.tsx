import { Link2, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { api } from "../../api/client";
import { type ApiError, toApiError } from "../../api/problem";
import type { Session, ShareRole } from "../../api/types";
import { formatIn, formatTime } from "../../base/format";
import { useNow } from "../../base/use-now";
import { useResource } from "../../base/use-resource";
import { CopyButton } from "../../ui/copy-button";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { ProblemNotice } from "../../ui/problem-notice";
import { Segments } from "../../ui/segments";

type Share = NonNullable<Session["shares"]>[number];

const roles = [
  ["view", "Watch"],
  ["type", "Watch and type"],
] as const;
const expiries = [
  [3600, "1 hour"],
  [8 * 3600, "8 hours"],
  [86_400, "1 day"],
  [7 * 86_400, "1 week"],
  [30 * 86_400, "30 days"],
] as const;

function ShareRow({ share, onRevoke }: { share: Share; onRevoke: () => void }) {
  const now = useNow(15_000);
  const over = Date.parse(share.expires_at) <= now;
  return (
    <li className="share-row" data-share={share.id}>
      <span className="chip">{share.role === "type" ? "Watch and type" : "Watch"}</span>
      <span className="small">
        {over ? "has run out" : "runs out "}
        {over ? null : (
          <time dateTime={share.expires_at} title={formatTime(share.expires_at)}>
            {formatIn(share.expires_at, now)}
          </time>
        )}
      </span>
      <code className="muted">{share.id.slice(-8)}</code>
      <button type="button" className="button button-small button-danger" onClick={onRevoke}>
        Revoke<span className="visually-hidden"> link {share.id.slice(-8)}</span>
      </button>
    </li>
  );
}

// Makes links that let somebody in who has no account, shows each once, and revokes them.
export function ShareDialog({ session, onClose }: { session: string; onClose: () => void }) {
  const {
    data,
    error: loadError,
    refresh,
  } = useResource(`shares ${session}`, (signal) => api.session(session, signal));
  const [role, setRole] = useState<ShareRole>("view");
  const [expiry, setExpiry] = useState<number>(expiries[0][0]);
  const [link, setLink] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const act = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setError(null);
    try {
      await work();
    } catch (cause) {
      setError(toApiError(cause));
    }
    setBusy(false);
    refresh();
  };
  const make = () =>
    act(async () => {
      const made = await api.shareSession(session, role, expiry);
      setLink(new URL(made.path, window.location.origin).href);
    });
  const shares = data?.shares ?? [];
  const problem = error ?? loadError;
  return (
    <Dialog title="Share this session" onClose={onClose} wide>
      <div className="share-form">
        <Segments
          legend="Who has the link may"
          name="share-role"
          options={roles}
          value={role}
          onChange={setRole}
        />
        <Field id="share-expiry" label="Works for">
          {(aria) => (
            <select
              {...aria}
              className="input"
              value={expiry}
              onChange={(event) => setExpiry(Number(event.target.value))}
            >
              {expiries.map(([seconds, label]) => (
                <option key={seconds} value={seconds}>
                  {label}
                </option>
              ))}
            </select>
          )}
        </Field>
        <button type="button" className="button button-primary" disabled={busy} onClick={() => void make()}>
          <Link2 aria-hidden />
          Make a link
        </button>
      </div>
      {role === "type" ? (
        <p className="notice notice-warning">
          <TriangleAlert aria-hidden />
          <span>Whoever has this link can run commands in the session's workspace.</span>
        </p>
      ) : null}
      {problem ? <ProblemNotice error={problem} /> : null}
      {link ? (
        <div className="share-link">
          <label htmlFor="share-link" className="field-label">
            The link. It is shown this once: copy it now.
          </label>
          <div>
            <input
              id="share-link"
              className="input mono-input"
              readOnly
              value={link}
              onFocus={(event) => event.target.select()}
            />
            <CopyButton text={link} label="Copy the link" />
          </div>
        </div>
      ) : null}
      <h3>Links</h3>
      {shares.length === 0 ? (
        <p className="muted small">{data ? "There are none." : "…"}</p>
      ) : (
        // biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets
        <ul role="list" className="share-list">
          {shares.map((share) => (
            <ShareRow
              key={share.id}
              share={share}
              onRevoke={() => void act(() => api.revokeShare(session, share.id))}
            />
          ))}
        </ul>
      )}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
