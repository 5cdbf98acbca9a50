import { useRef, useState } from "react";
import { type ApiError, fieldOf, toApiError } from "../api/problem";
import { uniqueKey } from "../base/unique-key";

export type FormErrors = Partial<Record<string, string>>;

export interface FormOptions<D extends object, R> {
  initial: () => D;
  // The request that a draft makes, or what is wrong with it.
  requestOf: (draft: D) => { request: R } | { errors: FormErrors };
  // The key is for Idempotency-Key: it stays the same while the draft does, so that pressing twice makes one thing.
  send: (request: R, key: string, draft: D) => Promise<void>;
  // That the server's problem may speak of, in this draft.
  fieldsOf: (draft: D) => readonly string[];
  onErrors?: (errors: FormErrors) => void;
}

// The state of a form that makes something: what was filled in, what is wrong with it, and whether it is under way.
export function useForm<D extends object, R>({
  initial,
  requestOf,
  send,
  fieldsOf,
  onErrors,
}: FormOptions<D, R>) {
  const [draft, setDraft] = useState(initial);
  const [errors, setErrors] = useState<FormErrors>({});
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const key = useRef({ of: draft, key: uniqueKey() });

  const change = (changes: Partial<D>, fields: string[] = Object.keys(changes)) => {
    setDraft((old) => ({ ...old, ...changes }));
    setErrors((old) => Object.fromEntries(Object.entries(old).filter(([name]) => !fields.includes(name))));
  };
  const showErrors = (found: FormErrors) => {
    setErrors(found);
    onErrors?.(found);
  };
  const submit = async () => {
    if (busy) return;
    setProblem(null);
    setErrors({});
    const made = requestOf(draft);
    if ("errors" in made) {
      showErrors(made.errors);
      return;
    }
    if (key.current.of !== draft) key.current = { of: draft, key: uniqueKey() };
    setBusy(true);
    try {
      await send(made.request, key.current.key, draft);
    } catch (cause) {
      const error = toApiError(cause);
      const field = fieldOf(error, fieldsOf(draft));
      if (field) showErrors({ [field]: error.message });
      else setProblem(error);
      setBusy(false);
    }
  };
  return { draft, change, errors, problem, busy, submit };
}
