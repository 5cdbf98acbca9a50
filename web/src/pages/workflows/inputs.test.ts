import { describe, expect, it } from "vitest";
import type { WorkflowInput } from "../../api/types";
import { emptyInputs, inputsOf } from "./inputs";

const input = (type: WorkflowInput["type"], fields: Partial<WorkflowInput> = {}): WorkflowInput => ({
  type,
  description: "",
  required: false,
  default: null,
  options: [],
  ...fields,
});

const declared = {
  env: input("string", { required: true, options: ["test", "prod"] }),
  count: input("number", { default: 3 }),
  fast: input("boolean", { default: true }),
  names: input("list", { default: ["x"] }),
  extra: input("object"),
};

describe("a workflow's inputs", () => {
  it("begin with their defaults", () => {
    expect(emptyInputs(declared)).toEqual({ env: "", count: "3", fast: true, names: '["x"]', extra: "" });
  });
  it("become values of their types; what is empty is left to the server", () => {
    const filled = { env: "prod", count: "2,5", fast: false, names: '["a", 1]', extra: " " };
    expect(inputsOf(declared, filled)).toEqual({
      inputs: { env: "prod", count: 2.5, fast: false, names: ["a", 1] },
    });
    expect(inputsOf(declared, { env: "prod" })).toEqual({ inputs: { env: "prod" } });
  });
  it("say what is wrong, each at its field", () => {
    const filled = { env: "", count: "many", fast: true, names: '{"a": 1}', extra: "[1]" };
    const made = inputsOf(declared, filled);
    expect("errors" in made && Object.keys(made.errors)).toEqual(["env", "count", "names", "extra"]);
    expect(inputsOf({ a: input("object") }, { a: "{" })).toHaveProperty("errors.a");
  });
  it("need nothing that has a default", () => {
    expect(inputsOf({ a: input("string", { required: true, default: "x" }) }, { a: "" })).toEqual({
      inputs: {},
    });
  });
});
