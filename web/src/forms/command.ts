// A command in one line, as a person types it.
import { splitWords } from "../base/words";

export function commandFrom(line: string): { words: string[] } | { error: string } {
  const words = splitWords(line);
  if (words === null) return { error: "A quote is not closed" };
  return words.length > 0 ? { words } : { error: "Give the program to run" };
}
