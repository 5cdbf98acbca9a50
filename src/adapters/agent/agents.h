// The agents that Corral can run.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ports/agent.h"

namespace corral::adapters::agent {

// The versions that are installed and that Corral's tests ran against.
inline constexpr std::string_view kClaudeVersion = "2.1.329";
inline constexpr std::string_view kCodexVersion = "0.16.0";  // of its ACP program
// The Codex that is in that ACP program, so that each can go on with the other's sessions.
inline constexpr std::string_view kCodexTerminalVersion = "0.137.0";
inline constexpr std::string_view kGeminiVersion = "0.61.0";
inline constexpr std::string_view kOpencodeVersion = "1.18.33";
inline constexpr std::string_view kNodeVersion = "22.23.3";  // for those that need one inside

struct AgentOptions {
  std::filesystem::path
      folder;  // where agents are installed (DATA/agents); one subfolder an agent and version
  std::string npm = "npm";  // looked up on PATH
};

// Claude Code, spoken to over its two-way stream-json. Installed from npm at run time, never
// shipped: it is proprietary. The program is a native file; Node is needed for npm only, and its
// version does not matter.
std::unique_ptr<ports::Agent> make_claude_agent(AgentOptions options);

// Spoken to over the Agent Client Protocol, installed from npm likewise. Codex and opencode are
// native programs; Gemini CLI runs on a Node that comes with it.
std::unique_ptr<ports::Agent> make_codex_agent(AgentOptions options);
std::unique_ptr<ports::Agent> make_gemini_agent(AgentOptions options);
std::unique_ptr<ports::Agent> make_opencode_agent(AgentOptions options);

// Any program: AgentTask::command is its argv, the prompt comes on stdin, which then closes; a
// prompt below 128 KiB is in CORRAL_PROMPT too. What it prints is the transcript, its exit code the
// result.
std::unique_ptr<ports::Agent> make_command_agent();

// All of them, in the order in which people see them.
std::vector<std::unique_ptr<ports::Agent>> make_all_agents(const AgentOptions& options);

}  // namespace corral::adapters::agent
