import { ChevronDown, ChevronUp, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { TerminalView } from "../../session/terminal-view";

export interface Matches {
  index: number; // -1: too many to number
  count: number;
}

export function SearchBar({
  view,
  matches,
  onClose,
}: {
  view: TerminalView;
  matches: Matches;
  onClose: () => void;
}) {
  const [text, setText] = useState("");
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    input.current?.focus();
    return () => view.stopSearch();
  }, [view]);
  const found =
    matches.count === 0
      ? "Nothing found"
      : matches.index < 0
        ? `${matches.count}+`
        : `${matches.index + 1} of ${matches.count}`;
  return (
    <search className="terminal-search">
      <input
        ref={input}
        className="input"
        aria-label="Search in the terminal"
        placeholder="Search"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          view.find(event.target.value, true, true);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") view.find(text, !event.shiftKey, false);
          if (event.key === "Escape") onClose();
        }}
      />
      <span className="terminal-search-count muted small tabular" aria-live="polite">
        {text ? found : ""}
      </span>
      <button
        type="button"
        className="icon-button"
        aria-label="Match before"
        onClick={() => view.find(text, true, false)}
      >
        <ChevronUp aria-hidden />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label="Match after"
        onClick={() => view.find(text, false, false)}
      >
        <ChevronDown aria-hidden />
      </button>
      <button type="button" className="icon-button" aria-label="Close the search" onClick={onClose}>
        <X aria-hidden />
      </button>
    </search>
  );
}
