import { Fragment, memo } from "react";
import { languageOfFence } from "../text/language";
import { CopyButton } from "./copy-button";
import { Tokens } from "./tokens";
import { useHighlight } from "./use-highlight";
import "./code-block.css";

export const CodeBlock = memo(function CodeBlock({
  text,
  language = "",
}: {
  text: string;
  language?: string;
}) {
  const tokens = useHighlight(text, languageOfFence(language));
  return (
    <div className="code-block">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>
        <code>
          {text.split("\n").map((line, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity but their place
            <Fragment key={index}>
              {index > 0 ? "\n" : null}
              <Tokens tokens={tokens?.[index]} text={line} />
            </Fragment>
          ))}
        </code>
      </pre>
      <CopyButton text={text} label="Copy" />
    </div>
  );
});
