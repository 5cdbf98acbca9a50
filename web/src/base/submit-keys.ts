// What a person presses to send a form from within a text.
export const submitKeys = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? "")
  ? "⌘ Enter"
  : "Ctrl Enter";
