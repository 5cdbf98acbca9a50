import type { Project, Workflow } from "../../api/types";
import { noRepository } from "../../forms/source";
import { type FormErrors, useForm } from "../../forms/use-form";
import { emptyInputs, type Filled, inputsOf } from "./inputs";
import { emptyTarget, type Target, targetOf } from "./target-fields";

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
  const { draft, change, ...form } = useForm({
    initial: () => ({ target: emptyTarget(projects), filled: emptyInputs(workflow.inputs) }),
    requestOf: ({ target, filled }): { request: Request } | { errors: FormErrors } => {
      const errors: FormErrors = {};
      if (!target.project && !target.git_url.trim()) errors.git_url = noRepository;
      const made = inputsOf(workflow.inputs, filled);
      if ("errors" in made) return { errors: { ...errors, ...made.errors } };
      if (errors.git_url) return { errors };
      return { request: { workflow: reference, ...targetOf(target), inputs: made.inputs } };
    },
    send,
    fieldsOf: () => [...Object.keys(workflow.inputs), ...fields, "git_url", "project", "prompt"],
  });
  return {
    ...form,
    ...draft,
    changeTarget: (changes: Partial<Target>) =>
      change({ target: { ...draft.target, ...changes } }, Object.keys(changes)),
    changeInputs: (changes: Filled) =>
      change({ filled: { ...draft.filled, ...changes } }, Object.keys(changes)),
  };
}

export type Start = ReturnType<typeof useStart>;
