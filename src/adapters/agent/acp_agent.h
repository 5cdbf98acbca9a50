// An agent that speaks the Agent Client Protocol, and has a program for terminals: what is
// particular to it, as data.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/agent/agents.h"
#include "adapters/agent/npm_package.h"

namespace corral::adapters::agent {

struct AcpAgentDescription {
  std::string name;  // "codex"
  NpmPackage package;
  // Whether all of node_modules is shown inside, for a program of several files; otherwise the
  // program alone.
  bool whole_package = false;
  bool needs_node = false;
  bool resumes = false;                // session/load works
  std::vector<std::string> arguments;  // after the program
  // Environment and settings for a task. It gets files below HOME, which is /home/agent inside.
  std::function<void(const ports::AgentTask& task, ports::AgentLaunch& launch)> settle;
  // The arguments that make it a person's, at a terminal; environment and settings are the same.
  std::function<std::vector<std::string>(const ports::AgentTask& task)> terminal_arguments;
  // Of all of which node_modules is shown inside. None: it is the program that speaks ACP, too.
  std::optional<NpmPackage> terminal_package = {};
};

std::unique_ptr<ports::Agent> make_acp_agent(AcpAgentDescription description, AgentOptions options);

}  // namespace corral::adapters::agent
