// The page's content security policy allows no inline styles, and xterm.js makes <style> elements and style attributes, with
// no way to give it another document for all of them. So from when a terminal is loaded, what asks the document for a style
// element gets one that keeps its rules in a constructed style sheet, and a style attribute of a span is set through the
// object model: both are what the policy leaves to the page's own scripts.

function sheetElement(): HTMLElement {
  const element = document.createElement("template"); // even an empty style element goes against the policy
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  Object.defineProperty(element, "textContent", {
    get: () => "",
    set: (text: string) => sheet.replaceSync(text),
  });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}

function setAttribute(this: HTMLElement, name: string, value: string) {
  if (name === "style") this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
}

let allowed = false;

export function allowStyles() {
  if (allowed) return;
  allowed = true;
  const createElement = document.createElement.bind(document) as (
    name: string,
    options?: object,
  ) => HTMLElement;
  document.createElement = ((name: string, options?: object) => {
    if (name === "style") return sheetElement();
    const element = createElement(name, options);
    if (name === "span") element.setAttribute = setAttribute;
    return element;
  }) as typeof document.createElement;
}
