// What a web terminal is made of in Node: one node-pty whose output goes to every ws connection.
//   node pty_server.mjs FOLDER-WITH-NODE_MODULES COMMAND [ARGUMENT…]      prints "listening on PORT"
import { createRequire } from "node:module";
const require = createRequire(process.argv[2] + "/");
const { WebSocketServer } = require("ws");
const pty = require("node-pty");

const [program, ...rest] = process.argv.slice(3);
const terminal = pty.spawn(program, rest, { cols: 80, rows: 24, encoding: null });
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
terminal.onData((bytes) => {
  for (const client of server.clients) if (client.readyState === 1) client.send(bytes);
});
server.on("connection", (socket) => socket.on("message", (bytes) => terminal.write(bytes.toString())));
server.on("listening", () => console.log(`listening on ${server.address().port}`));
