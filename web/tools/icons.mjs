// The logo (public/favicon.svg) as PNG icons, for where SVG is not taken: home screens and installed apps. Knows what the
// logo is drawn with (a rounded square, stroked arcs with round ends, circles) and refuses anything else.
import { readFileSync } from "node:fs";
import { png } from "./png.mjs";

const fieldsOf = (tag) =>
  Object.fromEntries([...tag.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
const colorOf = (text) => {
  const digits = /^#([0-9a-f]{6})$/i.exec(text)?.[1];
  if (!digits) throw new Error(`the logo's colour "${text}" is not #rrggbb`);
  return [0, 2, 4].map((at) => Number.parseInt(digits.slice(at, at + 2), 16));
};

// Each shape is a colour and a function that says how far outside of it a point is (inside: below 0), in the logo's units.
function rect(fields, fill) {
  const [width, height, rx] = [fields.width, fields.height, fields.rx ?? 0].map(Number);
  const distance = (x, y) => {
    const dx = Math.abs(x - width / 2) - width / 2 + rx;
    const dy = Math.abs(y - height / 2) - height / 2 + rx;
    return Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0) - rx;
  };
  return { color: colorOf(fields.fill), distance: fill ? () => -1 : distance };
}

function circle(fields) {
  const [cx, cy, r] = [fields.cx, fields.cy, fields.r].map(Number);
  return { color: colorOf(fields.fill), distance: (x, y) => Math.hypot(x - cx, y - cy) - r };
}

// SVG 2, appendix B.2.4: from an arc's ends to its centre, for a circle.
function arc(fields) {
  const number = "(-?[\\d.]+)";
  const shape = new RegExp(`^M${number} ${number}A${number} ${number} 0 ([01]) ([01]) ${number} ${number}$`);
  const found = shape.exec(fields.d)?.slice(1).map(Number);
  if (!found || found[2] !== found[3] || fields["stroke-linecap"] !== "round" || fields.fill !== "none")
    throw new Error(`the logo's path "${fields.d}" is not one round arc`);
  const [x1, y1, r, , large, sweep, x2, y2] = found;
  const [mx, my] = [(x1 + x2) / 2, (y1 + y2) / 2];
  const half = Math.hypot(x2 - x1, y2 - y1) / 2;
  const away = (Math.sqrt(Math.max(0, r * r - half * half)) / half / 2) * (large === sweep ? -1 : 1);
  const [cx, cy] = [mx + away * (y1 - y2), my + away * (x2 - x1)];
  const turn = 2 * Math.PI;
  const start = Math.atan2(y1 - cy, x1 - cx);
  const end = Math.atan2(y2 - cy, x2 - cx);
  const swept = (((sweep ? end - start : start - end) % turn) + turn) % turn;
  const halfWidth = Number(fields["stroke-width"]) / 2;
  const distance = (x, y) => {
    const angle = Math.atan2(y - cy, x - cx);
    const along = (((sweep ? angle - start : start - angle) % turn) + turn) % turn;
    const off =
      along <= swept
        ? Math.abs(Math.hypot(x - cx, y - cy) - r)
        : Math.min(Math.hypot(x - x1, y - y1), Math.hypot(x - x2, y - y2));
    return off - halfWidth;
  };
  return { color: colorOf(fields.stroke), distance };
}

function shapesOf(svg, fill) {
  return [...svg.matchAll(/<(\w+)\b[^>]*>/g)].flatMap(([tag, name]) => {
    const fields = fieldsOf(tag);
    if (name === "svg" || name === "title") return [];
    if (name === "rect") return [rect(fields, fill)];
    if (name === "circle") return [circle(fields)];
    if (name === "path") return [arc(fields)];
    throw new Error(`the logo has a <${name}>, which tools/icons.mjs cannot draw`);
  });
}

// One icon. A maskable one fills its square; what is drawn in the logo is within the middle 80 %, which no mask cuts off.
export function icon(svg, size, maskable = false) {
  const side = Number(/viewBox="0 0 (\d+) \1"/.exec(svg)?.[1]);
  if (!(side > 0)) throw new Error("the logo's viewBox is not a square from 0 0");
  const shapes = shapesOf(svg, maskable);
  const unit = side / size; // the logo's units a pixel
  const pixels = Buffer.alloc(size * size * 4);
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      let [red, green, blue, alpha] = [0, 0, 0, 0];
      for (const { color, distance } of shapes) {
        const off = distance((x + 0.5) * unit, (y + 0.5) * unit);
        const covers = Math.min(1, Math.max(0, 0.5 - off / unit)); // smooth over the pixel that an edge crosses
        const under = alpha * (1 - covers);
        const sum = covers + under;
        if (sum === 0) continue;
        [red, green, blue] = [red, green, blue].map(
          (value, at) => (color[at] * covers + value * under) / sum,
        );
        alpha = sum;
      }
      pixels.set([red, green, blue, alpha * 255].map(Math.round), (y * size + x) * 4);
    }
  }
  return png(size, pixels);
}

export function icons(path = "public/favicon.svg") {
  const svg = readFileSync(path, "utf8");
  return {
    "icon-180.png": icon(svg, 180, true), // Apple's: rounds its corners itself
    "icon-192.png": icon(svg, 192),
    "icon-512.png": icon(svg, 512),
    "icon-maskable-512.png": icon(svg, 512, true),
  };
}
