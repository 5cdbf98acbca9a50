import { memo, useMemo } from "react";
import type { DiffLine } from "../text/diff";
import { Tokens } from "./tokens";
import { useHighlight } from "./use-highlight";
import "./diff-lines.css";

const signs = { context: " ", add: "+", delete: "−", note: "" };

// Lines of a unified diff with syntax colours. Each side is coloured as a whole text, so that what spans lines (comments,
// strings) comes out right.
export const DiffLines = memo(function DiffLines({
  lines,
  language,
  numbers,
}: {
  lines: DiffLine[];
  language: string | null;
  numbers: boolean;
}) {
  const { before, after, places } = useMemo(() => {
    const sides = { before: [] as string[], after: [] as string[] };
    const at = lines.map((line) => {
      const place = { side: line.kind === "delete" ? ("before" as const) : ("after" as const), index: 0 };
      place.index = sides[place.side].length;
      if (line.kind === "context" || line.kind === "delete") sides.before.push(line.text);
      if (line.kind === "context" || line.kind === "add") sides.after.push(line.text);
      return place;
    });
    return { before: sides.before.join("\n"), after: sides.after.join("\n"), places: at };
  }, [lines]);
  const beforeTokens = useHighlight(before, language);
  const afterTokens = useHighlight(after, language);
  return (
    <div className={numbers ? "diff-lines diff-numbered" : "diff-lines"}>
      {lines.map((line, index) => {
        const place = places[index];
        const tokens =
          line.kind === "note"
            ? undefined
            : (place?.side === "before" ? beforeTokens : afterTokens)?.[place?.index ?? 0];
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity but their place
          <div key={index} className={`diff-line diff-${line.kind}`}>
            {numbers ? (
              <>
                <span className="line-number diff-number" data-number={line.oldNumber ?? ""} />
                <span className="line-number diff-number" data-number={line.newNumber ?? ""} />
              </>
            ) : null}
            <span className="diff-sign">{signs[line.kind]}</span>
            <span className="diff-text">
              <Tokens tokens={tokens} text={line.text} />
            </span>
          </div>
        );
      })}
    </div>
  );
});
