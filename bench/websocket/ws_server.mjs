// The peer: the same three paths as corral_websocket_echo has, on the npm package ws, as its documentation shows them.
import { createRequire } from "node:module";
const { WebSocketServer } = createRequire(process.argv[2] + "/")("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, maxPayload: 64 << 20 });
server.on("listening", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
server.on("connection", (socket, request) => {
  socket.on("error", () => socket.terminate());
  if (request.url.startsWith("/push")) {
    const chunk = Buffer.alloc(Number(new URL(request.url, "http://x").searchParams.get("bytes") ?? 65536), "x");
    const next = (error) => error || socket.send(chunk, next); // awaits the socket, as ours does
    next();
    return;
  }
  socket.on("message", (data, binary) => socket.send(data, { binary }));
});
process.on("SIGTERM", () => process.exit(0));
