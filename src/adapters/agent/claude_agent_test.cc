// Installing Claude Code with a stand-in for npm; and the real CLI against the scripted model,
// where it is installed (CORRAL_AGENTS names the folder).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdlib>
#include <fstream>

#include "adapters/agent/agents.h"
#include "base/files.h"
#include "base/id.h"
#include "base/subprocess.h"
#include "base/testing/temporary_folder.h"
#include "ports/contract/run_task.h"

namespace corral::adapters::agent {
namespace {

namespace fs = std::filesystem;
using ports::contract::run_task;
using testing::Contains;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

// A program that does to `--prefix DIR` what npm would.
fs::path stand_in_npm(const fs::path& folder, std::string_view body) {
  const auto path = folder / "npm";
  std::ofstream(path) << "#!/bin/sh\nset -e\nprefix=$3\n" << body << "\n";
  ::chmod(path.c_str(), 0755);
  return path;
}

constexpr std::string_view kInstallsIt =
    "for p in linux-x64 linux-arm64; do mkdir -p "
    "$prefix/node_modules/@anthropic-ai/claude-code-$p\n"
    "printf '#!/bin/sh\\n' > $prefix/node_modules/@anthropic-ai/claude-code-$p/claude\n"
    "chmod 755 $prefix/node_modules/@anthropic-ai/claude-code-$p/claude; done";

void quiet(std::string_view) {}

TEST(ClaudeAgent, SaysThatItIsNotInstalledAndWhatToDo) {
  TemporaryFolder folder;
  auto agent = make_claude_agent({.folder = folder.path() / "agents"});
  const auto info = run_task(agent->info()).value();
  EXPECT_EQ(info.version, "");
  EXPECT_THAT(info.problem, HasSubstr("corral agent install claude"));
  EXPECT_EQ(run_task(agent->mounts()).error().code, ErrorCode::unavailable);
}

TEST(ClaudeAgent, InstallsOnceAndMountsTheProgramOnly) {
  TemporaryFolder folder;
  const auto npm = stand_in_npm(folder.path(), std::string(kInstallsIt) + "\necho called >> " +
                                                   (folder.path() / "calls").string());
  auto agent = make_claude_agent({.folder = folder.path() / "agents", .npm = npm.string()});
  ASSERT_TRUE(run_task(agent->install(quiet)));
  ASSERT_TRUE(run_task(agent->install(quiet)));
  EXPECT_EQ(read_file(folder.path() / "calls").value(), "called\n");
  EXPECT_EQ(run_task(agent->info()).value().version, kClaudeVersion);
  const auto mounts = run_task(agent->mounts()).value();
  ASSERT_EQ(mounts.size(), 1u);
  EXPECT_EQ(mounts[0].target, "/corral/agents/claude");
  EXPECT_TRUE(fs::is_regular_file(mounts[0].source));
}

TEST(ClaudeAgent, LeavesNothingThatLooksInstalledWhenNpmFails) {
  TemporaryFolder folder;
  const auto npm = stand_in_npm(
      folder.path(), "mkdir -p $prefix/node_modules; echo no route to the registry >&2; exit 1");
  auto agent = make_claude_agent({.folder = folder.path() / "agents", .npm = npm.string()});
  const auto failed = run_task(agent->install(quiet));
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().describe(), HasSubstr("no route to the registry"));
  EXPECT_TRUE(fs::is_empty(folder.path() / "agents" / "claude"));
  stand_in_npm(folder.path(), kInstallsIt);
  EXPECT_TRUE(run_task(agent->install(quiet)));
}

TEST(ClaudeAgent, NamesTheRemedyWhenNpmIsMissing) {
  TemporaryFolder folder;
  auto agent = make_claude_agent({.folder = folder.path(), .npm = "no-such-npm-here"});
  EXPECT_THAT(run_task(agent->install(quiet)).error().message, HasSubstr("apt-get install npm"));
}

TEST(ClaudeAgent, LaunchesWithTheRunsTokenAndNothingElse) {
  auto agent = make_claude_agent({});
  ports::AgentTask task{.session_id = "019e0000-0000-7000-8000-000000000001",
                        .gateway_url = "http://127.0.0.1:8377",
                        .gateway_token = "run-token"};
  const auto launch = agent->launch(task).value();
  EXPECT_EQ(launch.process.env.at("ANTHROPIC_API_KEY"), "run-token");
  EXPECT_TRUE(launch.process.input);
  EXPECT_FALSE(launch.process.merge_errors);
  task.session_id = "not-a-uuid; rm -rf";
  EXPECT_EQ(agent->launch(task).error().code, ErrorCode::invalid);
}

TEST(ClaudeAgent, AtATerminalIsAskedNothingOnItsFirstStart) {
  auto agent = make_claude_agent({});
  ports::AgentTask task{.gateway_url = "http://127.0.0.1:8377",
                        .gateway_token = "crl_0123456789012345678901234567890123456789",
                        .model = "m",
                        .permission_policy = "ask"};
  auto launch = agent->launch_terminal(task).value();
  EXPECT_EQ(launch.process.env.at("ANTHROPIC_API_KEY"), task.gateway_token);
  EXPECT_THAT(launch.process.argv, IsSupersetOf({"--permission-mode", "default", "--model", "m"}));
  ASSERT_EQ(launch.files.size(), 1u);
  EXPECT_EQ(launch.files[0].first, "/home/agent/.claude.json");
  EXPECT_THAT(launch.files[0].second, HasSubstr(R"("approved":["01234567890123456789"])"));
  EXPECT_THAT(launch.files[0].second, Not(HasSubstr(task.gateway_token)));
  EXPECT_THAT(launch.process.argv, Not(Contains("--continue")));
  task.permission_policy = "workspace";
  task.resume = true;
  launch = agent->launch_terminal(task).value();
  EXPECT_THAT(launch.process.argv, IsSupersetOf({"bypassPermissions", "--continue"}));
}

// ---- the real CLI ----

// A child with pipes on stdin and stdout, ended with this object.
class Child {
 public:
  Child(std::vector<std::string> argv, std::map<std::string, std::string> env,
        const std::string& cwd) {
    int in[2], out[2];
    EXPECT_EQ(::pipe2(in, O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
    input = Fd(in[1]);
    output = Fd(out[0]);
    Fd child_in(in[0]), child_out(out[1]);
    pid_ = spawn({std::move(argv), std::move(env), cwd, in[0], out[1], STDERR_FILENO, {}}).value();
  }
  ~Child() {
    input.reset();
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    wait();
  }
  int wait() {
    if (pid_ <= 0) return -1;
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string read() {
    char buffer[65536];
    const auto got = ::read(output.get(), buffer, sizeof buffer);
    return {buffer, got > 0 ? static_cast<std::size_t>(got) : 0};
  }
  Fd input, output;

 private:
  pid_t pid_ = -1;
};

TEST(RealClaude, WritesAFileAsTheScriptedModelSays) {
  const char* folder = std::getenv("CORRAL_AGENTS");
  if (folder == nullptr) GTEST_SKIP() << "CORRAL_AGENTS does not name a folder of installed agents";
  auto agent = make_claude_agent({.folder = folder});
  const auto mounts = run_task(agent->mounts());
  if (!mounts) GTEST_SKIP() << mounts.error().message;

  TemporaryFolder temporary;
  fs::create_directories(temporary.path() / "home");
  fs::create_directories(temporary.path() / "work");
  Child model({"python3", CORRAL_SOURCE_DIR "/tests/tools/model_server.py", "--until-eof"},
              inherited_env(), temporary.path());
  std::string url = model.read();
  url = url.substr(url.find("http"), url.find('\n') - url.find("http"));

  const ports::AgentTask task{
      .prompt =
          R"(Write a greeting. SCRIPT:[{"text":"I write it.","tool":"Write","input":{"file_path":"hello.txt","content":"hello\n"}},)"
          R"({"tool":"WebFetch","input":{"url":"https://example.com","prompt":"x"}},{"text":"Written."}])",
      .session_id = Uuid::v7(SystemClock::instance().now(), SystemRandom::instance()).to_string(),
      .gateway_url = url,
      .gateway_token = "run-token",
      .permission_policy = "ask"};
  auto launch = agent->launch(task).value();
  launch.process.argv[0] = mounts->front().source;
  auto env = inherited_env();
  env["HOME"] = temporary.path() / "home";
  env.insert(launch.process.env.begin(), launch.process.env.end());
  Child cli(launch.process.argv, env, temporary.path() / "work");

  auto driver = agent->driver(task);
  std::string text;
  std::optional<ports::AgentResult> result;
  const auto take = [&](ports::AgentDriver::Step step) {
    for (const auto& input : step.inputs) ASSERT_TRUE(write_all(cli.input.get(), input.bytes));
    text += step.text;
    if (step.result) {
      result = step.result;
      cli.input.reset();
    }
  };
  take(driver->begin());
  for (std::string bytes = cli.read(); !bytes.empty(); bytes = cli.read()) {
    auto step = driver->on_output(bytes);
    const auto events = step.events;
    take(std::move(step));
    for (const auto& event : events)
      if (event.kind == ports::AgentEvent::Kind::permission_request)
        take(driver->answer(event.id, true, ""));
  }
  ASSERT_TRUE(result) << text;
  EXPECT_TRUE(result->ok) << text;
  EXPECT_EQ(result->summary, "Written.");
  EXPECT_EQ(cli.wait(), 0);
  EXPECT_EQ(read_file(temporary.path() / "work" / "hello.txt").value(), "hello\n");
  EXPECT_THAT(text, HasSubstr("? may it use Write"));
  EXPECT_THAT(text, HasSubstr("No such tool available: WebFetch"));
}

}  // namespace
}  // namespace corral::adapters::agent
