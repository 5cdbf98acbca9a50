// The binary frames of docs/websocket.md: a kind, a channel and a position (13 bytes, big endian), then bytes.

export const headerBytes = 13;
export const frameKind = { output: 1, snapshot: 2, input: 3 } as const;

export interface Frame {
  kind: number;
  channel: number;
  position: number;
  bytes: Uint8Array;
}

export function encodeFrame({ kind, channel, position, bytes }: Frame): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(headerBytes + bytes.length);
  const view = new DataView(frame.buffer);
  view.setUint8(0, kind);
  view.setUint32(1, channel);
  view.setBigUint64(5, BigInt(position));
  frame.set(bytes, headerBytes);
  return frame;
}

// Null: too short to be one.
export function decodeFrame(data: ArrayBuffer): Frame | null {
  if (data.byteLength < headerBytes) return null;
  const view = new DataView(data);
  return {
    kind: view.getUint8(0),
    channel: view.getUint32(1),
    position: Number(view.getBigUint64(5)), // exact below 2^53: 9 PB of output
    bytes: new Uint8Array(data, headerBytes),
  };
}
