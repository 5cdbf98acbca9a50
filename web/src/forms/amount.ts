// Numbers as people type them, with a comma or a point.

export const noMinutes = "Give a number of minutes above 0, or nothing";

// Null: none above 0.
export function positive(text: string): number | null {
  const value = Number(text.trim().replace(",", "."));
  return Number.isFinite(value) && value > 0 ? value : null;
}

// Undefined: nothing was typed.
export function optionalPositive(text: string): number | null | undefined {
  return text.trim() ? positive(text) : undefined;
}

// At least one, so that a little is not none.
export const secondsOf = (minutes: number) => Math.max(1, Math.round(minutes * 60));
