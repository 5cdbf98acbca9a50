import type { CSSProperties } from "react";
import type { AnsiPiece, AnsiStyle } from "../text/ansi";

const color = (value: string) => (value.startsWith("#") ? value : `var(--ansi-${value})`);

function css(style: AnsiStyle): CSSProperties | undefined {
  const [fg, bg] = style.inverse ? [style.bg || "0", style.fg || "7"] : [style.fg, style.bg];
  const result: CSSProperties = {};
  if (fg) result.color = color(fg);
  if (bg) result.background = color(bg);
  if (style.bold) result.fontWeight = 650;
  if (style.dim) result.opacity = 0.7;
  if (style.italic) result.fontStyle = "italic";
  if (style.underline) result.textDecoration = "underline";
  return Object.keys(result).length > 0 ? result : undefined;
}

export function AnsiText({ pieces }: { pieces: AnsiPiece[] }) {
  return pieces.map((piece, index) => {
    const style = css(piece.style);
    return style ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no identity but their place
      <span key={index} style={style}>
        {piece.text}
      </span>
    ) : (
      piece.text
    );
  });
}
