// The connection to a workspace: any number of its sessions, each on a channel (docs/websocket.md). When it is lost it comes
// back by itself, attaches every channel again and sends what was typed and has not arrived. Knows nothing of React.
import { ApiError } from "../api/problem";
import { Channel, type ChannelOptions } from "./channel";
import { decodeFrame, encodeFrame, frameKind } from "./frames";
import { parseMessage } from "./protocol";

// What is used of a browser's WebSocket.
export interface Socket {
  binaryType: string;
  readonly readyState: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

export interface ConnectionState {
  phase: "connecting" | "live" | "lost" | "refused";
  retryAt: number | null; // when the next attempt is made, while lost
  problem: ApiError | null; // why it was refused
  roundTripMs: number | null;
}

export interface SocketOptions {
  workspace: string;
  viewer: string;
  name?: string; // what others see; empty: the user's
  share?: string; // a share link's token
  // Asks the API whether the session may be seen, when a connection could not be made: a WebSocket does not tell why.
  probe?: () => Promise<unknown>;
  origin?: string;
  connect?: (url: string) => Socket;
}

const firstRetryMs = 250;
const longestRetryMs = 8000;
const pingEveryMs = 10_000;
const pongWithinMs = 15_000;
const openWithinMs = 15_000;
const open = 1; // WebSocket.OPEN

const browserSocket = (url: string): Socket => new WebSocket(url, ["corral.v1"]) as Socket;

export class WorkspaceSocket {
  private current: ConnectionState = { phase: "connecting", retryAt: null, problem: null, roundTripMs: null };
  private readonly listeners = new Set<() => void>();
  private readonly channels = new Map<number, Channel>();
  private readonly url: string;
  private socket: Socket | null = null;
  private greeted = false;
  private closed = false;
  private failures = 0;
  private nextChannel = 1;
  private timer: ReturnType<typeof setTimeout> | undefined; // of the next attempt, or of this one's end
  private pinger: ReturnType<typeof setInterval> | undefined;
  private ping: { id: number; at: number } | null = null;
  private pings = 0;
  private heardAt = 0;

  constructor(private readonly options: SocketOptions) {
    const origin = (options.origin ?? window.location.origin).replace(/^http/, "ws");
    const query = options.share ? `?share=${encodeURIComponent(options.share)}` : "";
    this.url = `${origin}/ws/${encodeURIComponent(options.workspace)}${query}`;
    globalThis.addEventListener?.("online", this.online);
    this.open();
  }

  get state(): ConnectionState {
    return this.current;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  attach(options: ChannelOptions): Channel {
    const channel = new Channel(this.nextChannel, this, options);
    this.nextChannel += 1;
    this.channels.set(channel.number, channel);
    if (this.greeted) channel.attach();
    return channel;
  }

  detach(channel: Channel) {
    if (!this.channels.delete(channel.number)) return;
    channel.close();
  }

  close() {
    this.closed = true;
    globalThis.removeEventListener?.("online", this.online);
    for (const channel of this.channels.values()) channel.close();
    this.channels.clear();
    this.forget(1000);
    this.listeners.clear();
  }

  // Does not wait for the next attempt.
  retryNow() {
    if (this.current.phase !== "lost" && this.current.phase !== "refused") return;
    clearTimeout(this.timer);
    this.open();
  }

  // ---- for channels ----

  tell(message: object): boolean {
    if (!this.greeted || this.socket?.readyState !== open) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  sendInput(channel: number, position: number, bytes: Uint8Array): boolean {
    if (!this.greeted || this.socket?.readyState !== open) return false;
    this.socket.send(encodeFrame({ kind: frameKind.input, channel, position, bytes }));
    return true;
  }

  renumber(channel: Channel) {
    this.channels.delete(channel.number);
    channel.number = this.nextChannel;
    this.nextChannel += 1;
    this.channels.set(channel.number, channel);
  }

  // ---- the connection ----

  private readonly online = () => this.retryNow();

  private open() {
    this.set({ phase: this.failures === 0 ? "connecting" : "lost", retryAt: null, problem: null });
    const socket = (this.options.connect ?? browserSocket)(this.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.greeted = false;
    this.heardAt = Date.now();
    socket.onopen = () => {
      const { viewer, name = "" } = this.options;
      socket.send(JSON.stringify({ type: "hello", version: 1, viewer, name }));
    };
    socket.onmessage = ({ data }) => {
      if (this.socket !== socket) return;
      this.heardAt = Date.now();
      if (typeof data === "string") this.text(data);
      else if (data instanceof ArrayBuffer) this.binary(data);
    };
    socket.onclose = () => {
      if (this.socket === socket) void this.lost();
    };
    // A connection that is never made, or greets nobody, is lost as well.
    this.timer = setTimeout(() => void this.lost(), openWithinMs);
  }

  private forget(code?: number) {
    clearTimeout(this.timer);
    clearInterval(this.pinger);
    const { socket } = this;
    this.socket = null;
    this.greeted = false;
    this.ping = null;
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close(code);
  }

  private async lost() {
    const { greeted } = this;
    this.forget();
    for (const channel of this.channels.values()) channel.lost();
    this.failures += 1;
    const wait = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(this.failures - 1, 10));
    this.set({ phase: "lost", retryAt: Date.now() + wait, roundTripMs: null });
    this.timer = setTimeout(() => this.open(), wait);
    if (greeted || !this.options.probe) return;
    try {
      await this.options.probe();
    } catch (cause) {
      if (this.closed || this.greeted) return;
      const refused = cause instanceof ApiError && cause.status >= 400 && cause.status < 500;
      if (!refused || cause.status === 429) return;
      this.forget();
      this.set({ phase: "refused", retryAt: null, problem: cause });
    }
  }

  private text(data: string) {
    const message = parseMessage(data);
    if (!message) return;
    if (message.type === "hello") {
      if (message.version === 1) this.begin();
      else this.refuse(`The server speaks version ${message.version} of the protocol: load the page again.`);
    } else if (message.type === "pong") {
      if (this.ping?.id !== message.id) return;
      this.set({ roundTripMs: Date.now() - this.ping.at });
      this.ping = null;
    } else if (message.channel !== undefined) {
      this.channels.get(message.channel)?.message(message);
    }
  }

  private binary(data: ArrayBuffer) {
    const frame = decodeFrame(data);
    if (!frame || (frame.kind !== frameKind.output && frame.kind !== frameKind.snapshot)) return;
    this.channels.get(frame.channel)?.bytes(frame.kind === frameKind.snapshot, frame.bytes);
  }

  private begin() {
    clearTimeout(this.timer);
    this.greeted = true;
    this.failures = 0;
    this.set({ phase: "live", retryAt: null, problem: null });
    for (const channel of this.channels.values()) channel.attach();
    this.sendPing();
    this.pinger = setInterval(() => this.watch(), pingEveryMs);
  }

  private refuse(detail: string) {
    this.forget();
    this.set({
      phase: "refused",
      problem: new ApiError(0, "The page is too old", detail, "unsupported", ""),
    });
  }

  // The server's own pings are hidden from a page: this one notices a line that died without a word.
  private watch() {
    const now = Date.now();
    if (this.ping && now - this.ping.at < pongWithinMs) return;
    if (this.ping && now - this.heardAt >= pongWithinMs) void this.lost();
    else this.sendPing();
  }

  private sendPing() {
    this.pings += 1;
    this.ping = { id: this.pings, at: Date.now() };
    this.tell({ type: "ping", id: this.ping.id });
  }

  private set(changes: Partial<ConnectionState>) {
    this.current = { ...this.current, ...changes };
    for (const listener of this.listeners) listener();
  }
}
