#include "adapters/agent/agents.h"
#include "adapters/agent/claude_driver.h"
#include "adapters/agent/npm_package.h"
#include "base/id.h"
#include "base/json.h"

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

// The web tools run at the provider, so they would be a way out of a sandbox that has none. The
// others make no sense where nobody sits at the terminal.
constexpr std::string_view kWebTools = "WebFetch,WebSearch";
constexpr std::string_view kTerminalTools =
    "AskUserQuestion,CronCreate,CronDelete,CronList,EnterPlanMode,EnterWorktree,ExitPlanMode,"
    "ExitWorktree,ScheduleWakeup";

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
  Result<AgentLaunch> launch_terminal(const AgentTask& task) override;

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

std::map<std::string, std::string> environment(const AgentTask& task) {
  return {
      {"ANTHROPIC_BASE_URL", task.gateway_url},
      {"ANTHROPIC_API_KEY", task.gateway_token},
      {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"},
      {"CLAUDE_CODE_MAX_RETRIES",
       "4"},  // about ten seconds; the default is ten attempts over minutes
      {"DISABLE_AUTOUPDATER", "1"},
      {"DISABLE_INSTALLATION_CHECKS", "1"},
  };
}

void name_model(const AgentTask& task, AgentLaunch& launch) {
  if (!task.model.empty())
    launch.process.argv.insert(launch.process.argv.end(), {"--model", task.model});
}

// What it asks a person on its first start, answered: the theme, whether the key in the environment
// may be used (it keeps the key's end), whether the folder is trusted.
std::string answers(const AgentTask& task) {
  constexpr std::size_t kKeyEnd = 20;
  const auto& key = task.gateway_token;
  return json::serialize(json::object{
      {"hasCompletedOnboarding", true},
      {"customApiKeyResponses",
       {{"approved", json::array{key.substr(key.size() - std::min(key.size(), kKeyEnd))}},
        {"rejected", json::array{}}}},
      {"projects", {{"/workspace", {{"hasTrustDialogAccepted", true}}}}}});
}

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
                  fmt::format("{},{}", kTerminalTools, kWebTools),
                  task.resume ? "--resume" : "--session-id",
                  task.session_id};
  name_model(task, launch);
  process.env = environment(task);
  process.input = true;
  process.merge_errors = false;  // stdout is the protocol
  return launch;
}

Result<AgentLaunch> ClaudeAgent::launch_terminal(const AgentTask& task) {
  AgentLaunch launch;
  auto& argv = launch.process.argv;
  argv = {std::string(kInside), "--disallowedTools", std::string(kWebTools)};
  if (task.permission_policy == "ask")
    argv.insert(argv.end(), {"--permission-mode", "default"});
  else  // and not asked whether that is meant
    argv.insert(argv.end(), {"--permission-mode", "bypassPermissions", "--settings",
                             R"({"skipDangerousModePermissionPrompt": true})"});
  if (task.resume) argv.emplace_back("--continue");
  name_model(task, launch);
  launch.process.env = environment(task);
  launch.files.emplace_back("/home/agent/.claude.json", answers(task));
  return launch;
}

}  // namespace

std::unique_ptr<ports::Agent> make_claude_agent(AgentOptions options) {
  return std::make_unique<ClaudeAgent>(std::move(options));
}

}  // namespace corral::adapters::agent
