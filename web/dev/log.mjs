import { EventEmitter } from "node:events";

// An append-only text addressed by its byte offsets, as the server's logs are.
export class Log extends EventEmitter {
  constructor() {
    super();
    this.setMaxListeners(0);
    this.pieces = []; // { end, text }
    this.end = 0;
    this.closed = false;
  }
  append(text) {
    this.end += Buffer.byteLength(text);
    this.pieces.push({ end: this.end, text });
    this.emit("more");
  }
  from(offset) {
    return this.pieces.filter((piece) => piece.end > offset);
  }
  close() {
    this.closed = true;
    this.emit("more");
  }
  open() {
    this.closed = false;
  }
}
