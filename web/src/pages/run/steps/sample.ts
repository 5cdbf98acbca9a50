// Steps and events for the tests of this folder, in the API's shape.
import { blankStep } from "../../../api/blank-step";
import type { RunEvent, Step } from "../../../api/types";

export const step = (name: string, fields: Partial<Step> = {}): Step =>
  blankStep({ name, kind: "command", ...fields });

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
