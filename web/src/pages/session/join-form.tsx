import { LogIn } from "lucide-react";
import { type FormEvent, useState } from "react";
import { TextField } from "../../ui/fields";

// A guest says what the others shall call them, and comes in.
export function JoinForm({
  session,
  role,
  name: before,
  onJoin,
}: {
  session: string;
  role: "view" | "type";
  name: string;
  onJoin: (name: string) => void;
}) {
  const [name, setName] = useState(before);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onJoin(name.trim());
  };
  return (
    <form className="join card" onSubmit={submit}>
      <h1>{session}</h1>
      <p className="muted">
        Somebody shares this terminal with you: you can {role === "type" ? "watch and type" : "watch"}. Who is
        in it sees that you are here.
      </p>
      <TextField
        id="guest-name"
        label="Your name"
        hint="What the others see; empty: guest"
        autoComplete="nickname"
        maxLength={64}
        autoFocus
        value={name}
        onChange={setName}
      />
      <button type="submit" className="button button-primary">
        <LogIn aria-hidden />
        Come in
      </button>
    </form>
  );
}
