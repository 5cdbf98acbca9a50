import { describe, expect, it } from "vitest";
import type { ApiError } from "./problem";
import { EventStream, type ServerEvent, SseParser, type StreamState } from "./sse";

describe("SseParser", () => {
  const stream =
    ': hi\r\nevent: log\r\ndata: "a"\r\nid: 3\r\n\r\ndata: one\ndata: two\n\nid: 9\n\ndata:x\r\r';

  it("gives the same events however the stream is cut", () => {
    const whole = new SseParser().push(`${stream}\n`);
    expect(whole).toEqual([
      { event: "log", data: '"a"', id: "3" },
      { event: "message", data: "one\ntwo", id: "3" },
      { event: "message", data: "x", id: "9" },
    ]);
    for (let size = 1; size < 8; size += 1) {
      const parser = new SseParser();
      const events: ServerEvent[] = [];
      for (let at = 0; at < stream.length + 1; at += size)
        events.push(...parser.push(`${stream}\n`.slice(at, at + size)));
      expect(events).toEqual(whole);
    }
  });
});

function body(...chunks: string[]): Response {
  const encoder = new TextEncoder();
  return new Response(
    new ReadableStream({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(encoder.encode(chunk));
        controller.close();
      },
    }),
    { status: 200, headers: { "Content-Type": "text/event-stream" } },
  );
}

function follow(answers: (() => Response | Promise<Response>)[], silenceMs = 5000) {
  const requests: (string | null)[] = [];
  const events: string[] = [];
  const states: StreamState[] = [];
  const waits: number[] = [];
  let last: ApiError | null = null;
  const done = new Promise<void>((resolve) => {
    const stream = new EventStream({
      url: "/log?offset=0",
      silenceMs,
      fetch: async (_url, init) => {
        requests.push(new Headers(init?.headers).get("Last-Event-ID"));
        const answer = answers.shift();
        if (answer) return answer();
        stream.close();
        resolve();
        throw new TypeError("no more");
      },
      delay: async (ms) => {
        waits.push(ms);
      },
      onEvents: (batch) => events.push(...batch.map((event) => event.data)),
      onState: (state, error) => {
        states.push(state);
        last = error ?? last;
        if (state === "ended" || state === "refused") resolve();
      },
    });
  });
  return { done, requests, events, states, waits, error: () => last };
}

describe("EventStream", () => {
  it("comes back after the last id it saw, without gap or repeat, until the end", async () => {
    const run = follow([
      () => body("id: 5\ndata: a\n\n", "id: 7\ndata: b\n\nid: 9\ndata: half"),
      () => Promise.reject(new TypeError("connection refused")),
      () => body("id: 9\ndata: c\n\nevent: end\ndata: {}\n\nid: 99\ndata: never\n\n"),
    ]);
    await run.done;
    expect(run.events).toEqual(["a", "b", "c"]);
    expect(run.requests).toEqual([null, "7", "7"]);
    expect(run.states).toEqual(["connecting", "live", "lost", "lost", "live", "ended"]);
  });

  it("waits longer after each failure and starts over once something has come", async () => {
    const down = () => Promise.reject(new TypeError("refused"));
    const run = follow([down, down, down, down, down, down, () => body("data: x\n\n"), down]);
    await run.done;
    expect(run.waits).toEqual([500, 1000, 2000, 4000, 8000, 8000, 500, 1000]);
  });

  it("takes a connection that fell silent for lost", async () => {
    const silent = () =>
      new Response(
        new ReadableStream({ start: (c) => c.enqueue(new TextEncoder().encode("id: 4\ndata: a\n\n")) }),
      );
    const run = follow([silent, () => body("id: 5\ndata: b\n\nevent: end\ndata: {}\n\n")], 30);
    await run.done;
    expect(run.events).toEqual(["a", "b"]);
    expect(run.requests).toEqual([null, "4"]);
    expect(run.states).toEqual(["connecting", "live", "lost", "live", "ended"]);
  });

  it("gives up on what will not change, with the server's words", async () => {
    const run = follow([
      () => new Response(JSON.stringify({ title: "Not Found", detail: "no run x" }), { status: 404 }),
    ]);
    await run.done;
    expect(run.states).toEqual(["connecting", "refused"]);
    expect(run.error()?.detail).toBe("no run x");
  });

  it("goes on trying while the server is overloaded or restarting", async () => {
    const run = follow([
      () => new Response("", { status: 503 }),
      () => new Response("", { status: 429 }),
      () => body("event: end\ndata: {}\n\n"),
    ]);
    await run.done;
    expect(run.states).toEqual(["connecting", "lost", "lost", "live", "ended"]);
  });
});
