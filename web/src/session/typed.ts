// What a viewer has typed and the session has not yet acknowledged: a stream of bytes by position. After any loss it is sent
// again from the position that the session has, so that nothing is typed twice and nothing is lost.

export const maxUnderWay = 64 << 10; // the protocol's limit
export const maxHeld = 256 << 10; // beyond it input is refused, not forgotten in silence

export class TypedStream {
  private pieces: Uint8Array[] = [];
  private start = 0; // position of the first byte that is held: all before has arrived
  private end = 0;
  private begun = false;
  private sent = 0; // position up to which it was sent over the present connection

  get held(): number {
    return this.end - this.start;
  }

  // False: too much is held already, and none of it was taken.
  add(bytes: Uint8Array): boolean {
    if (this.held + bytes.length > maxHeld) return false;
    if (bytes.length === 0) return true;
    this.pieces.push(bytes.slice());
    this.end += bytes.length;
    return true;
  }

  // What may be sent now. Null: nothing.
  next(): { position: number; bytes: Uint8Array } | null {
    const until = Math.min(this.end, this.start + maxUnderWay);
    if (this.sent >= until) return null;
    const position = this.sent;
    const bytes = this.slice(position, until);
    this.sent = until;
    return { position, bytes };
  }

  // Everything before `position` has arrived.
  arrived(position: number) {
    if (position <= this.start) return;
    if (position > this.end) return this.restartAt(position);
    let drop = position - this.start;
    while (drop > 0) {
      const first = this.pieces[0];
      if (!first) break;
      if (first.length > drop) {
        this.pieces[0] = first.subarray(drop);
        break;
      }
      drop -= first.length;
      this.pieces.shift();
    }
    this.start = position;
    this.sent = Math.max(this.sent, position);
  }

  // On a new connection, with what the session has by now: all that is still held is sent again. On the first one whatever
  // an earlier life of this tab typed has been counted already, and what is held comes after it.
  resume(position: number) {
    if (this.begun) this.arrived(position);
    else this.restartAt(position);
    this.begun = true;
    this.again();
  }

  // The session counts differently: what is held goes on from there.
  restartAt(position: number) {
    this.end = position + this.held;
    this.start = position;
    this.sent = position;
  }

  // All that is held is sent once more.
  again() {
    this.sent = this.start;
  }

  // Forgets what is held: it was refused.
  drop() {
    this.pieces = [];
    this.end = this.start;
    this.sent = this.start;
  }

  private slice(from: number, until: number): Uint8Array {
    const out = new Uint8Array(until - from);
    let at = this.start;
    for (const piece of this.pieces) {
      const begin = Math.max(from, at);
      const stop = Math.min(until, at + piece.length);
      if (begin < stop) out.set(piece.subarray(begin - at, stop - at), begin - from);
      at += piece.length;
      if (at >= until) break;
    }
    return out;
  }
}
