import { memo, type ReactNode } from "react";
import { type Block, type Inline, parseMarkdown } from "../text/markdown";
import { CodeBlock } from "./code-block";
import "./markdown.css";

function inline(nodes: Inline[]): ReactNode[] {
  return nodes.map((node, index) => {
    const key = `${index}`;
    switch (node.type) {
      case "text":
        return node.text;
      case "break":
        return <br key={key} />;
      case "code":
        return <code key={key}>{node.text}</code>;
      case "strong":
        return <strong key={key}>{inline(node.children)}</strong>;
      case "em":
        return <em key={key}>{inline(node.children)}</em>;
      case "del":
        return <del key={key}>{inline(node.children)}</del>;
      case "link":
        return (
          <a key={key} href={node.href} target="_blank" rel="noreferrer noopener">
            {inline(node.children)}
          </a>
        );
    }
    return null;
  });
}

// The page has its own h1 and h2: what an agent writes starts below them.
function Heading({ level, children }: { level: number; children: ReactNode }) {
  if (level <= 2) return <h3 className="markdown-title">{children}</h3>;
  return level === 3 ? <h4>{children}</h4> : <h5>{children}</h5>;
}

function block(node: Block, key: string): ReactNode {
  switch (node.type) {
    case "paragraph":
      return <p key={key}>{inline(node.children)}</p>;
    case "heading":
      return (
        <Heading key={key} level={node.level}>
          {inline(node.children)}
        </Heading>
      );
    case "code":
      return <CodeBlock key={key} text={node.text} language={node.language} />;
    case "quote":
      return <blockquote key={key}>{blocks(node.blocks)}</blockquote>;
    case "rule":
      return <hr key={key} />;
    case "list": {
      const items = node.items.map((item, index) => {
        const only = item.blocks.length === 1 ? item.blocks[0] : undefined;
        const content = only?.type === "paragraph" ? inline(only.children) : blocks(item.blocks);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: the text never changes, so neither does the order
          <li key={index} className={item.checked === null ? undefined : "markdown-task"}>
            {item.checked === null ? null : (
              <input
                type="checkbox"
                checked={item.checked}
                readOnly
                disabled
                aria-label={item.checked ? "done" : "open"}
              />
            )}
            {content}
          </li>
        );
      });
      return node.ordered ? (
        <ol key={key} start={node.start}>
          {items}
        </ol>
      ) : (
        <ul key={key}>{items}</ul>
      );
    }
    case "table":
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reachable by keyboard
        <div key={key} className="markdown-table" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {node.head.map((cell, index) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: as above
                  <th key={index}>{inline(cell)}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {node.rows.map((row, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: as above
                <tr key={index}>
                  {row.map((cell, column) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: as above
                    <td key={column}>{inline(cell)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
  }
  return null;
}

function blocks(nodes: Block[]): ReactNode[] {
  return nodes.map((node, index) => block(node, `${index}`));
}

export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return <div className="markdown">{blocks(parseMarkdown(text))}</div>;
});
