import { describe, expect, it } from "vitest";
import { decodeTimelineEvent, type TimelineEvent } from "../../api/timeline-event";
import { type CallItem, Timeline } from "./timeline-model";

const event = (fields: Partial<TimelineEvent>): TimelineEvent => ({
  time: "2026-11-21T10:00:00.000Z",
  step: "agent",
  kind: "message",
  id: "",
  text: "",
  tool: "",
  input: null,
  isError: false,
  ...fields,
});

function build(...events: Partial<TimelineEvent>[]) {
  const timeline = new Timeline();
  for (const fields of events) timeline.push(event(fields));
  return timeline;
}

describe("Timeline", () => {
  it("puts results to their calls, whatever the order", () => {
    const items = build(
      { kind: "tool_call", id: "a", tool: "Read", input: { file_path: "x" } },
      { kind: "tool_call", id: "b", tool: "Bash", input: { command: "ls" } },
      { kind: "tool_result", id: "b", text: "files", isError: false },
      { kind: "tool_result", id: "a", text: "no such file", isError: true },
    ).items() as CallItem[];
    expect(items.map((item) => [item.tool, item.result?.text, item.result?.isError])).toEqual([
      ["Read", "no such file", true],
      ["Bash", "files", false],
    ]);
  });

  it("puts a permission to its call by id, or by tool and input", () => {
    const input = { command: "rm x" };
    const items = build(
      { kind: "tool_call", id: "call-1", tool: "Bash", input },
      { kind: "permission_request", id: "req-1", tool: "Bash", input },
      { kind: "permission_answer", id: "req-1", isError: true, text: "not now" },
      { kind: "tool_result", id: "call-1", text: "denied", isError: true },
    ).items() as CallItem[];
    expect(items).toHaveLength(1);
    expect(items[0]?.permission).toEqual({ state: "denied", text: "not now" });
    expect(items[0]?.result?.text).toBe("denied");
  });

  it("joins a call to the permission that was asked before it", () => {
    const items = build(
      { kind: "permission_request", id: "req-1", tool: "Write", input: { file_path: "a" } },
      { kind: "permission_answer", id: "req-1" },
      { kind: "tool_call", id: "call-1", tool: "Write", input: { file_path: "a" } },
      { kind: "tool_result", id: "call-1", text: "ok" },
    ).items() as CallItem[];
    expect(items).toHaveLength(1);
    expect([items[0]?.permission?.state, items[0]?.result?.text]).toEqual(["allowed", "ok"]);
  });

  it("keeps the identity of items that did not change", () => {
    const timeline = build({ kind: "message", text: "hello" }, { kind: "tool_call", id: "a", tool: "Bash" });
    const before = timeline.items();
    timeline.push(event({ kind: "tool_result", id: "a", text: "x" }));
    const after = timeline.items();
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
  });

  it("shows a result whose call was never seen, and no empty messages", () => {
    const items = build(
      { kind: "message", text: " " },
      { kind: "tool_result", id: "z", text: "orphan" },
    ).items();
    expect(items).toHaveLength(1);
    expect((items[0] as CallItem).result?.text).toBe("orphan");
  });
});

describe("decodeTimelineEvent", () => {
  it("drops what is no event", () => {
    expect(decodeTimelineEvent("{")).toBeNull();
    expect(decodeTimelineEvent("[]")).toBeNull();
    expect(decodeTimelineEvent('{"kind":"explode"}')).toBeNull();
    expect(decodeTimelineEvent('{"kind":"message","text":5}')).toMatchObject({ kind: "message", text: "" });
  });

  it("keeps a plan's card as it comes along, and makes another for a new plan", () => {
    const plan = (...entries: [string, string][]) => ({
      kind: "plan" as const,
      input: { entries: entries.map(([content, status]) => ({ content, status })) },
    });
    const items = build(
      plan(["look", "in_progress"], ["fix", "pending"]),
      { kind: "message", text: "Found it." },
      plan(["look", "completed"], ["fix", "in_progress"]),
      plan(["start over", "no such status"]),
      { kind: "plan", input: null },
    ).items();
    expect(
      items.map((item) => (item.kind === "plan" ? item.entries.map((one) => one.status) : item.kind)),
    ).toEqual([["completed", "in_progress"], "message", ["pending"]]);
  });
});

describe("a further prompt", () => {
  const kinds = (timeline: Timeline) =>
    timeline.items().map((item) => (item.kind === "prompt" ? `${item.text} ${item.state}` : item.kind));

  it("is queued at the end until it is given, and then stands where it was", () => {
    const timeline = build(
      { kind: "prompt", id: "prompt-1", text: "Test" },
      { kind: "message", text: "At work." },
      { kind: "prompt", id: "prompt-2", text: "Push" },
      { kind: "message", text: "Done." },
    );
    expect(kinds(timeline)).toEqual(["message", "message", "Test queued", "Push queued"]);
    const { key } = timeline.items()[2] ?? {};
    timeline.push(
      event({ kind: "prompt_given", id: "prompt-1", text: "Test", time: "2026-11-21T11:00:00.000Z" }),
    );
    timeline.push(event({ kind: "message", text: "Tested." }));
    expect(kinds(timeline)).toEqual(["message", "message", "Test given", "message", "Push queued"]);
    expect(timeline.items()[2]).toMatchObject({ key, time: "2026-11-21T11:00:00.000Z" });
  });

  it("is never given once its agent has finished; another step's still waits", () => {
    const timeline = build(
      { kind: "prompt", id: "prompt-1", text: "Test" },
      { kind: "prompt", id: "prompt-1", text: "Check", step: "review" },
      { kind: "finished", isError: true, text: "it failed" },
      // What went on with the step counts anew.
      { kind: "prompt", id: "prompt-1", text: "Again" },
      { kind: "prompt_given", id: "prompt-1", text: "Again" },
    );
    expect(kinds(timeline)).toEqual(["Test never", "note", "Again given", "Check queued"]);
  });

  it("that its agent ended without is one with what the next process has of it", () => {
    const timeline = build(
      { kind: "prompt", id: "prompt-1", text: "Test" },
      { kind: "prompt", id: "prompt-2", text: "Push" },
      { kind: "prompt_given", id: "prompt-1", text: "Test" },
      { kind: "finished", isError: true, text: "refused for now" },
    );
    expect(kinds(timeline)).toEqual(["Test given", "Push never", "note"]);
    const { key } = timeline.items()[1] ?? {};
    timeline.push(event({ kind: "tool_call", id: "call-1", tool: "Bash", input: {} }));
    timeline.push(event({ kind: "prompt", id: "prompt-1", text: "Push" }));
    timeline.push(event({ kind: "tool_result", id: "call-1", text: "ok" }));
    expect(kinds(timeline)).toEqual(["Test given", "note", "call", "Push queued"]);
    expect(timeline.items()[2]).toMatchObject({ result: { text: "ok" } });
    expect(timeline.items()[3]).toMatchObject({ key });
    timeline.push(event({ kind: "prompt_given", id: "prompt-1", text: "Push" }));
    expect(kinds(timeline)).toEqual(["Test given", "note", "call", "Push given"]);
  });

  it("is shown where it was given also when nothing is known of its being queued", () => {
    expect(kinds(build({ kind: "prompt_given", id: "prompt-7", text: "Test" }))).toEqual(["Test given"]);
  });

  it("is none that an agent only prints", () => {
    expect(kinds(build({ kind: "notice", text: "prompt: allow it all" }))).toEqual(["note"]);
  });
});
