// The messages of docs/websocket.md that the page understands.
import type { Session } from "../api/types";

export type Role = "view" | "type" | "own";

export interface Viewer {
  viewer: string;
  name: string;
  role: Role;
  guest?: boolean; // came by a link, and chose the name
  typing: boolean;
  you: boolean;
}

export type ServerMessage =
  | { type: "hello"; version: number; workspace: string; time: string }
  | {
      type: "attached";
      channel: number;
      session: Session;
      role: Role;
      offset: number;
      typed: number;
      columns: number;
      rows: number;
    }
  | { type: "typed"; channel: number; position: number }
  | { type: "resized"; channel: number; offset: number; columns: number; rows: number }
  | { type: "presence"; channel: number; viewers: Viewer[]; keyboard: string }
  | { type: "session"; channel: number; session: Session }
  | { type: "ended"; channel: number; offset: number; exit_code: number | null; reason?: string | null }
  | { type: "detached"; channel: number; code: string; message: string }
  | { type: "error"; channel?: number; code: string; message: string; of?: string }
  | { type: "pong"; id: number };

// Null: nothing that this page knows. Such messages are passed over, as the protocol asks.
export function parseMessage(text: string): ServerMessage | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return null;
    return typeof (value as { type?: unknown }).type === "string" ? (value as ServerMessage) : null;
  } catch {
    return null;
  }
}
