// The agents that Corral can run.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "ports/agent.h"

namespace corral::adapters::agent {

// The version that is installed and that Corral's tests ran against. An unpinned install picks by
// the version of Node.
inline constexpr std::string_view kClaudeVersion = "2.1.329";

struct ClaudeOptions {
  std::filesystem::path
      folder;  // where agents are installed (DATA/agents); one subfolder an agent and version
  std::string npm = "npm";  // looked up on PATH
};

// Claude Code, spoken to over its two-way stream-json. Installed from npm at run time, never
// shipped: it is proprietary. The program is a native file; Node is needed for npm only, and its
// version does not matter.
std::unique_ptr<ports::Agent> make_claude_agent(ClaudeOptions options);

// Any program: AgentTask::command is its argv, the prompt comes on stdin, which then closes; a
// prompt below 128 KiB is in CORRAL_PROMPT too. What it prints is the transcript, its exit code the
// result.
std::unique_ptr<ports::Agent> make_command_agent();

}  // namespace corral::adapters::agent
