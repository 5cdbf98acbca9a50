// Steps and events for the tests of this folder, in the API's shape.
import type { RunEvent, Step } from "../../../api/types";

export const step = (name: string, fields: Partial<Step> = {}): Step => ({
  name,
  kind: "command",
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
  ...fields,
});

const begin = Date.parse("2026-11-21T10:00:00Z");
export const second = (at: number) => begin + at * 1000;

export const events = (...list: [at: number, type: string, data?: object][]): RunEvent[] =>
  list.map(([at, type, data], index) => ({
    version: index + 1,
    type,
    time: new Date(second(at)).toISOString(),
    actor: "corral",
    data: data ?? {},
  }));
