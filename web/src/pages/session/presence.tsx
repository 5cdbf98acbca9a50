import { Keyboard, Pencil } from "lucide-react";
import type { ChannelState } from "../../session/channel";
import type { Viewer } from "../../session/protocol";
import { viewerName } from "../../session/viewer-name";

const shown = 5;
const tones = ["running", "good", "waiting", "bad", "idle"];
const roleWords = { view: "watching", type: "may type", own: "may type and resize" };

function toneOf(viewer: string): string {
  let sum = 0;
  for (const char of viewer) sum = (sum * 31 + char.charCodeAt(0)) >>> 0;
  return tones[sum % tones.length] ?? "idle";
}

function Avatar({ viewer, keyboard }: { viewer: Viewer; keyboard: boolean }) {
  const doing = [roleWords[viewer.role], keyboard ? "has the keyboard" : "", viewer.typing ? "typing" : ""];
  const text = `${viewerName(viewer)}: ${doing.filter(Boolean).join(", ")}`;
  return (
    <li
      className={`avatar tone-${toneOf(viewer.viewer)}${viewer.guest ? " avatar-guest" : ""}${viewer.typing ? " avatar-typing" : ""}`}
      title={text}
      data-viewer={viewer.name}
      data-guest={viewer.guest || undefined}
      data-typing={viewer.typing || undefined}
    >
      <span aria-hidden>{[...viewer.name][0]?.toUpperCase() ?? "?"}</span>
      {viewer.typing ? <Pencil aria-hidden className="avatar-mark" /> : null}
      {keyboard && !viewer.typing ? <Keyboard aria-hidden className="avatar-mark" /> : null}
      <span className="visually-hidden">{text}</span>
    </li>
  );
}

// Who is here, and who types.
export function Presence({ state }: { state: ChannelState }) {
  const viewers = [...state.viewers].sort(
    (a, b) => Number(b.viewer === state.keyboard) - Number(a.viewer === state.keyboard),
  );
  if (viewers.length === 0) return null;
  const more = viewers.length - shown;
  return (
    // biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets
    <ul role="list" className="presence" aria-label="Who is here">
      {viewers.slice(0, shown).map((viewer) => (
        <Avatar
          key={`${viewer.viewer} ${viewers.filter(({ viewer: other }) => other === viewer.viewer).indexOf(viewer)}`}
          viewer={viewer}
          keyboard={viewer.viewer === state.keyboard}
        />
      ))}
      {more > 0 ? (
        <li className="avatar tone-idle">
          +{more}
          <span className="visually-hidden"> more</span>
        </li>
      ) : null}
    </ul>
  );
}
