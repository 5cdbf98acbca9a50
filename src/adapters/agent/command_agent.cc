#include "adapters/agent/agents.h"
#include "adapters/agent/command_driver.h"

namespace corral::adapters::agent {
namespace {

using namespace ports;

// Linux takes one argument or variable of at most 128 KiB, its name and the end included.
constexpr std::size_t kMaxPromptVariable = 127u << 10;

class CommandAgent final : public Agent {
 public:
  std::string_view name() const override { return "command"; }
  Task<Result<AgentInfo>> info() override {
    co_return AgentInfo{.name = "command", .version = "", .wanted_version = "", .problem = ""};
  }
  Task<Result<void>> install(std::function<void(std::string_view)> progress) override {
    progress("The agent \"command\" runs what a run asks for: there is nothing to install.");
    co_return Result<void>{};
  }
  Task<Result<std::vector<ReadOnlyMount>>> mounts() override {
    co_return std::vector<ReadOnlyMount>{};
  }

  Result<AgentLaunch> launch(const AgentTask& task) override {
    if (task.command.empty() || task.command.front().empty())
      return fail(ErrorCode::invalid,
                  "the agent \"command\" needs \"command\": the program and its arguments");
    AgentLaunch launch;
    launch.process.argv = task.command;
    launch.process.input = true;
    if (!task.prompt.empty() && task.prompt.size() < kMaxPromptVariable &&
        task.prompt.find('\0') == std::string::npos)
      launch.process.env["CORRAL_PROMPT"] = task.prompt;
    if (!task.gateway_url.empty()) {
      auto& env = launch.process.env;
      env["ANTHROPIC_BASE_URL"] = env["GOOGLE_GEMINI_BASE_URL"] = task.gateway_url;
      env["OPENAI_BASE_URL"] = task.gateway_url + "/v1";
      for (const char* key : {"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"})
        env[key] = task.gateway_token;
    }
    return launch;
  }

  std::unique_ptr<AgentDriver> driver(const AgentTask& task) override {
    return std::make_unique<CommandDriver>(task);
  }
};

}  // namespace

std::unique_ptr<Agent> make_command_agent() { return std::make_unique<CommandAgent>(); }

}  // namespace corral::adapters::agent
