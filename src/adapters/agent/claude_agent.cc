#include "adapters/agent/agents.h"
#include "adapters/agent/claude_driver.h"
#include "adapters/agent/npm_package.h"
#include "base/id.h"

namespace corral::adapters::agent {
namespace {

using ports::AgentInfo;
using ports::AgentLaunch;
using ports::AgentTask;
using ports::ReadOnlyMount;

constexpr std::string_view kName = "claude";
constexpr std::string_view kInside = "/corral/agents/claude";

// The native program is what npm puts beside the JavaScript launcher, as a dependency for this
// platform.
NpmPackage package() {
  return {.title = "Claude Code",
          .name = "@anthropic-ai/claude-code",
          .version = std::string(kClaudeVersion),
          .program = fmt::format("@anthropic-ai/claude-code-{}/claude", npm_platform())};
}

// Tools that make no sense where nobody sits at the terminal and there is no network. The web tools
// matter most: they run at the provider, so they would be a way out of a sandbox that has none.
constexpr std::string_view kUnavailableTools =
    "AskUserQuestion,CronCreate,CronDelete,CronList,EnterPlanMode,EnterWorktree,ExitPlanMode,"
    "ExitWorktree,ScheduleWakeup,WebFetch,WebSearch";

class ClaudeAgent final : public ports::Agent {
 public:
  explicit ClaudeAgent(AgentOptions options)
      : npm_(std::move(options.folder), std::move(options.npm)) {}

  std::string_view name() const override { return kName; }
  bool resumes() const override { return true; }

  Task<Result<AgentInfo>> info() override {
    AgentInfo info{.name = std::string(kName),
                   .version = "",
                   .wanted_version = std::string(kClaudeVersion),
                   .problem = ""};
    if (npm_.installed(kName, package()))
      info.version = info.wanted_version;
    else
      info.problem = remedy();
    co_return info;
  }

  Task<Result<void>> install(std::function<void(std::string_view)> progress) override {
    co_return co_await npm_.install(std::string(kName), package(), std::move(progress));
  }

  Task<Result<std::vector<ReadOnlyMount>>> mounts() override {
    if (!npm_.installed(kName, package())) co_return fail(ErrorCode::unavailable, "{}", remedy());
    co_return std::vector<ReadOnlyMount>{
        {npm_.program(kName, package()).string(), std::string(kInside)}};
  }

  Result<AgentLaunch> launch(const AgentTask& task) override;

  std::unique_ptr<ports::AgentDriver> driver(const AgentTask& task) override {
    return std::make_unique<ClaudeDriver>(task);
  }

 private:
  static std::string remedy() {
    return fmt::format("Claude Code {} is not installed; run: corral agent install claude",
                       kClaudeVersion);
  }

  NpmInstaller npm_;
};

Result<AgentLaunch> ClaudeAgent::launch(const AgentTask& task) {
  if (!Uuid::parse(task.session_id))
    return fail(ErrorCode::invalid, "the agent's session id must be a UUID, not \"{}\"",
                task.session_id);
  AgentLaunch launch;
  auto& process = launch.process;
  process.argv = {std::string(kInside),
                  "-p",
                  "--input-format",
                  "stream-json",
                  "--output-format",
                  "stream-json",
                  "--verbose",
                  "--permission-prompt-tool",
                  "stdio",
                  "--disallowedTools",
                  std::string(kUnavailableTools),
                  task.resume ? "--resume" : "--session-id",
                  task.session_id};
  if (!task.model.empty()) process.argv.insert(process.argv.end(), {"--model", task.model});
  process.env = {
      {"ANTHROPIC_BASE_URL", task.gateway_url},
      {"ANTHROPIC_API_KEY", task.gateway_token},
      {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"},
      {"CLAUDE_CODE_MAX_RETRIES",
       "4"},  // about ten seconds; the default is ten attempts over minutes
      {"DISABLE_AUTOUPDATER", "1"},
      {"DISABLE_INSTALLATION_CHECKS", "1"},
  };
  process.input = true;
  process.merge_errors = false;  // stdout is the protocol
  return launch;
}

}  // namespace

std::unique_ptr<ports::Agent> make_claude_agent(AgentOptions options) {
  return std::make_unique<ClaudeAgent>(std::move(options));
}

}  // namespace corral::adapters::agent
