// How a person likes terminals: kept in this browser.
import { useState } from "react";

export interface Preferences {
  fontSize: number;
  whole: boolean; // all of the screen, small if it must be; otherwise the preferred size, to be panned
  screenReader: boolean;
}

export const fontSizes = { least: 8, most: 28, usual: 14 };
const key = "corral.terminal";
const usual: Preferences = { fontSize: fontSizes.usual, whole: true, screenReader: false };

function load(): Preferences {
  try {
    return { ...usual, ...(JSON.parse(localStorage.getItem(key) ?? "{}") as Partial<Preferences>) };
  } catch {
    return usual;
  }
}

export function usePreferences(): [Preferences, (changes: Partial<Preferences>) => void] {
  const [preferences, set] = useState(load);
  const change = (changes: Partial<Preferences>) => {
    const next = { ...preferences, ...changes };
    next.fontSize = Math.min(fontSizes.most, Math.max(fontSizes.least, next.fontSize));
    set(next);
    try {
      localStorage.setItem(key, JSON.stringify(next));
    } catch {
      // Storage is blocked: it holds for this page only.
    }
  };
  return [preferences, change];
}
