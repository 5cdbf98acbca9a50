// One session on a workspace's connection: what it prints, what is typed, who looks on.
import type { Session } from "../api/types";
import type { Role, ServerMessage, Viewer } from "./protocol";
import { TypedStream } from "./typed";

export const creditWindow = 1 << 20; // bytes that may be on their way to the terminal
const creditStep = creditWindow / 4; // given back in pieces of this size
const retryRefusedMs = 500; // input that the process could not take yet

// Where what the session prints goes, in order. `done` is called once it has been worked off.
export interface Screen {
  snapshot(bytes: Uint8Array, done: () => void): void; // a reset is part of it
  output(bytes: Uint8Array, done: () => void): void;
  resized(columns: number, rows: number): void; // for what comes after it
}

export interface ChannelState {
  phase: "waiting" | "attached" | "refused"; // waiting: for the first time, or again after a lost connection
  role: Role | null;
  session: Session | null;
  columns: number;
  rows: number;
  viewers: Viewer[];
  keyboard: string; // a viewer, or empty: everyone who may type
  ended: { exitCode: number | null; reason: string } | null;
  problem: { code: string; message: string } | null; // why it was refused, or what was refused last
  held: number; // bytes typed that have not arrived
}

const initial: ChannelState = {
  phase: "waiting",
  role: null,
  session: null,
  columns: 80,
  rows: 24,
  viewers: [],
  keyboard: "",
  ended: null,
  problem: null,
  held: 0,
};

// What a channel needs of its connection. False: it is not there now.
export interface Line {
  tell(message: object): boolean;
  sendInput(channel: number, position: number, bytes: Uint8Array): boolean;
  renumber(channel: Channel): void;
}

export interface ChannelOptions {
  session: string;
  role: Role;
  scrollback: number;
  screen: Screen;
}

// Codes that asking again does not mend.
const final = ["forbidden", "not_found", "unauthenticated", "invalid", "unsupported"];

export class Channel {
  private current = initial;
  private readonly listeners = new Set<() => void>();
  private readonly typedStream = new TypedStream();
  private worked = 0; // bytes worked off and not yet given back as credit
  private epoch = 0; // of the connection: credit of an older one is void
  private refusal: string | null = null; // of the input, until `typed` says where to go on
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    public number: number,
    private readonly line: Line,
    private readonly options: ChannelOptions,
  ) {}

  get state(): ChannelState {
    return this.current;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get mayType(): boolean {
    const { phase, role, ended, keyboard, viewers } = this.current;
    if (phase === "refused" || ended || role === null || role === "view") return false;
    return keyboard === "" || viewers.some(({ viewer, you }) => you && viewer === keyboard);
  }

  // Types. False: this viewer may not now, or too much waits already; nothing of it is kept.
  type(bytes: Uint8Array): boolean {
    if (!this.mayType || !this.typedStream.add(bytes)) return false;
    this.flush();
    return true;
  }

  resize(columns: number, rows: number) {
    this.line.tell({ type: "resize", channel: this.number, columns, rows });
  }

  keyboard(action: "take" | "free"): void;
  keyboard(action: "give", to: string): void;
  keyboard(action: string, to?: string) {
    this.line.tell({ type: "keyboard", channel: this.number, action, ...(to ? { to } : {}) });
  }

  // Another role from now on: the session is attached anew, on another number, so that what is still under way on the old
  // one is not taken for the new one's.
  changeRole(role: Role) {
    this.options.role = role;
    this.line.tell({ type: "detach", channel: this.number });
    this.line.renumber(this);
    this.attach();
  }

  dismissProblem() {
    if (this.current.phase !== "refused") this.set({ problem: null });
  }

  // ---- for the connection ----

  attach() {
    const { session, role, scrollback } = this.options;
    this.epoch += 1;
    this.worked = 0;
    this.refusal = null;
    clearTimeout(this.timer);
    this.set({ phase: "waiting" });
    this.line.tell({ type: "attach", channel: this.number, session, role, scrollback, credit: creditWindow });
  }

  lost() {
    if (this.current.phase === "attached") this.set({ phase: "waiting", viewers: [] });
  }

  close() {
    clearTimeout(this.timer);
    this.line.tell({ type: "detach", channel: this.number });
    this.listeners.clear();
  }

  bytes(snapshot: boolean, bytes: Uint8Array) {
    const { epoch } = this;
    const done = () => {
      if (epoch !== this.epoch) return;
      this.worked += bytes.length;
      if (this.worked < creditStep) return;
      this.line.tell({ type: "credit", channel: this.number, bytes: this.worked });
      this.worked = 0;
    };
    if (snapshot) this.options.screen.snapshot(bytes, done);
    else this.options.screen.output(bytes, done);
  }

  message(message: ServerMessage) {
    switch (message.type) {
      case "attached": {
        const { columns, rows, session, role } = message;
        this.typedStream.resume(message.typed);
        this.options.screen.resized(columns, rows);
        this.set({ phase: "attached", problem: null, columns, rows, session, role });
        if (role === "view") this.typedStream.drop();
        this.flush();
        break;
      }
      case "typed":
        this.settle(message.position);
        break;
      case "resized": {
        const { columns, rows } = message;
        this.options.screen.resized(columns, rows);
        this.set({ columns, rows });
        break;
      }
      case "presence":
        this.set({ viewers: message.viewers, keyboard: message.keyboard });
        break;
      case "session":
        this.set({ session: message.session });
        break;
      case "ended":
        this.typedStream.drop();
        this.set({ ended: { exitCode: message.exit_code, reason: message.reason ?? "" } });
        break;
      case "detached":
        this.refused("attach", message.code, message.message);
        break;
      case "error":
        this.refused(message.of ?? "", message.code, message.message);
        break;
    }
  }

  private refused(of: string, code: string, message: string) {
    if (of === "input") {
      this.refusal = code;
      // Only a person can do something about these.
      if (code === "forbidden" || code === "conflict") this.set({ problem: { code, message } });
      return;
    }
    if (of !== "attach") {
      this.set({ problem: { code, message } });
      return;
    }
    if (final.includes(code)) {
      this.typedStream.drop();
      this.set({ phase: "refused", problem: { code, message }, viewers: [] });
      return;
    }
    this.set({ phase: "waiting", problem: { code, message } });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.attach(), 2 * retryRefusedMs);
  }

  // The session has everything before `position`; after a refusal this says where to go on.
  private settle(position: number) {
    const code = this.refusal;
    this.refusal = null;
    if (code === null) {
      this.typedStream.arrived(position);
    } else if (code === "invalid") {
      this.typedStream.restartAt(position); // a gap: all that is held, from where the session is
    } else if (code === "unavailable" || code === "deadline") {
      // The process cannot be reached, and how much it has is not known: again, a little later.
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        this.typedStream.again();
        this.flush();
      }, retryRefusedMs);
    } else {
      this.typedStream.drop();
      this.typedStream.arrived(position);
    }
    this.flush();
  }

  private flush() {
    if (this.current.phase === "attached" && this.refusal === null) {
      for (let part = this.typedStream.next(); part; part = this.typedStream.next())
        if (!this.line.sendInput(this.number, part.position, part.bytes)) break;
    }
    if (this.typedStream.held !== this.current.held) this.set({ held: this.typedStream.held });
  }

  private set(changes: Partial<ChannelState>) {
    this.current = { ...this.current, ...changes };
    if (this.typedStream.held !== this.current.held)
      this.current = { ...this.current, held: this.typedStream.held };
    for (const listener of this.listeners) listener();
  }
}
