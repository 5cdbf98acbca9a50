import type { Viewer } from "./protocol";

const nameless = "guest"; // what the server calls a guest without a name

// What somebody is called here. A guest, who may call itself as a user is called, is always told apart.
export function viewerName({ name, guest, you }: Pick<Viewer, "name" | "guest" | "you">): string {
  const marked = guest && name !== nameless ? `${name} (guest)` : name;
  return you ? `${marked} (you)` : marked;
}
