// The mock's sessions: terminals that all who are attached see, with the protocol of docs/websocket.md in front.
import { createHash, randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import serialize from "@xterm/addon-serialize";
import headless from "@xterm/headless";
import { WebSocketServer } from "ws";
import { Problem } from "./problem.mjs";
import { Shell } from "./shell.mjs";

const now = () => new Date().toISOString();
const ranks = ["view", "type", "own"];
const publicId = (viewer) => createHash("sha256").update(viewer).digest("hex").slice(0, 16);

class Session extends EventEmitter {
  constructor(doc, { columns = 80, rows = 24 }) {
    super();
    this.setMaxListeners(0);
    this.doc = doc;
    this.terminal = new headless.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 5000 });
    this.serializer = new serialize.SerializeAddon();
    this.terminal.loadAddon(this.serializer);
    this.output = []; // { at, bytes }, and { at, columns, rows }
    this.size = 0; // of the log
    this.typed = new Map(); // by viewer, how many bytes have arrived
    this.received = ""; // all that was typed
    this.seats = [];
    this.keyboard = "";
    this.shares = [];
    this.begun = Date.now();
    this.first = { columns, rows };
  }

  start(workspace) {
    if (this.doc.status !== "created") return;
    Object.assign(this.doc, { status: "running", workspace, started_at: now() });
    this.shell = new Shell(
      (text) => this.print(text),
      (code) => this.end(code),
    );
    this.emit("document");
  }

  print(text) {
    const bytes = Buffer.from(text);
    const at = this.size;
    this.size += bytes.length;
    this.output.push({ at: (Date.now() - this.begun) / 1000, text });
    this.terminal.write(bytes, () => this.emit("output", at, bytes));
  }

  end(code, reason = "") {
    if (this.doc.status === "ended") return;
    // Everybody first sees all that was printed.
    this.terminal.write("", () => {
      Object.assign(this.doc, {
        status: "ended",
        exit_code: code,
        end_reason: reason || null,
        log_bytes: this.size,
        ended_at: now(),
      });
      this.emit("document");
      this.emit("ended");
    });
  }

  resize(columns, rows) {
    this.terminal.write("", () => {
      this.terminal.resize(columns, rows);
      this.output.push({ at: (Date.now() - this.begun) / 1000, columns, rows });
      this.emit("resized");
    });
  }

  snapshot(scrollback) {
    return `\x1bc${this.serializer.serialize({ scrollback })}`;
  }

  view() {
    return {
      ...this.doc,
      columns: this.terminal.cols,
      rows: this.terminal.rows,
      viewers: this.seats.length,
      shares: this.shares.map(({ token, ...rest }) => rest),
    };
  }

  presence() {
    return this.seats.map(({ viewer, name, role, guest, typedAt }) => ({
      viewer: publicId(viewer),
      name,
      role,
      guest,
      typing: Date.now() - typedAt < 2000,
    }));
  }

  recording() {
    const header = { version: 2, width: this.first.columns, height: this.first.rows, title: this.doc.name };
    const lines = this.output.map(({ at, text, columns, rows }) =>
      JSON.stringify(text === undefined ? [at, "r", `${columns}x${rows}`] : [at, "o", text]),
    );
    return `${[JSON.stringify(header), ...lines].join("\n")}\n`;
  }
}

export class Sessions {
  constructor(world) {
    this.world = world;
    this.all = new Map();
    this.workspaces = new Map(); // of runs
    this.sockets = new Set();
    /** @type {null | ((session: object) => string)} what a test does when something is typed: "cut" breaks the line */
    this.onInput = null;
  }

  workspaceOf(run) {
    if (!this.workspaces.has(run)) this.workspaces.set(run, randomUUID());
    return this.workspaces.get(run);
  }

  // The workspace of a run that is there for a session alone, as its files are asked for.
  placeOf(run) {
    const own = [...this.all.values()].find(({ doc }) => doc.run === run);
    if (!own || this.world.runs.has(run)) return null;
    own.place ??= { doc: { id: run } };
    own.place.doc.status = own.doc.status === "running" ? "running" : "completed";
    return own.place;
  }

  create(request) {
    const { world } = this;
    const run = request.run ?? randomUUID();
    let project = request.run ? world.run(run).doc.project.id : "";
    if (request.project) project = world.project(request.project).id;
    if (request.git_url) project = world.addProject(request.git_url.split("/").pop(), request.git_url).id;
    const session = new Session(
      {
        id: randomUUID(),
        run,
        project,
        workspace: null,
        step: null,
        name: request.name ?? (request.agent || request.command?.[0] || "shell"),
        agent: request.agent ?? null,
        command: request.command ?? [],
        status: "created",
        stopping: false,
        author: "user:ada",
        exit_code: null,
        end_reason: null,
        log_bytes: null,
        idle_s: request.idle_s ?? 0,
        limit_s: request.limit_s ?? 0,
        created_at: now(),
        started_at: null,
        ended_at: null,
      },
      request,
    );
    this.all.set(session.doc.id, session);
    session.on("document", () => this.announce(session));
    this.announce(session);
    setTimeout(() => session.start(this.workspaceOf(run)), 600 / world.speed);
    return session;
  }

  announce(session) {
    const { world } = this;
    const { id, status } = session.doc;
    world.events.push({
      version: 1,
      type: `session.${status}`,
      time: now(),
      actor: "corral",
      data: {},
      position: world.events.length + 1,
      stream: id,
    });
    world.emit("event");
  }

  get(id) {
    const session = this.all.get(id);
    if (!session) throw new Problem(404, "not_found", `there is no session ${id}`);
    return session;
  }

  list(url) {
    const wanted = (key) => url.searchParams.get(key);
    return [...this.all.values()]
      .map(({ doc }) => doc)
      .filter((doc) => !wanted("run") || doc.run === wanted("run"))
      .filter((doc) => !wanted("status") || doc.status === wanted("status"))
      .reverse();
  }

  share(session, { role = "view", expires_s = 3600 }) {
    const share = {
      id: randomUUID().slice(0, 8),
      role,
      expires_at: new Date(Date.now() + expires_s * 1000).toISOString(),
      token: randomUUID().replaceAll("-", ""),
    };
    session.shares.push(share);
    return { ...share, path: `/s/${share.token}` };
  }

  revoke(session, id) {
    session.shares = session.shares.filter((share) => share.id !== id);
    session.emit("revoked");
  }

  shared(token) {
    for (const session of this.all.values()) {
      const share = session.shares.find((one) => one.token === token);
      if (share) return { session, role: share.role };
    }
    throw new Problem(404, "not_found", "the link does not exist, was revoked, or has run out");
  }

  // Breaks every connection as a bad line does.
  cut() {
    for (const socket of this.sockets) socket.terminate();
  }

  // ---- the WebSocket ----

  listen(server, allowed) {
    const sockets = new WebSocketServer({ noServer: true });
    server.on("upgrade", (request, stream, head) => {
      const url = new URL(request.url, "http://mock");
      const workspace = /^\/ws\/([^/]+)$/.exec(url.pathname)?.[1];
      const token = url.searchParams.get("share");
      let guest = null;
      try {
        if (token) guest = this.shared(token);
        else if (!workspace || !allowed(request)) throw new Problem(401, "unauthenticated", "log in first");
      } catch (cause) {
        stream.end(`HTTP/1.1 ${cause.status} No\r\nConnection: close\r\n\r\n`);
        return;
      }
      sockets.handleUpgrade(request, stream, head, (socket) => this.serve(socket, workspace, guest, token));
    });
  }

  serve(socket, workspace, guest, token) {
    this.sockets.add(socket);
    const tell = (message) => socket.readyState === 1 && socket.send(JSON.stringify(message));
    const channels = new Map();
    let viewer = "";
    let name = "";
    tell({ type: "hello", version: 1, workspace, time: now() });

    const complain = (channel, of, code, message) => tell({ type: "error", channel, of, code, message });
    const frame = (kind, channel, position, bytes) => {
      const header = Buffer.alloc(13);
      header.writeUInt8(kind, 0);
      header.writeUInt32BE(channel, 1);
      header.writeBigUInt64BE(BigInt(position), 5);
      if (socket.readyState === 1) socket.send(Buffer.concat([header, bytes]));
    };

    const attach = ({ channel, session: id, role = "type", scrollback = 0 }) => {
      const session = this.all.get(id);
      if (!session || session.doc.workspace !== workspace)
        return complain(channel, "attach", "not_found", `session ${id} is not in this workspace`);
      if (guest && guest.session !== session)
        return complain(channel, "attach", "forbidden", "the link opens another session");
      const most = guest ? ranks.indexOf(guest.role) : 2;
      const seat = {
        viewer,
        name,
        role: ranks[Math.min(most, ranks.indexOf(role))],
        guest: guest !== null,
        typedAt: 0,
      };
      const news = () => {
        const viewers = session.presence().map((one) => ({ ...one, you: one.viewer === publicId(viewer) }));
        tell({ type: "presence", channel, viewers, keyboard: session.keyboard });
      };
      const document = () => tell({ type: "session", channel, session: session.view() });
      const output = (at, bytes) => frame(1, channel, at, bytes);
      const resized = () => {
        const { cols: columns, rows } = session.terminal;
        tell({ type: "resized", channel, offset: session.size, columns, rows });
      };
      const ended = () => {
        if (session.doc.status !== "ended") return;
        const { exit_code, end_reason: reason } = session.doc;
        tell({ type: "ended", channel, offset: session.size, exit_code, reason });
      };
      const revoked = () => {
        if (!token || session.shares.some((share) => share.token === token)) return;
        leave();
        tell({
          type: "detached",
          channel,
          code: "forbidden",
          message: "the link was revoked, or has run out",
        });
      };
      const listeners = { news, document, output, resized, ended, revoked };
      const leave = () => {
        for (const [event, listener] of Object.entries(listeners)) session.off(event, listener);
        session.seats = session.seats.filter((other) => other !== seat);
        if (session.keyboard === publicId(viewer) && !session.seats.some((other) => other.viewer === viewer))
          session.keyboard = "";
        channels.delete(channel);
        session.emit("news");
      };
      // After all that is still on its way to the screen.
      session.terminal.write("", () => {
        const { cols: columns, rows } = session.terminal;
        const typed = session.typed.get(viewer) ?? 0;
        tell({
          type: "attached",
          channel,
          session: session.view(),
          role: seat.role,
          offset: session.size,
          typed,
          columns,
          rows,
        });
        frame(2, channel, session.size, Buffer.from(session.snapshot(scrollback)));
        for (const [event, listener] of Object.entries(listeners)) session.on(event, listener);
        session.seats.push(seat);
        channels.set(channel, { session, seat, leave });
        session.emit("news");
        ended();
      });
    };

    const input = (channel, position, bytes) => {
      const open = channels.get(channel);
      if (!open) return complain(channel, "input", "not_found", `channel ${channel} is not attached`);
      const { session, seat } = open;
      const known = session.typed.get(viewer) ?? 0;
      const refuse = (code, message) => {
        complain(channel, "input", code, message);
        tell({ type: "typed", channel, position: known, reset: true });
      };
      if (seat.role === "view") return refuse("forbidden", "you may look on, not type");
      if (session.keyboard && session.keyboard !== publicId(viewer))
        return refuse("forbidden", "somebody else has the keyboard: take it to type");
      if (session.doc.status === "ended") return refuse("conflict", "the session has ended");
      if (position > known) return refuse("invalid", `there is a gap before ${position}`);
      const fresh = bytes.subarray(known - position);
      session.typed.set(viewer, known + fresh.length);
      session.received += fresh.toString();
      const typing = Date.now() - seat.typedAt < 2000;
      seat.typedAt = Date.now();
      if (!typing) session.emit("news");
      session.shell.type(fresh.toString());
      // A test may break the line between what arrived and its acknowledgement.
      if (this.onInput?.(session) === "cut") return socket.terminate();
      tell({ type: "typed", channel, position: known + fresh.length });
    };

    const keyboard = ({ session, seat }, { action, to, channel }) => {
      const own = publicId(viewer);
      const free = session.keyboard === "" || session.keyboard === own;
      if (seat.role === "view" || (action !== "take" && !free))
        return complain(channel, "keyboard", "forbidden", "you may not");
      session.keyboard = { take: own, give: to, free: "" }[action];
      session.emit("news");
    };

    socket.on("message", (data, binary) => {
      if (binary) {
        input(data.readUInt32BE(1), Number(data.readBigUInt64BE(5)), data.subarray(13));
        return;
      }
      const message = JSON.parse(data.toString());
      const open = channels.get(message.channel);
      if (message.type === "hello") {
        viewer = message.viewer;
        name = message.name || (guest ? "guest" : "ada");
      } else if (message.type === "attach") attach(message);
      else if (message.type === "ping") tell({ type: "pong", id: message.id });
      else if (!open) return;
      else if (message.type === "detach") open.leave();
      else if (message.type === "keyboard") keyboard(open, message);
      else if (message.type === "stop") open.session.end(129, "stopped by ada");
      else if (message.type === "resize") {
        if (open.seat.role === "own") open.session.resize(message.columns, message.rows);
        else complain(message.channel, "resize", "forbidden", "your role is type: this needs own");
      } else if (message.type === "snapshot")
        frame(
          2,
          message.channel,
          open.session.size,
          Buffer.from(open.session.snapshot(message.scrollback ?? 0)),
        );
    });
    socket.on("close", () => {
      this.sockets.delete(socket);
      for (const { leave } of channels.values()) leave();
    });
  }
}

// The REST side. False: the path is of something else.
export async function sessionsApi(world, request, response, url, [noun, id, verb, name], { json, bodyOf }) {
  const { sessions } = world;
  const { method } = request;
  if (noun === "shared") {
    const { session, role } = sessions.shared(url.searchParams.get("share"));
    const { shares, ...doc } = session.view();
    json(response, 200, { session: doc, role });
    return true;
  }
  if (noun !== "sessions") return false;
  if (!id) {
    if (method === "POST") json(response, 202, sessions.create(await bodyOf(request)).doc);
    else json(response, 200, { items: sessions.list(url) });
    return true;
  }
  const session = sessions.get(id);
  if (!verb) json(response, 200, session.view());
  else if (verb === "rename") {
    session.doc.name = (await bodyOf(request)).name;
    session.emit("document");
    json(response, 200, session.view());
  } else if (verb === "stop") {
    session.doc.stopping = true;
    session.emit("document");
    setTimeout(() => session.end(129, "stopped by ada"), 300 / world.speed);
    json(response, 202, session.view());
  } else if (verb === "shares" && method === "POST") {
    json(response, 201, sessions.share(session, await bodyOf(request)));
  } else if (verb === "shares") {
    sessions.revoke(session, name);
    response.writeHead(204);
    response.end();
  } else if (verb === "recording") {
    response.writeHead(200, { "Content-Type": "application/x-asciicast" });
    response.end(session.recording());
  } else if (verb === "log") {
    response.writeHead(200, { "Content-Type": "application/octet-stream" });
    response.end(session.output.map(({ text = "" }) => text).join(""));
  } else return false;
  return true;
}
