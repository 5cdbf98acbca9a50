// A recording in asciinema's asciicast format, version 2: a header and one JSON array a line.
import { problemFrom } from "../api/problem";

export interface Recording {
  columns: number;
  rows: number;
  title: string;
  events: CastEvent[];
  duration: number; // seconds
  cut: boolean; // longer than what is kept
}

export type CastEvent =
  | { at: number; kind: "output"; text: string }
  | { at: number; kind: "resize"; columns: number; rows: number };

const maxCharacters = 32 << 20; // of what was printed

function eventOf(line: string): CastEvent | null {
  const value: unknown = JSON.parse(line);
  if (!Array.isArray(value)) return null;
  const [at, kind, data] = value as unknown[];
  if (typeof at !== "number" || typeof data !== "string") return null;
  if (kind === "o") return { at, kind: "output", text: data };
  const size = kind === "r" ? /^(\d+)x(\d+)$/.exec(data) : null;
  return size ? { at, kind: "resize", columns: Number(size[1]), rows: Number(size[2]) } : null;
}

// Takes the file in any split. Throws when it is none.
export class RecordingReader {
  private buffer = "";
  private kept = 0;
  private recording: Recording | null = null;

  push(text: string) {
    this.buffer += text;
    const lines = this.buffer.split("\n");
    this.buffer = lines.pop() ?? "";
    for (const line of lines) this.line(line);
  }

  get full(): boolean {
    return this.recording?.cut ?? false;
  }

  end(): Recording {
    this.line(this.buffer);
    this.buffer = "";
    if (!this.recording) throw new Error("The recording is empty.");
    return this.recording;
  }

  private line(line: string) {
    if (line.trim() === "" || this.full) return;
    const { recording } = this;
    if (!recording) {
      const header = JSON.parse(line) as Record<string, unknown>;
      if (header.version !== 2) throw new Error("The recording is no asciicast of version 2.");
      this.recording = {
        columns: Number(header.width) || 80,
        rows: Number(header.height) || 24,
        title: typeof header.title === "string" ? header.title : "",
        events: [],
        duration: 0,
        cut: false,
      };
      return;
    }
    const event = eventOf(line);
    if (!event) return;
    if (event.kind === "output") this.kept += event.text.length;
    if (this.kept > maxCharacters) {
      recording.cut = true;
      return;
    }
    // Times never run backwards: a clock that was set back must not break seeking.
    event.at = Math.max(event.at, recording.duration);
    recording.duration = event.at;
    recording.events.push(event);
  }
}

export async function loadRecording(url: string, signal: AbortSignal): Promise<Recording> {
  const response = await fetch(url, { signal });
  if (!response.ok || !response.body)
    throw problemFrom(response.status, await response.json().catch(() => null));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const recording = new RecordingReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    recording.push(value);
    if (!recording.full) continue;
    void reader.cancel();
    break;
  }
  return recording.end();
}
