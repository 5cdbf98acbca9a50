import { useRef, useState } from "react";
import { type ApiError, fieldOf, toApiError } from "../../api/problem";
import type { Project, Workflow } from "../../api/types";
import { uniqueKey } from "../../base/unique-key";
import { emptyInputs, type Filled, inputsOf } from "./inputs";
import { emptyTarget, type FormErrors, type Target, targetOf } from "./workflow-form";

export interface Request {
  workflow: string;
  prompt: string;
  project?: string;
  git_url?: string;
  inputs: Record<string, unknown>;
}

// The state of a form that starts or schedules a workflow. `send` gets what was filled in and an idempotency key that
// stays the same while the form does.
export function useStart(
  workflow: Workflow,
  reference: string, // what the server is asked to start: "name" or "name@version"
  projects: Project[],
  fields: readonly string[], // further ones that a problem may speak of
  send: (request: Request, key: string) => Promise<void>,
) {
  const [target, setTarget] = useState(() => emptyTarget(projects));
  const [filled, setFilled] = useState<Filled>(() => emptyInputs(workflow.inputs));
  const [errors, setErrors] = useState<FormErrors>({});
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const key = useRef({ of: "", key: "" });

  const submit = async () => {
    setProblem(null);
    const found: FormErrors = {};
    if (!target.project && !target.git_url.trim()) found.git_url = "Give a git URL or an absolute path";
    const made = inputsOf(workflow.inputs, filled);
    if ("errors" in made) Object.assign(found, made.errors);
    setErrors(found);
    if ("errors" in made || Object.keys(found).length > 0) return;
    const request = { workflow: reference, ...targetOf(target), inputs: made.inputs };
    const of = JSON.stringify(request);
    if (key.current.of !== of) key.current = { of, key: uniqueKey() };
    setBusy(true);
    try {
      await send(request, key.current.key);
    } catch (cause) {
      const error = toApiError(cause);
      const known = [...Object.keys(workflow.inputs), ...fields, "git_url", "project", "prompt"];
      const field = fieldOf(error, known);
      if (field) setErrors({ [field]: error.message });
      else setProblem(error);
      setBusy(false);
    }
  };
  return {
    target,
    changeTarget: (changes: Partial<Target>) => setTarget((old) => ({ ...old, ...changes })),
    filled,
    changeInputs: (changes: Filled) => setFilled((old) => ({ ...old, ...changes })),
    errors,
    problem,
    busy,
    submit,
  };
}
