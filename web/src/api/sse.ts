// Server-sent events (WHATWG HTML, 9.2) over fetch: unlike EventSource it sees HTTP errors, so that a login that ran
// out, a run that is gone and a server that is down can be told apart and said.
import { ApiError, problemFrom, unreachable } from "./problem";

export interface ServerEvent {
  event: string;
  data: string;
  id: string;
}

// Takes the stream in any split; each complete event comes out once.
export class SseParser {
  private buffer = "";
  private event = "";
  private data: string[] = [];
  private id = "";
  retryMs: number | null = null;

  push(text: string): ServerEvent[] {
    this.buffer += text;
    const events: ServerEvent[] = [];
    for (;;) {
      const end = this.buffer.search(/[\r\n]/);
      // A CR at the very end may be half of a CRLF.
      if (end < 0 || (this.buffer[end] === "\r" && end === this.buffer.length - 1)) return events;
      const line = this.buffer.slice(0, end);
      this.buffer = this.buffer.slice(end + (this.buffer.startsWith("\r\n", end) ? 2 : 1));
      const event = this.line(line);
      if (event) events.push(event);
    }
  }

  private line(line: string): ServerEvent | null {
    if (line === "") {
      const event = { event: this.event || "message", data: this.data.join("\n"), id: this.id };
      const complete = this.data.length > 0;
      this.event = "";
      this.data = [];
      return complete ? event : null;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return null; // a comment: the server's heartbeat
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.event = value;
    else if (field === "data") this.data.push(value);
    else if (field === "id" && !value.includes("\0")) this.id = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
    return null;
  }
}

export type StreamState = "connecting" | "live" | "lost" | "ended" | "refused";

export interface StreamOptions {
  url: string;
  onEvents: (events: ServerEvent[]) => void; // in order, in the batches they arrived in
  onState: (state: StreamState, error: ApiError | null) => void;
  lastId?: string;
  fetch?: typeof fetch;
  delay?: (ms: number, signal: AbortSignal) => Promise<void>;
  silenceMs?: number;
}

const firstRetryMs = 500;
const longestRetryMs = 8000;
// The server sends at least a comment every 15 s. A connection silent for longer is dead, even if nobody said so: a proxy
// or a sleeping laptop can leave one half open for ever.
const longestSilenceMs = 40_000;

// Resolves early when the stream is closed or the browser comes back online.
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      globalThis.removeEventListener?.("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    globalThis.addEventListener?.("online", done);
  });
}

// Reads the stream until close(), an `end` event, or an answer that will not change (4xx). Whenever the connection
// breaks it comes back by itself and goes on after the last id it saw: no gap, no repeat.
export class EventStream {
  private readonly abort = new AbortController();
  private lastIdSeen: string;
  private failures = 0;

  constructor(private readonly options: StreamOptions) {
    this.lastIdSeen = options.lastId ?? "";
    void this.run();
  }

  get lastId(): string {
    return this.lastIdSeen;
  }

  close() {
    this.abort.abort();
  }

  private report(state: StreamState, error: ApiError | null = null) {
    if (!this.abort.signal.aborted) this.options.onState(state, error);
  }

  private async run() {
    const { signal } = this.abort;
    this.report("connecting");
    while (!signal.aborted) {
      try {
        if ((await this.connect(signal)) === "ended") {
          this.report("ended");
          return;
        }
        this.report("lost", unreachable());
      } catch (cause) {
        if (signal.aborted) return;
        if (cause instanceof ApiError && cause.status >= 400 && cause.status < 500 && cause.status !== 429) {
          this.report("refused", cause);
          return;
        }
        this.report("lost", cause instanceof ApiError ? cause : unreachable());
      }
      const wait = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(this.failures, 10));
      this.failures += 1;
      await (this.options.delay ?? pause)(wait, signal);
    }
  }

  private async connect(signal: AbortSignal): Promise<"ended" | "broken"> {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (this.lastIdSeen) headers["Last-Event-ID"] = this.lastIdSeen;
    const response = await (this.options.fetch ?? fetch)(this.options.url, {
      headers,
      signal,
      cache: "no-store",
    });
    if (!response.ok || !response.body) {
      throw problemFrom(response.status, await response.json().catch(() => null));
    }
    this.report("live");
    const parser = new SseParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await this.readOrLose(reader);
      if (done || signal.aborted) return "broken";
      const events = parser.push(value);
      if (events.length === 0) continue;
      this.failures = 0;
      const end = events.findIndex((event) => event.event === "end");
      const wanted = end < 0 ? events : events.slice(0, end);
      for (const event of wanted) if (event.id) this.lastIdSeen = event.id;
      if (wanted.length > 0) this.options.onEvents(wanted);
      if (end >= 0) {
        void reader.cancel();
        return "ended";
      }
    }
  }

  private async readOrLose(
    reader: ReadableStreamDefaultReader<string>,
  ): Promise<ReadableStreamReadResult<string>> {
    const timer = setTimeout(() => void reader.cancel(), this.options.silenceMs ?? longestSilenceMs);
    try {
      return await reader.read(); // done, when cancelled
    } finally {
      clearTimeout(timer);
    }
  }
}
