// The form that a workflow's declared inputs make: what a person has filled in, and the values that follow from it.
import type { WorkflowInput } from "../../api/types";

export type Declared = Record<string, WorkflowInput>;
export type Filled = Record<string, string | boolean>;

// What stands in the form at first: the defaults.
export function emptyInputs(declared: Declared): Filled {
  return Object.fromEntries(
    Object.entries(declared).map(([name, input]) => {
      const value = input.default;
      if (input.type === "boolean") return [name, value === true];
      if (value === null || value === undefined) return [name, ""];
      return [name, typeof value === "string" ? value : JSON.stringify(value)];
    }),
  );
}

function valueFrom(text: string, input: WorkflowInput): { value: unknown } | { error: string } {
  if (input.type === "string") return { value: text };
  if (input.type === "number") {
    const value = Number(text.trim().replace(",", "."));
    return Number.isFinite(value) ? { value } : { error: "Give a number" };
  }
  const example = input.type === "list" ? '["a", "b"]' : '{"key": "value"}';
  const wrong = {
    error: `Give ${input.type === "list" ? "a list" : "an object"} as JSON, such as ${example}`,
  };
  try {
    const value: unknown = JSON.parse(text);
    const list = Array.isArray(value);
    const right = input.type === "list" ? list : typeof value === "object" && value !== null && !list;
    return right ? { value } : wrong;
  } catch {
    return wrong;
  }
}

// What is left empty is not sent: the server fills in the default. The server has the last word on everything else.
export function inputsOf(
  declared: Declared,
  filled: Filled,
): { inputs: Record<string, unknown> } | { errors: Record<string, string> } {
  const inputs: Record<string, unknown> = {};
  const errors: Record<string, string> = {};
  for (const [name, input] of Object.entries(declared)) {
    const given = filled[name] ?? "";
    if (typeof given === "boolean") inputs[name] = given;
    else if (given.trim() === "") {
      const hasDefault = input.default !== null && input.default !== undefined;
      if (input.required && !hasDefault) errors[name] = "This is needed";
    } else {
      const made = valueFrom(given, input);
      if ("error" in made) errors[name] = made.error;
      else inputs[name] = made.value;
    }
  }
  return Object.keys(errors).length > 0 ? { errors } : { inputs };
}
