import { LogIn } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client";
import { type ApiError, toApiError } from "../../api/problem";
import { useTitle } from "../../base/use-title";
import { Field } from "../../ui/field";
import "./login-page.css";

export function LoginPage({ onDone }: { onDone: () => void }) {
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  useTitle("Log in");
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await api.login(token.trim());
      onDone();
    } catch (cause) {
      setError(toApiError(cause));
      setBusy(false);
    }
  };
  const wrong = error?.status === 401 || error?.status === 403;
  return (
    <main className="login">
      <form className="login-card card" onSubmit={(event) => void submit(event)}>
        <img src="/favicon.svg" alt="" width={40} height={40} />
        <h1>Corral</h1>
        <p className="muted">This server asks for its token. It was printed when the server first started.</p>
        <Field id="token" label="Token" error={wrong ? "This is not the server's token." : error?.message}>
          {(aria) => (
            <input
              {...aria}
              className="input"
              type="password"
              autoComplete="current-password"
              required
              value={token}
              onChange={(event) => setToken(event.target.value)}
            />
          )}
        </Field>
        <button type="submit" className="button button-primary" disabled={busy || token.trim() === ""}>
          <LogIn aria-hidden />
          Log in
        </button>
      </form>
    </main>
  );
}
