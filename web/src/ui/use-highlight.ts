import { useEffect, useState } from "react";
import type { Token } from "../text/hljs-tokens";

const largest = 200_000; // characters; beyond it colours cost more than they help

// Tokens a line, once the highlighter is loaded; null before, and for text without a known language.
export function useHighlight(code: string, language: string | null): Token[][] | null {
  const [result, setResult] = useState<{ code: string; tokens: Token[][] } | null>(null);
  useEffect(() => {
    if (!language || code === "" || code.length > largest) return;
    let wanted = true;
    void import("../text/highlight").then(({ highlightLines }) => {
      if (wanted) setResult({ code, tokens: highlightLines(code, language) });
    });
    return () => {
      wanted = false;
    };
  }, [code, language]);
  return result?.code === code ? result.tokens : null;
}
