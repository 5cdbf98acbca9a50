import type { TimelineEvent } from "../../api/timeline-event";

// What the timeline shows: the agent's events with results and permissions put to the calls they belong to.

export interface CallResult {
  text: string;
  isError: boolean;
  time: string;
}

export interface CallPermission {
  state: "asked" | "allowed" | "denied";
  text: string; // what was asked, then what was answered
}

export interface PlanEntry {
  content: string;
  status: "pending" | "in_progress" | "completed";
}

export type TimelineItem =
  | { key: string; kind: "message" | "thought"; time: string; step: string; text: string }
  | {
      key: string;
      kind: "note";
      tone: "start" | "finish" | "notice" | "error";
      time: string;
      step: string;
      text: string;
    }
  | {
      key: string;
      kind: "prompt"; // a person's further one
      state: "queued" | "given" | "never"; // queued until the agent gets it, or has finished without
      id: string;
      time: string;
      step: string;
      text: string;
    }
  | { key: string; kind: "plan"; time: string; step: string; entries: PlanEntry[] }
  | {
      key: string;
      kind: "call";
      id: string;
      time: string;
      step: string;
      tool: string;
      input: unknown;
      result: CallResult | null;
      permission: CallPermission | null;
    };

export type CallItem = Extract<TimelineItem, { kind: "call" }>;

export type PlanItem = Extract<TimelineItem, { kind: "plan" }>;

export type PromptItem = Extract<TimelineItem, { kind: "prompt" }>;

// A list of {content, status}, from an agent or a tool's input; what is not one is left out.
export function planEntries(list: unknown): PlanEntry[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((one: unknown) => {
    const { content, status } = (one ?? {}) as { content?: unknown; status?: unknown };
    if (typeof content !== "string") return [];
    return [{ content, status: status === "completed" || status === "in_progress" ? status : "pending" }];
  });
}

const sameInput = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

// Fed in order; items() is a new array, in which every unchanged item is the same object as before. Prompts that are
// queued stand at its end, whatever comes meanwhile.
export class Timeline {
  private list: TimelineItem[] = [];
  private queue: PromptItem[] = [];
  private readonly calls = new Map<string, number>(); // id of a call or permission request → its place
  private nextKey = 0;

  items(): TimelineItem[] {
    return [...this.list, ...this.queue];
  }

  push(event: TimelineEvent) {
    const { time, step, text } = event;
    switch (event.kind) {
      case "message":
      case "thought":
        if (text.trim() !== "") this.list.push({ key: this.key(), kind: event.kind, time, step, text });
        break;
      case "tool_call":
        this.call(event);
        break;
      case "tool_result":
        this.result(event);
        break;
      case "permission_request":
        this.ask(event);
        break;
      case "permission_answer":
        this.answer(event);
        break;
      case "started":
        this.note("start", event);
        break;
      case "prompt":
        this.queued(event);
        break;
      case "prompt_given":
        this.given(event);
        break;
      case "finished":
        this.giveUp(step);
        this.note(event.isError ? "error" : "finish", event);
        break;
      case "plan":
        this.plan(event);
        break;
      case "notice":
        if (text.trim() !== "") this.note(event.isError ? "error" : "notice", event);
        break;
      case "error":
        this.note("error", event);
        break;
      case "usage":
        break;
    }
  }

  private key(): string {
    this.nextKey += 1;
    return String(this.nextKey);
  }

  private note(tone: "start" | "finish" | "notice" | "error", { time, step, text }: TimelineEvent) {
    this.list.push({ key: this.key(), kind: "note", tone, time, step, text });
  }

  // What an agent ended without, for a quota, is queued again in the process that goes on.
  private queued({ id, step, time, text }: TimelineEvent) {
    const at = this.list.findIndex(
      (item) => item.kind === "prompt" && item.state === "never" && item.step === step && item.text === text,
    );
    const [before] = at < 0 ? [] : this.list.splice(at, 1);
    if (before) for (const [call, place] of this.calls) if (place > at) this.calls.set(call, place - 1);
    this.queue.push({
      key: before?.key ?? this.key(),
      kind: "prompt",
      state: "queued",
      id,
      time,
      step,
      text,
    });
  }

  // Ids are those of one process: of a step that another went on with, the newest is meant.
  private given({ id, step, time, text }: TimelineEvent) {
    const at = this.queue.findLastIndex((item) => item.id === id && item.step === step);
    const [queued] = at < 0 ? [] : this.queue.splice(at, 1);
    const key = queued?.key ?? this.key();
    this.list.push({ key, kind: "prompt", state: "given", id, time, step, text });
  }

  private giveUp(step: string) {
    for (const item of this.queue) if (item.step === step) this.list.push({ ...item, state: "never" });
    this.queue = this.queue.filter((item) => item.step !== step);
  }

  // An agent tells all of its plan each time. As long as it is the same plan, its card says how far it is; a new plan is
  // another card.
  private plan({ time, step, input }: TimelineEvent) {
    const entries = planEntries((input as { entries?: unknown } | null)?.entries);
    if (entries.length === 0) return;
    const place = this.list.findLastIndex((item) => item.kind === "plan" && item.step === step);
    const old = this.list[place];
    const same =
      old?.kind === "plan" &&
      old.entries.length === entries.length &&
      old.entries.every(({ content }, index) => content === entries[index]?.content);
    if (same) this.list[place] = { ...old, entries };
    else this.list.push({ key: this.key(), kind: "plan", time, step, entries });
  }

  private at(id: string): { place: number; item: CallItem } | null {
    const place = this.calls.get(id);
    const item = place === undefined ? undefined : this.list[place];
    return place !== undefined && item?.kind === "call" ? { place, item } : null;
  }

  private addCall({ time, step, id, tool, input }: TimelineEvent): { place: number; item: CallItem } {
    const item: CallItem = {
      key: this.key(),
      kind: "call",
      id,
      time,
      step,
      tool,
      input,
      result: null,
      permission: null,
    };
    const place = this.list.push(item) - 1;
    this.calls.set(id, place);
    return { place, item };
  }

  // The open call that an event with an id of its own must mean.
  private openTwin(event: TimelineEvent): { place: number; item: CallItem } | null {
    for (let place = this.list.length - 1; place >= 0; place -= 1) {
      const item = this.list[place];
      if (item?.kind !== "call" || item.result || item.tool !== event.tool) continue;
      if (sameInput(item.input, event.input)) return { place, item };
    }
    return null;
  }

  private call(event: TimelineEvent) {
    // The request for permission may come before the call that it is for.
    const asked = this.at(event.id) ?? this.openTwin(event);
    if (!asked?.item.permission) {
      this.addCall(event);
      return;
    }
    this.calls.set(event.id, asked.place);
    this.list[asked.place] = { ...asked.item, id: event.id, tool: event.tool, input: event.input };
  }

  private result(event: TimelineEvent) {
    const found = this.at(event.id) ?? this.addCall(event);
    this.list[found.place] = {
      ...found.item,
      result: { text: event.text, isError: event.isError, time: event.time },
    };
  }

  private ask(event: TimelineEvent) {
    const found = this.at(event.id) ?? this.openTwin(event) ?? this.addCall(event);
    this.calls.set(event.id, found.place);
    this.list[found.place] = { ...found.item, permission: { state: "asked", text: event.text } };
  }

  private answer(event: TimelineEvent) {
    const found = this.at(event.id);
    if (!found) return;
    const state = event.isError ? "denied" : "allowed";
    this.list[found.place] = { ...found.item, permission: { state, text: event.text } };
  }
}
