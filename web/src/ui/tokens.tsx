import type { Token } from "../text/hljs-tokens";

// One line of code: coloured when its tokens are known, plain until then.
export function Tokens({ tokens, text }: { tokens: Token[] | undefined; text: string }) {
  if (!tokens) return text;
  return tokens.map((token, index) =>
    token.className ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: tokens have no identity but their place
      <span key={index} className={token.className}>
        {token.text}
      </span>
    ) : (
      token.text
    ),
  );
}
