#include <cstdio>

#include <sys/stat.h>

#include "adapters/agent/agents.h"
#include "adapters/agent/claude_driver.h"
#include "base/blocking.h"
#include "base/files.h"
#include "base/id.h"
#include "base/subprocess.h"

namespace corral::adapters::agent {
namespace {

namespace fs = std::filesystem;
using ports::AgentInfo;
using ports::AgentLaunch;
using ports::AgentTask;
using ports::ReadOnlyMount;

constexpr std::string_view kInside = "/corral/agents/claude";
constexpr auto kInstallTimeout = std::chrono::minutes(20);

#if defined(__x86_64__)
constexpr std::string_view kPlatform = "linux-x64";
#elif defined(__aarch64__)
constexpr std::string_view kPlatform = "linux-arm64";
#else
#error "Claude Code is published for x86-64 and arm64"
#endif

// Tools that make no sense where nobody sits at the terminal and there is no network. The web tools
// matter most: they run at the provider, so they would be a way out of a sandbox that has none.
constexpr std::string_view kUnavailableTools =
    "AskUserQuestion,CronCreate,CronDelete,CronList,EnterPlanMode,EnterWorktree,ExitPlanMode,"
    "ExitWorktree,ScheduleWakeup,WebFetch,WebSearch";

class ClaudeAgent final : public ports::Agent {
 public:
  explicit ClaudeAgent(ClaudeOptions options) : options_(std::move(options)) {}

  std::string_view name() const override { return "claude"; }

  Task<Result<AgentInfo>> info() override {
    AgentInfo info{.name = "claude",
                   .version = "",
                   .wanted_version = std::string(kClaudeVersion),
                   .problem = ""};
    if (installed(version_folder()))
      info.version = info.wanted_version;
    else
      info.problem = remedy();
    co_return info;
  }

  Task<Result<void>> install(std::function<void(std::string_view)> progress) override;

  Task<Result<std::vector<ReadOnlyMount>>> mounts() override {
    if (!installed(version_folder())) co_return fail(ErrorCode::unavailable, "{}", remedy());
    co_return std::vector<ReadOnlyMount>{
        {program(version_folder()).string(), std::string(kInside)}};
  }

  Result<AgentLaunch> launch(const AgentTask& task) override;

  std::unique_ptr<ports::AgentDriver> driver(const AgentTask& task) override {
    return std::make_unique<ClaudeDriver>(task);
  }

 private:
  fs::path version_folder() const { return options_.folder / "claude" / kClaudeVersion; }

  // The native program that npm puts beside the JavaScript launcher, as a dependency for this
  // platform.
  static fs::path program(const fs::path& folder) {
    return folder / "node_modules" / "@anthropic-ai" / fmt::format("claude-code-{}", kPlatform) /
           "claude";
  }

  static bool installed(const fs::path& folder) {
    struct stat status{};
    return ::stat(program(folder).c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
           (status.st_mode & 0111) != 0;
  }

  static std::string remedy() {
    return fmt::format("Claude Code {} is not installed; run: corral agent install claude",
                       kClaudeVersion);
  }

  ClaudeOptions options_;
};

// Installs into a folder of its own beside the final place and renames: an interrupted installation
// leaves nothing that looks installed, and two at once do not mix.
Task<Result<void>> ClaudeAgent::install(std::function<void(std::string_view)> progress) {
  const fs::path final_folder = version_folder();
  if (installed(final_folder)) {
    progress(fmt::format("Claude Code {} is already installed in {}", kClaudeVersion,
                         final_folder.string()));
    co_return Result<void>{};
  }
  BlockingPool files(1);
  const fs::path parent = final_folder.parent_path();
  const fs::path temporary =
      parent / fmt::format("{}.tmp-{}", kClaudeVersion, SystemRandom::instance().hex(4));
  CORRAL_CO_CHECK(make_directories(temporary));
  progress(fmt::format("Fetching Claude Code {} from npm (about 100 MB) …", kClaudeVersion));
  // npm looks upwards for a package.json unless the prefix has one. Scripts stay off: the native
  // program is a package of its own, which needs none.
  auto prepared = write_file_atomically(temporary / "package.json", R"({"private": true})", 0644);
  Result<std::string> fetched = fail(ErrorCode::internal, "not run");
  if (prepared)
    fetched =
        co_await run_checked({.argv = {options_.npm, "install", "--prefix", temporary.string(),
                                       "--no-audit", "--no-fund", "--no-save", "--ignore-scripts",
                                       "--loglevel=error", "--fetch-retry-maxtimeout=20000",
                                       fmt::format("@anthropic-ai/claude-code@{}", kClaudeVersion)},
                              .env = inherited_env(),
                              .cwd = temporary.string(),
                              .timeout = kInstallTimeout});
  Result<void> outcome = {};
  if (!prepared)
    outcome = std::unexpected(prepared.error());
  else if (!fetched && fetched.error().code == ErrorCode::not_found)
    outcome = fail(
        ErrorCode::not_found,
        "{} is not on PATH: install Node.js with npm (Debian: apt-get install npm), then try again",
        options_.npm);
  else if (!fetched)
    outcome = wrap(fetched.error(), "npm could not install Claude Code");
  else if (!installed(temporary))
    outcome =
        fail(ErrorCode::unavailable,
             "npm installed no program for {}: is \"optional=false\" set in its configuration?",
             kPlatform);
  if (outcome && std::rename(temporary.c_str(), final_folder.c_str()) != 0 &&
      !installed(final_folder)) {
    // What is there was left by an older Corral or removed by hand in part: it gives way.
    co_await files.run([final_folder] { (void)remove_tree(final_folder); });
    if (std::rename(temporary.c_str(), final_folder.c_str()) != 0)
      outcome = std::unexpected(
          errno_error(errno, "cannot move Claude Code to " + final_folder.string()));
  }
  // Also what interrupted installations left: theirs are the folders with this prefix that are
  // older than an installation may take.
  co_await files.run([parent, temporary] {
    (void)remove_tree(temporary);
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(parent, ignored)) {
      const auto age = fs::file_time_type::clock::now() - entry.last_write_time(ignored);
      if (entry.path().filename().string().find(".tmp-") != std::string::npos &&
          age > 2 * kInstallTimeout)
        (void)remove_tree(entry.path());
    }
  });
  CORRAL_CO_CHECK(std::move(outcome));
  progress(fmt::format("Claude Code {} is installed in {}", kClaudeVersion, final_folder.string()));
  co_return Result<void>{};
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

std::unique_ptr<ports::Agent> make_claude_agent(ClaudeOptions options) {
  return std::make_unique<ClaudeAgent>(std::move(options));
}

}  // namespace corral::adapters::agent
