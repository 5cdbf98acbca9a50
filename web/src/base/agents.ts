// What the agents are called; the server says which ones there are.
const titles: Record<string, string> = {
  claude: "Claude Code",
  codex: "Codex",
  gemini: "Gemini CLI",
  opencode: "opencode",
  command: "A command of yours",
};

export const agentTitle = (name: string) => titles[name] ?? name;
