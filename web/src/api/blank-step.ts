import type { Step } from "./types";

// A step that has not begun.
export const blankStep = (step: Pick<Step, "name" | "kind"> & Partial<Step>): Step => ({
  status: "pending",
  attempt: 0,
  needs: [],
  finally: false,
  matrix_of: null,
  matrix: {},
  reason: null,
  wakes_at: null,
  summary: null,
  outputs: {},
  started_at: null,
  finished_at: null,
  error: null,
  ...step,
});
