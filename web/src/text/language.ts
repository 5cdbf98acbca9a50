// Which of the highlighter's languages a file is in, by its name. Null: plain text.

const byExtension: Record<string, string> = {
  bash: "bash",
  sh: "bash",
  zsh: "bash",
  c: "c",
  h: "cpp",
  cc: "cpp",
  cpp: "cpp",
  cxx: "cpp",
  hpp: "cpp",
  hh: "cpp",
  ipp: "cpp",
  cu: "cpp",
  cs: "csharp",
  css: "css",
  scss: "css",
  diff: "diff",
  patch: "diff",
  go: "go",
  html: "xml",
  htm: "xml",
  xml: "xml",
  svg: "xml",
  vue: "xml",
  pom: "xml",
  ini: "ini",
  toml: "ini",
  cfg: "ini",
  conf: "ini",
  properties: "ini",
  env: "ini",
  java: "java",
  js: "javascript",
  mjs: "javascript",
  cjs: "javascript",
  jsx: "javascript",
  json: "json",
  jsonc: "json",
  ndjson: "json",
  kt: "kotlin",
  kts: "kotlin",
  lua: "lua",
  md: "markdown",
  markdown: "markdown",
  mk: "makefile",
  php: "php",
  py: "python",
  pyi: "python",
  rb: "ruby",
  rs: "rust",
  sql: "sql",
  swift: "swift",
  ts: "typescript",
  tsx: "typescript",
  mts: "typescript",
  cts: "typescript",
  yaml: "yaml",
  yml: "yaml",
};

const byName: Record<string, string> = {
  makefile: "makefile",
  gnumakefile: "makefile",
  dockerfile: "bash",
  "cmakelists.txt": "cmake",
  gemfile: "ruby",
  rakefile: "ruby",
  ".bashrc": "bash",
  ".gitignore": "ini",
};

const byFence: Record<string, string> = {
  "c++": "cpp",
  shell: "bash",
  console: "bash",
  "shell-session": "bash",
  javascript: "javascript",
  typescript: "typescript",
  python: "python",
  python3: "python",
  rust: "rust",
  golang: "go",
  ruby: "ruby",
  cmake: "cmake",
  dockerfile: "bash",
  makefile: "makefile",
  make: "makefile",
  kotlin: "kotlin",
  csharp: "csharp",
};

export function languageOfPath(path: string): string | null {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  if (byName[name]) return byName[name];
  if (name.endsWith(".cmake")) return "cmake";
  const dot = name.lastIndexOf(".");
  return dot < 0 ? null : (byExtension[name.slice(dot + 1)] ?? null);
}

export function languageOfFence(word: string): string | null {
  const name = word.toLowerCase();
  return byFence[name] ?? byExtension[name] ?? null;
}
