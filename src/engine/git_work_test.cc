// The git scripts, carried out by a real shell and a real git on a real bare repository.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/files.h"
#include "base/log.h"
#include "base/subprocess.h"
#include "base/testing/temporary_folder.h"
#include "engine/git_work.h"
#include "engine/testing/harness.h"

namespace corral::engine {
namespace {

namespace fs = std::filesystem;

std::map<std::string, std::string> plain_env(const fs::path& home) {
  return {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
          {"HOME", home.string()},
          {"LANG", "C.UTF-8"},
          {"GIT_CONFIG_NOSYSTEM", "1"}};
}

// A workspace that is a folder: processes run to their end when they are started.
class FolderWorkspace final : public ports::Workspace {
 public:
  FolderWorkspace(fs::path folder, fs::path home, std::string git)
      : folder_(std::move(folder)), home_(std::move(home)), git_(std::move(git)) {}
  WorkspaceId id() const override { return {}; }
  ports::Isolation isolation() const override { return ports::Isolation::none; }
  bool gone() const override { return false; }
  std::string git_url() const override { return git_; }

  Task<Result<void>> start(ports::ProcessSpec spec) override {
    if (done_.contains(spec.id)) co_return Result<void>{};
    auto env = plain_env(home_);
    env.insert(spec.env.begin(), spec.env.end());
    spec.argv.back() = "exec 2>&1\n" + spec.argv.back();
    const std::string id = spec.id;
    CORRAL_CO_TRY(done_[id],
                  co_await run_command({.argv = spec.argv, .env = env, .cwd = folder_.string()}));
    co_return Result<void>{};
  }
  Task<Result<ports::ProcessExit>> wait(std::string process) override {
    co_return ports::ProcessExit{.exit_code = done_.at(process).exit_code};
  }
  Task<Result<std::uint64_t>> read_output(std::string channel, std::uint64_t from,
                                          ports::OutputSink sink) override {
    const std::string text = done_.at(channel).output;
    if (from < text.size()) CORRAL_CO_CHECK(co_await sink(from, text.substr(from)));
    co_return text.size();
  }
  Task<Result<void>> input(std::string, std::string, std::string) override {
    co_return Result<void>{};
  }
  Task<Result<std::uint64_t>> type(std::string, std::string, std::uint64_t, std::string) override {
    co_return 0;
  }
  Task<Result<void>> close_input(std::string) override { co_return Result<void>{}; }
  Task<Result<void>> resize(std::string, ports::TerminalSize) override { co_return Result<void>{}; }
  Task<Result<void>> signal(std::string, int) override { co_return Result<void>{}; }
  Task<Result<std::string>> read_file(std::string, std::size_t) override { co_return ""; }
  Task<Result<void>> write_file(std::string, std::string, std::optional<unsigned>) override {
    co_return Result<void>{};
  }
  Task<Result<ports::FolderListing>> list_folder(std::string, std::size_t) override {
    co_return ports::FolderListing{};
  }

 private:
  fs::path folder_, home_;
  std::string git_;
  std::map<std::string, CommandResult> done_;
};

struct GitWorkTest : ::testing::Test {
  GitWorkTest() {
    log::set_level(log::Level::error);
    for (const char* folder : {"home", "seed"}) fs::create_directory(root / folder);
    git("seed",
        "git init -q -b main . && git config user.name Seed && git config user.email "
        "seed@localhost && "
        "printf 'one\\n' > a.txt && printf 'build/\\n' > .gitignore && git add -A && git commit -q "
        "-m first");
    git(".", "git clone -q --bare seed mirror.git");
    base = git("mirror.git", "git rev-parse main");

    h.boot();
    h.call(h.engine().start()).value();
    run_id = h.start(
        "exit 1");  // gives a run in the store to hang events on; it never gets a driver from here
    core = std::make_unique<Core>(EngineDeps{.executor = h.context().get_executor(),
                                             .store = h.store,
                                             .cache = *h.cache,
                                             .launcher = *(launcher = h.world.launcher()),
                                             .mirrors = *(mirrors = h.world.mirrors()),
                                             .agents = {},
                                             .blobs = h.blobs,
                                             .logs = h.logs,
                                             .models = h.models,
                                             .http = h.http,
                                             .clock = h.clock,
                                             .random = h.random,
                                             .token_key = Secret("key")},
                                  EngineOptions{}, standard_step_kinds());
    seat = std::make_unique<Drivers::Seat>(core->drivers, run_id);
    log_ = h.call(h.logs.open("log", session::LogStore::Open::create)).value();
    run.id = run_id;
    run.version = 1u << 30;  // newer than what the store has: it stays as it is made here
    run.status = domain::RunStatus::running;
    run.base_branch = "main";
    run.base_commit = base;
    run.workspaces = 1;
    run.request.branch = "corral/fix-it-1234";
    run.request.prompt = "Fix it: $(touch /tmp/owned) `x` \"quoted\"\n\nMore about it.";
    run.request.agent = "claude";
    run.request.author_name = "Ann <b>";
    run.request.author_email = "ann@example.org";
    run.steps.push_back({.definition = {.name = "work", .kind = "git"},
                         .status = domain::StepStatus::running,
                         .attempt = 1});
  }
  ~GitWorkTest() override {
    seat.reset();
    core.reset();
  }

  std::string git(const fs::path& folder, std::string script) {
    const auto result = h_run({.argv = {"sh", "-ec", std::move(script)},
                               .env = plain_env(root / "home"),
                               .cwd = (root / folder).string()});
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    auto out = result.output;
    while (out.ends_with('\n')) out.pop_back();
    return out;
  }
  static CommandResult h_run(CommandSpec spec) {
    asio::io_context context;
    std::optional<Result<CommandResult>> result;
    asio::co_spawn(
        context, run_command(std::move(spec)),
        [&](std::exception_ptr, Result<CommandResult> value) { result = std::move(value); });
    context.run();
    return result.value().value();
  }

  StepContext context_in(const std::string& folder) {
    fs::create_directory(root / folder);
    return {.core = *core,
            .seat = *seat,
            .run = run,
            .name = "work",
            .workspace = std::make_shared<FolderWorkspace>(root / folder, root / "home",
                                                           (root / "mirror.git").string()),
            .log = log_,
            .timeline = log_};
  }

  using Work = Task<Result<std::optional<domain::Failure>>> (*)(StepContext&);
  // Each call as a step of its own, so that process ids differ. Empty: it went well.
  std::string carry_out(Work work, StepContext& context) {
    context.run.steps.front().attempt = ++attempts;
    std::optional<Result<std::optional<domain::Failure>>> result;
    asio::co_spawn(h.context(), work(context),
                   [&](std::exception_ptr thrown, Result<std::optional<domain::Failure>> value) {
                     if (thrown) std::rethrow_exception(thrown);
                     result = std::move(value);
                   });
    h.context().restart();
    // The shell takes real time, pauses only virtual time.
    while (!result)
      if (h.context().run_one_for(std::chrono::milliseconds(20)) == 0)
        if (const auto wake = h.clock.next_wake()) h.clock.advance_to(*wake);
    if (!*result) return result->error().describe();
    return **result ? (**result)->message : "";
  }

  static Task<void> reappear(Clock& clock, fs::path folder, bool& back) {
    co_await clock.sleep(Duration(1'200));
    fs::rename(folder / "away.git", folder / "mirror.git");
    back = true;
  }

  testing::Harness h;
  TemporaryFolder temporary;
  const fs::path root = temporary.path();
  std::string base;
  RunId run_id;
  std::unique_ptr<ports::Launcher> launcher;
  std::unique_ptr<ports::Mirrors> mirrors;
  std::unique_ptr<Core> core;
  std::unique_ptr<Drivers::Seat> seat;
  std::shared_ptr<session::Log> log_;
  domain::Run run;
  int attempts = 0;
};

constexpr std::string_view kBranch = "refs/heads/corral/fix-it-1234";
constexpr std::string_view kSnapshot = "refs/corral/corral/fix-it-1234/snapshot";

TEST_F(GitWorkTest, ClonesOntoABranchOfItsOwnAndCommitsAsThePersonWhoAsked) {
  auto context = context_in("ws");
  ASSERT_EQ(carry_out(clone_sources, context), "") << h.logs.text("log");
  EXPECT_EQ(git("ws", "git branch --show-current"), "corral/fix-it-1234");
  git("ws",
      "printf 'two\\n' >> a.txt && printf 'new\\n' > 'b c.txt' && mkdir build && printf x > "
      "build/out");
  ASSERT_EQ(carry_out(commit_and_push, context), "") << h.logs.text("log");
  const auto pushed = fmt::format(
      "git log -1 "
      "--format='%an|%ae|%cn|%s|%(trailers:key=Corral-Run,valueonly,separator=%x2C)|%(trailers:key="
      "Corral-Agent,valueonly,separator=%x2C)' {}",
      kBranch);
  EXPECT_EQ(git("mirror.git", pushed),
            fmt::format(
                "Ann b|ann@example.org|Corral|Fix it: $(touch /tmp/owned) `x` \"quoted\"|{}|claude",
                run_id.to_string()));
  EXPECT_EQ(git("mirror.git", fmt::format("git diff --name-only main {}", kBranch)),
            "a.txt\nb c.txt");
  EXPECT_FALSE(fs::exists("/tmp/owned"));
}

TEST_F(GitWorkTest, NothingChangedIsNoCommit) {
  auto context = context_in("ws");
  ASSERT_EQ(carry_out(clone_sources, context), "");
  ASSERT_EQ(carry_out(commit_and_push, context), "");
  EXPECT_NE(h.logs.text("log").find("Nothing has changed"), std::string::npos);
  EXPECT_EQ(git("mirror.git", fmt::format("git for-each-ref {}", kBranch)), "");
}

TEST_F(GitWorkTest, TheAgentsOwnCommitsAreKept) {
  auto context = context_in("ws");
  ASSERT_EQ(carry_out(clone_sources, context), "");
  git("ws",
      "printf 'mine\\n' > mine.txt && git add -A && git commit -q -m 'by the agent' && printf "
      "'rest\\n' > rest.txt");
  ASSERT_EQ(carry_out(commit_and_push, context), "");
  EXPECT_EQ(git("mirror.git", fmt::format("git rev-list --count main..{}", kBranch)), "2");
}

TEST_F(GitWorkTest, TheWorkOfAnotherBranchIsTakenOverWithoutACommit) {
  git(".", "git clone -q mirror.git other");
  git("other",
      "git config user.name x && git config user.email x@localhost && git checkout -q -b "
      "corral/other && printf 'theirs\\n' > new.txt && printf 'changed\\n' > a.txt && git add -A "
      "&& git commit -q -m theirs && git push -q origin corral/other");
  auto context = context_in("ws");
  ASSERT_EQ(carry_out(clone_sources, context), "");
  const auto head = git("ws", "git rev-parse HEAD");
  static std::string other;
  other = git("other", "git rev-parse HEAD");
  const auto take = [](StepContext& in) { return take_over(in, other); };
  ASSERT_EQ(carry_out(take, context), "") << h.logs.text("log");
  EXPECT_EQ(git("ws", "cat new.txt a.txt"), "theirs\nchanged");
  EXPECT_EQ(git("ws", "git rev-parse HEAD"), head);
  EXPECT_EQ(git("ws", "git status --porcelain"), " M a.txt\n?? new.txt");
}

TEST_F(GitWorkTest, HooksOfTheWorkspaceAreNotRun) {
  auto context = context_in("ws");
  ASSERT_EQ(carry_out(clone_sources, context), "");
  git("ws",
      "printf '#!/bin/sh\\nexit 1\\n' > .git/hooks/pre-commit && cp .git/hooks/pre-commit "
      ".git/hooks/pre-push && chmod +x .git/hooks/* && printf x > x");
  EXPECT_EQ(carry_out(commit_and_push, context), "") << h.logs.text("log");
}

TEST_F(GitWorkTest, ASnapshotRestoresTheWorkTreeInAnotherWorkspace) {
  auto context = context_in("ws");
  ASSERT_EQ(carry_out(clone_sources, context), "");
  git("ws",
      "printf 'mine\\n' > mine.txt && git add -A && git commit -q -m 'by the agent' && printf "
      "'changed\\n' > a.txt && printf 'new\\n' > new.txt && git rm -q --cached mine.txt");
  const auto before = git("ws", "git status --porcelain");
  h.world.refs[std::string(kSnapshot)] =
      std::string(40, '0');  // what the fake mirror says; the real one is asked below
  (void)carry_out(take_snapshot, context);
  EXPECT_EQ(git("ws", "git status --porcelain"), before) << "index and HEAD stay as they were";
  context.run.snapshot = git("mirror.git", fmt::format("git rev-parse {}", kSnapshot));

  auto other = context_in("other");
  other.run.snapshot = context.run.snapshot;
  ASSERT_EQ(carry_out(restore_workspace, other), "") << h.logs.text("log");
  EXPECT_EQ(git("other", "cat a.txt new.txt mine.txt"), "changed\nnew\nmine");
  EXPECT_EQ(git("other", "git log --format=%s"), "by the agent\nfirst");
  EXPECT_EQ(git("other", "git branch --show-current"), "corral/fix-it-1234");
  EXPECT_EQ(git("other", "git status --porcelain"), " M a.txt\n?? new.txt");
}

TEST_F(GitWorkTest, WithoutASnapshotARestoredWorkspaceIsTheBase) {
  auto context = context_in("ws");
  ASSERT_EQ(carry_out(restore_workspace, context), "") << h.logs.text("log");
  EXPECT_EQ(git("ws", "git rev-parse HEAD"), base);
  EXPECT_EQ(git("ws", "cat a.txt"), "one");
}

TEST_F(GitWorkTest, WhatGitSaysIsInTheLogWhenItFails) {
  auto context = context_in("ws");
  context.run.base_commit = std::string(40, '1');
  EXPECT_EQ(carry_out(clone_sources, context),
            "git could not clone the sources (exit code 128); the log's last lines say why");
  EXPECT_NE(h.logs.text("log").find("1111111"), std::string::npos);
}

TEST_F(GitWorkTest, ATransferThatBreaksIsDoneAgain) {
  auto context = context_in("ws");
  fs::rename(root / "mirror.git", root / "away.git");
  bool back = false;
  asio::co_spawn(h.context(), reappear(h.clock, root, back), [](std::exception_ptr) {});
  EXPECT_EQ(carry_out(clone_sources, context), "") << h.logs.text("log");
  EXPECT_TRUE(back);
  EXPECT_EQ(git("ws", "git rev-parse HEAD"), base);
}

TEST_F(GitWorkTest, TransfersThatBrokeWithEarlierServersDoNotCount) {
  auto context = context_in("ws");
  fs::rename(root / "mirror.git", root / "away.git");
  EXPECT_NE(carry_out(clone_sources, context), "");
  fs::rename(root / "away.git", root / "mirror.git");
  EXPECT_EQ(carry_out(clone_sources, context), "") << h.logs.text("log");
  EXPECT_EQ(git("ws", "git rev-parse HEAD"), base);
}

TEST_F(GitWorkTest, AMirrorThatNeverAnswersIsUnavailable) {
  auto context = context_in("ws");
  context.run.base_branch = "no-such-branch";
  EXPECT_EQ(carry_out(clone_sources, context),
            "git could not clone the sources: the project's mirror did not answer; the log's last "
            "lines say why");
  EXPECT_NE(h.logs.text("log").find("no-such-branch"), std::string::npos);
}

}  // namespace
}  // namespace corral::engine
