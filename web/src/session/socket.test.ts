import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/problem";
import { type Channel, creditWindow, type Screen } from "./channel";
import { decodeFrame, encodeFrame, frameKind } from "./frames";
import type { Role } from "./protocol";
import { type Socket, type SocketOptions, WorkspaceSocket } from "./socket";
import { maxHeld, maxUnderWay } from "./typed";

const utf8 = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

// A connection whose other end the test plays.
class FakeSocket implements Socket {
  binaryType = "";
  readyState = 0;
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  told: Record<string, unknown>[] = [];
  inputs: { channel: number; position: number; text: string }[] = [];
  constructor(readonly url: string) {}

  send(data: string | Uint8Array<ArrayBuffer>) {
    if (this.readyState !== 1) throw new Error("not open");
    if (typeof data === "string") this.told.push(JSON.parse(data));
    else {
      const frame = decodeFrame(data.buffer);
      if (!frame || frame.kind !== frameKind.input) throw new Error("no input frame");
      this.inputs.push({ channel: frame.channel, position: frame.position, text: text(frame.bytes) });
    }
  }
  close() {
    this.readyState = 3;
  }

  // ---- the server's side ----
  greet(version = 1) {
    this.readyState = 1;
    this.onopen?.();
    this.say({ type: "hello", version, workspace: "w", time: "" });
  }
  say(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  bytes(kind: number, channel: number, position: number, bytes: Uint8Array) {
    this.onmessage?.({ data: encodeFrame({ kind, channel, position, bytes }).buffer });
  }
  attached(channel: number, typed: number, role: Role = "type") {
    const session = { id: "s", status: "running" };
    this.say({ type: "attached", channel, session, role, offset: 0, typed, columns: 80, rows: 24 });
  }
  drop() {
    this.readyState = 3;
    this.onclose?.({ code: 1006, reason: "" });
  }
  of(type: string) {
    return this.told.filter((message) => message.type === type);
  }
}

// A terminal that writes down what it is shown, and works it off when told to.
class FakeScreen implements Screen {
  shown: string[] = [];
  private waiting: (() => void)[] = [];
  snapshot(bytes: Uint8Array, done: () => void) {
    this.shown = [`snapshot ${text(bytes)}`];
    this.waiting.push(done);
  }
  output(bytes: Uint8Array, done: () => void) {
    this.shown.push(bytes.length > 40 ? `${bytes.length} bytes` : text(bytes));
    this.waiting.push(done);
  }
  resized(columns: number, rows: number) {
    this.shown.push(`${columns}x${rows}`);
  }
  workOff() {
    for (const done of this.waiting.splice(0)) done();
  }
}

let sockets: FakeSocket[];
const last = () => sockets.at(-1) as FakeSocket;

function connect(options: Partial<SocketOptions> = {}) {
  return new WorkspaceSocket({
    workspace: "w",
    viewer: "v".repeat(16),
    origin: "https://corral.example",
    connect: (url) => {
      const socket = new FakeSocket(url);
      sockets.push(socket);
      return socket;
    },
    ...options,
  });
}

function attach(connection: WorkspaceSocket, role: Role = "type"): { channel: Channel; screen: FakeScreen } {
  const screen = new FakeScreen();
  return { channel: connection.attach({ session: "s", role, scrollback: 1000, screen }), screen };
}

// A connection with one session on it, ready to be typed in.
function ready(role: Role = "type") {
  const connection = connect();
  const made = attach(connection, role);
  last().greet();
  last().attached(made.channel.number, 0, role);
  return { connection, ...made };
}

beforeEach(() => {
  sockets = [];
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("connecting", () => {
  it("says who it is, then attaches, with the address that the protocol names", () => {
    const connection = connect({ name: "Ada", share: "to/ken" });
    const { channel } = attach(connection, "own");
    expect(last().url).toBe("wss://corral.example/ws/w?share=to%2Fken");
    expect(connection.state.phase).toBe("connecting");
    last().greet();
    expect(connection.state.phase).toBe("live");
    expect(last().told[0]).toEqual({ type: "hello", version: 1, viewer: "v".repeat(16), name: "Ada" });
    expect(last().told[1]).toEqual({
      type: "attach",
      channel: channel.number,
      session: "s",
      role: "own",
      scrollback: 1000,
      credit: creditWindow,
    });
  });

  it("waits longer after each failure, and not at all when asked to go on now", () => {
    const connection = connect();
    const waits: number[] = [];
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const before = Date.now();
      last().drop();
      expect(connection.state.phase).toBe("lost");
      waits.push((connection.state.retryAt ?? 0) - before);
      vi.advanceTimersByTime(waits.at(-1) ?? 0);
      expect(sockets).toHaveLength(attempt + 2);
    }
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
    last().drop();
    connection.retryNow();
    expect(sockets).toHaveLength(10);
    last().greet();
    expect(connection.state).toMatchObject({ phase: "live", retryAt: null });
    last().drop();
    expect((connection.state.retryAt ?? 0) - Date.now()).toBe(250);
  });

  it("says why it was refused, and tries no more", async () => {
    const gone = new ApiError(404, "Not Found", "the link was revoked", "not_found", "");
    const connection = connect({ probe: () => Promise.reject(gone) });
    last().drop();
    await vi.advanceTimersByTimeAsync(0);
    expect(connection.state).toMatchObject({ phase: "refused", problem: gone });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sockets).toHaveLength(1);
  });

  it("goes on trying while the server cannot be asked either", async () => {
    const connection = connect({ probe: () => Promise.reject(new ApiError(0, "", "", "unavailable", "")) });
    last().drop();
    await vi.advanceTimersByTimeAsync(300);
    expect(sockets).toHaveLength(2);
    expect(connection.state.phase).toBe("lost");
  });

  it("refuses a version that it does not know", () => {
    const connection = connect();
    last().greet(2);
    expect(connection.state.phase).toBe("refused");
  });

  it("notices a line that died without a word, and measures one that lives", () => {
    const { connection } = ready();
    vi.advanceTimersByTime(40);
    last().say({ type: "pong", id: 1 });
    expect(connection.state.roundTripMs).toBe(40);
    vi.advanceTimersByTime(60_000);
    expect(sockets.length).toBeGreaterThan(1);
    expect(connection.state.phase).toBe("lost");
  });

  it("keeps a line on which anything is heard", () => {
    const { connection, channel } = ready();
    for (let at = 0; at < 12; at += 1) {
      vi.advanceTimersByTime(5000);
      last().bytes(frameKind.output, channel.number, at, utf8("x"));
    }
    expect(connection.state.phase).toBe("live");
    expect(sockets).toHaveLength(1);
  });

  it("ends for good when it is closed", () => {
    const { connection } = ready();
    const socket = last();
    connection.close();
    expect(socket.readyState).toBe(3);
    vi.advanceTimersByTime(60_000);
    expect(sockets).toHaveLength(1);
  });
});

describe("what is shown", () => {
  it("comes in order, with sizes between", () => {
    const { channel, screen } = ready();
    const { number } = channel;
    last().bytes(frameKind.snapshot, number, 10, utf8("\x1bcab"));
    last().bytes(frameKind.output, number, 10, utf8("cd"));
    last().say({ type: "resized", channel: number, offset: 12, columns: 100, rows: 30 });
    last().bytes(frameKind.output, number, 12, utf8("ef"));
    expect(screen.shown).toEqual(["snapshot \x1bcab", "cd", "100x30", "ef"]);
    expect(channel.state).toMatchObject({ columns: 100, rows: 30 });
  });

  it("gives credit back only for what the terminal has worked off", () => {
    const { channel, screen } = ready();
    const piece = new Uint8Array(200 << 10);
    last().bytes(frameKind.output, channel.number, 0, piece);
    last().bytes(frameKind.output, channel.number, piece.length, piece);
    expect(last().of("credit")).toEqual([]);
    screen.workOff();
    expect(last().of("credit")).toEqual([
      { type: "credit", channel: channel.number, bytes: 2 * piece.length },
    ]);
  });

  it("does not give credit for what a lost connection sent", () => {
    const { channel, screen } = ready();
    last().bytes(frameKind.output, channel.number, 0, new Uint8Array(creditWindow));
    last().drop();
    vi.advanceTimersByTime(250);
    last().greet();
    screen.workOff();
    expect(last().of("credit")).toEqual([]);
  });

  it("tells who is there, who types, how it is called and how it ended", () => {
    const { channel } = ready();
    const { number } = channel;
    const viewers = [{ viewer: "a", name: "Ada", role: "type", typing: true, you: false }];
    last().say({ type: "presence", channel: number, viewers, keyboard: "a" });
    last().say({ type: "session", channel: number, session: { id: "s", name: "build" } });
    last().say({ type: "ended", channel: number, offset: 5, exit_code: 3, reason: "killed" });
    expect(channel.state).toMatchObject({
      viewers,
      keyboard: "a",
      session: { name: "build" },
      ended: { exitCode: 3, reason: "killed" },
    });
    expect(channel.type(utf8("x"))).toBe(false);
  });

  it("passes over what it does not know", () => {
    const { connection, channel } = ready();
    last().onmessage?.({ data: "no json" });
    last().say({ type: "weather", channel: channel.number });
    last().bytes(9, channel.number, 0, utf8("x"));
    last().bytes(frameKind.output, 77, 0, utf8("x"));
    last().onmessage?.({ data: new ArrayBuffer(3) });
    expect(connection.state.phase).toBe("live");
  });
});

describe("typing", () => {
  it("numbers bytes and forgets them once they have arrived", () => {
    const { channel } = ready();
    channel.type(utf8("ä"));
    channel.type(utf8("b"));
    expect(last().inputs.map(({ position, text: typed }) => [position, typed])).toEqual([
      [0, "ä"],
      [2, "b"],
    ]);
    expect(channel.state.held).toBe(3);
    last().say({ type: "typed", channel: channel.number, position: 3 });
    expect(channel.state.held).toBe(0);
  });

  // Whatever got through before the connection broke, the session has every byte once.
  it.each([0, 1, 2, 3, 4, 5, 6])("loses and doubles nothing when %i of 6 bytes got through", (arrived) => {
    const { channel } = ready();
    channel.type(utf8("abc"));
    channel.type(utf8("def"));
    last().drop();
    expect(channel.type(utf8("gh")), "typed while the line is down").toBe(true);
    vi.advanceTimersByTime(250);
    last().greet();
    expect(last().inputs, "nothing before the server has said what it has").toEqual([]);
    last().attached(channel.number, arrived);
    const sent = last().inputs;
    expect(sent[0]?.position).toBe(arrived);
    expect("abcdef".slice(0, arrived) + sent.map((input) => input.text).join("")).toBe("abcdefgh");
    last().say({ type: "typed", channel: channel.number, position: 8 });
    expect(channel.state.held).toBe(0);
  });

  it("survives many losses in a row", () => {
    const { channel } = ready();
    let session = ""; // what the other end has
    for (let round = 0; round < 30; round += 1) {
      channel.type(utf8(`<${round}>`));
      for (const { position, text: typed } of last().inputs.splice(0)) {
        // The line breaks somewhere in the middle of what was sent.
        const got = typed.slice(0, (round * 7) % (typed.length + 1));
        if (position <= session.length) session += got.slice(session.length - position);
      }
      if (round % 3 === 0) last().say({ type: "typed", channel: channel.number, position: session.length });
      last().drop();
      vi.advanceTimersByTime(250);
      last().greet();
      last().attached(channel.number, session.length);
    }
    for (const { position, text: typed } of last().inputs) session = session.slice(0, position) + typed;
    expect(session).toBe(Array.from({ length: 30 }, (_, round) => `<${round}>`).join(""));
  });

  it("goes on after what an earlier life of the tab typed", () => {
    const connection = connect();
    const { channel } = attach(connection);
    last().greet();
    last().attached(channel.number, 40);
    channel.type(utf8("x"));
    expect(last().inputs).toMatchObject([{ position: 40, text: "x" }]);
  });

  it("keeps its place when a server that has just begun cannot say how much has arrived", () => {
    const { channel } = ready();
    channel.type(utf8("abc"));
    last().say({ type: "typed", channel: channel.number, position: 3 });
    last().drop();
    channel.type(utf8("d"));
    vi.advanceTimersByTime(250);
    last().greet();
    last().attached(channel.number, 0);
    expect(last().inputs).toMatchObject([{ position: 3, text: "d" }]);
  });

  it("fills a gap that the session sees", () => {
    const { channel } = ready();
    channel.type(utf8("abc"));
    last().say({ type: "error", channel: channel.number, code: "invalid", message: "a gap", of: "input" });
    channel.type(utf8("d"));
    expect(last().inputs, "nothing while it is not known where to go on").toHaveLength(1);
    last().say({ type: "typed", channel: channel.number, position: 1 });
    expect(last().inputs.slice(1)).toMatchObject([{ position: 1, text: "abcd" }]);
  });

  it("tries again when the process cannot be reached", () => {
    const { channel } = ready();
    channel.type(utf8("abc"));
    last().say({ type: "error", channel: channel.number, code: "unavailable", message: "", of: "input" });
    last().say({ type: "typed", channel: channel.number, position: 0, reset: true });
    expect(last().inputs).toHaveLength(1);
    vi.advanceTimersByTime(500);
    expect(last().inputs[1]).toMatchObject({ position: 0, text: "abc" });
  });

  it("drops what was refused, says so, and goes on behind it", () => {
    const { channel } = ready();
    channel.type(utf8("abc"));
    last().say({
      type: "error",
      channel: channel.number,
      code: "forbidden",
      message: "Ada types",
      of: "input",
    });
    last().say({ type: "typed", channel: channel.number, position: 3 });
    expect(channel.state).toMatchObject({ held: 0, problem: { message: "Ada types" } });
    channel.type(utf8("d"));
    expect(last().inputs.at(-1)).toMatchObject({ position: 3, text: "d" });
  });

  it("has at most 64 KiB under way and refuses more than it can keep", () => {
    const { channel } = ready();
    expect(channel.type(new Uint8Array(maxHeld))).toBe(true);
    expect(last().inputs.reduce((sum, input) => sum + input.text.length, 0)).toBe(maxUnderWay);
    expect(channel.type(utf8("x"))).toBe(false);
    last().say({ type: "typed", channel: channel.number, position: 1000 });
    expect(last().inputs.at(-1)).toMatchObject({ position: maxUnderWay });
    expect(last().inputs.at(-1)?.text).toHaveLength(1000);
    expect(channel.type(utf8("x"))).toBe(true);
  });
});

describe("roles and the keyboard", () => {
  const seat = (viewer: string, you: boolean) => ({ viewer, name: viewer, role: "type", typing: false, you });

  it("types nothing for who may only look on", () => {
    const { channel } = ready("view");
    expect(channel.mayType).toBe(false);
    expect(channel.type(utf8("x"))).toBe(false);
    expect(last().inputs).toEqual([]);
  });

  it("types only with the keyboard while somebody holds it", () => {
    const { channel } = ready();
    const viewers = [seat("me", true), seat("ada", false)];
    last().say({ type: "presence", channel: channel.number, viewers, keyboard: "ada" });
    expect(channel.type(utf8("x"))).toBe(false);
    channel.keyboard("take");
    expect(last().of("keyboard")).toEqual([{ type: "keyboard", channel: channel.number, action: "take" }]);
    last().say({ type: "presence", channel: channel.number, viewers, keyboard: "me" });
    expect(channel.type(utf8("x"))).toBe(true);
    channel.keyboard("give", "ada");
    expect(last().of("keyboard")[1]).toMatchObject({ action: "give", to: "ada" });
  });

  it("attaches anew, on a number of its own, for another role", () => {
    const { channel, screen } = ready();
    const before = channel.number;
    channel.changeRole("view");
    expect(last().of("detach")).toEqual([{ type: "detach", channel: before }]);
    expect(last().of("attach").at(-1)).toMatchObject({ channel: channel.number, role: "view" });
    expect(channel.number).not.toBe(before);
    last().bytes(frameKind.output, before, 0, utf8("late"));
    expect(screen.shown).not.toContain("late");
  });

  it("stays away once it was sent away, but asks again when the server stumbled", () => {
    const { channel } = ready();
    const { number } = channel;
    last().say({ type: "detached", channel: number, code: "internal", message: "a disk" });
    expect(channel.state).toMatchObject({ phase: "waiting", problem: { message: "a disk" } });
    vi.advanceTimersByTime(1000);
    expect(last().of("attach")).toHaveLength(2);
    last().attached(number, 0);
    expect(channel.state).toMatchObject({ phase: "attached", problem: null });
    last().say({ type: "detached", channel: number, code: "forbidden", message: "revoked" });
    vi.advanceTimersByTime(5000);
    expect(last().of("attach")).toHaveLength(2);
    expect(channel.state).toMatchObject({ phase: "refused", problem: { message: "revoked" } });
  });
});
