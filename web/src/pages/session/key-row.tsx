import { bytesOfKey, phoneKeys } from "../../session/keys";
import type { TerminalView } from "../../session/terminal-view";

// Keys that a phone's keyboard lacks. Pressing one leaves the focus, and with it the keyboard, where it is.
export function KeyRow({
  view,
  control,
  disabled,
}: {
  view: TerminalView;
  control: boolean;
  disabled: boolean;
}) {
  return (
    <div className="key-row" role="toolbar" aria-label="Keys">
      {phoneKeys.map(({ id, label, name }) => (
        <button
          key={id}
          type="button"
          aria-label={name}
          aria-pressed={id === "ctrl" ? control : undefined}
          disabled={disabled}
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => {
            if (id === "ctrl") view.holdControl(!control);
            else view.press(bytesOfKey(id, view.applicationCursor));
          }}
        >
          {label}
        </button>
      ))}
    </div>
  );
}
