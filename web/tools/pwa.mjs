// What makes the page an app that can be installed, as a part of Vite's build: icons, and the service worker with the list
// of files that it keeps.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { icons } from "./icons.mjs";

const kept = /\.(css|js|woff2)$/;

// The files of the shell: what every page needs, without what is loaded when it is looked at.
function shellOf(bundle) {
  const files = new Set();
  const add = (name) => {
    const chunk = bundle[name];
    if (files.has(name) || chunk?.type !== "chunk") return;
    files.add(name);
    for (const css of chunk.viteMetadata?.importedCss ?? []) files.add(css);
    for (const imported of chunk.imports) add(imported);
  };
  for (const [name, chunk] of Object.entries(bundle)) if (chunk.type === "chunk" && chunk.isEntry) add(name);
  for (const name of Object.keys(bundle)) if (/\.woff2$/.test(name)) files.add(name);
  return [...files].filter((name) => kept.test(name)).sort();
}

export function pwa() {
  return {
    name: "corral-pwa",
    apply: "build",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        for (const [fileName, source] of Object.entries(icons()))
          this.emitFile({ type: "asset", fileName, source });
        const assets = shellOf(bundle).map((name) => `/${name}`);
        const loose = readdirSync("public").map((name) => `/${name}`);
        const version = createHash("sha256").update(JSON.stringify(assets));
        for (const name of loose) version.update(readFileSync(`public${name}`));
        version.update(readFileSync("index.html"));
        const source = readFileSync("src/service-worker.js", "utf8")
          .replace('"@version"', JSON.stringify(version.digest("hex").slice(0, 16)))
          .replace('["@shell"]', JSON.stringify(["/", ...loose, ...assets]));
        this.emitFile({ type: "asset", fileName: "sw.js", source });
      },
    },
  };
}
