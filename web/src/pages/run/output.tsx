import { useState } from "react";
import { type AnsiStyle, parseAnsi, plainStyle } from "../../text/ansi";
import { AnsiText } from "../../ui/ansi-text";

const longestShort = 14; // lines of a result that are shown as they are
const headLines = 4; // of a longer one, until someone asks for more: its beginning and its end, where the news is
const tailLines = 7;
const longest = 4000; // lines shown at all; the log has the rest

function Lines({ lines, style }: { lines: string[]; style: AnsiStyle }) {
  let current = style;
  return lines.map((line, index) => {
    const parsed = parseAnsi(line, current);
    current = parsed.style;
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity but their place
      <span key={index}>
        <AnsiText pieces={parsed.pieces} />
        {"\n"}
      </span>
    );
  });
}

// What a tool answered.
export function Output({ text, isError }: { text: string; isError: boolean }) {
  const [open, setOpen] = useState(false);
  const lines = text.replace(/\n+$/, "").split("\n");
  const long = lines.length > longestShort;
  const hidden = lines.length - headLines - tailLines;
  return (
    <div className={isError ? "output output-error" : "output"}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>
        {long && !open ? (
          <>
            <Lines lines={lines.slice(0, headLines)} style={plainStyle} />
            <button type="button" className="link-button output-gap" onClick={() => setOpen(true)}>
              ⋯ {hidden.toLocaleString()} more lines
            </button>
            {"\n"}
            <Lines lines={lines.slice(-tailLines)} style={plainStyle} />
          </>
        ) : (
          <Lines lines={lines.slice(0, longest)} style={plainStyle} />
        )}
      </pre>
      {open ? (
        <button type="button" className="link-button small more-button" onClick={() => setOpen(false)}>
          Show less
        </button>
      ) : null}
    </div>
  );
}
