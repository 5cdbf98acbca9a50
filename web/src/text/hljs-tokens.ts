// highlight.js answers with HTML of a fixed, small form: text with five entities, and spans with a class. Read back
// into tokens, it is rendered as elements and never as markup.

export interface Token {
  text: string;
  className: string; // "" or the innermost of highlight.js's classes
}

const entities: Record<string, string> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#x27;": "'",
};

export function tokenLines(html: string): Token[][] {
  const lines: Token[][] = [[]];
  const stack: string[] = [];
  const emit = (escaped: string) => {
    const text = escaped.replace(/&(?:amp|lt|gt|quot|#x27);/g, (entity) => entities[entity] ?? entity);
    text.split("\n").forEach((part, index) => {
      if (index > 0) lines.push([]);
      if (part) lines.at(-1)?.push({ text: part, className: stack.at(-1) ?? "" });
    });
  };
  let at = 0;
  for (const tag of html.matchAll(/<span class="([\w\s-]*)">|<\/span>/g)) {
    emit(html.slice(at, tag.index));
    at = tag.index + tag[0].length;
    if (tag[1] === undefined) stack.pop();
    else stack.push(tag[1]);
  }
  emit(html.slice(at));
  return lines;
}
