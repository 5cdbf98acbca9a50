// The page's content security policy allows no inline styles, and xterm.js makes <style> elements and style attributes. For
// it this stands in for the document: its style elements keep their rules in constructed style sheets instead, and style
// attributes are set through the object model, both of which the policy leaves to scripts of the page's own.

function sheetElement(element: HTMLElement): HTMLElement {
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

function createElement(name: string): HTMLElement {
  const element = document.createElement(name);
  if (name === "style") return sheetElement(element);
  if (name === "span") element.setAttribute = setAttribute;
  return element;
}

export const sheetDocument = () =>
  new Proxy(document, {
    get(target, key) {
      if (key === "createElement") return createElement;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, key, value) => Reflect.set(target, key, value, target),
  });
