// One line of a run's timeline as it comes over the stream. Server-sent events have no types in OpenAPI, so what
// arrives is checked here, and anything that is not an event is dropped rather than shown wrong.

const kinds = [
  "started",
  "message",
  "thought",
  "plan",
  "prompt",
  "prompt_given",
  "tool_call",
  "tool_result",
  "permission_request",
  "permission_answer",
  "usage",
  "notice",
  "error",
  "finished",
] as const;

export type TimelineKind = (typeof kinds)[number];

export interface TimelineEvent {
  time: string;
  step: string;
  kind: TimelineKind;
  id: string;
  text: string;
  tool: string;
  input: unknown;
  isError: boolean;
}

function isKind(value: unknown): value is TimelineKind {
  return (kinds as readonly unknown[]).includes(value);
}

const asText = (value: unknown) => (typeof value === "string" ? value : "");

export function decodeTimelineEvent(data: string): TimelineEvent | null {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const fields = value as Record<string, unknown>;
  if (!isKind(fields.kind)) return null;
  return {
    time: asText(fields.time),
    step: asText(fields.step),
    kind: fields.kind,
    id: asText(fields.id),
    text: asText(fields.text),
    tool: asText(fields.tool),
    input: fields.input ?? null,
    isError: fields.is_error === true,
  };
}
