#include "runner/testing/runner_test.h"

namespace corral::runner {
namespace {

class ProcessTest : public RunnerTest {
 protected:
  void SetUp() override { start_all(); }
};

TEST_F(ProcessTest, TypedStreamsArriveOnceWhateverIsSentAgain) {
  ASSERT_TRUE(run(client_->start({.id = "a", .argv = {"cat"}, .input = true})));
  EXPECT_EQ(run(client_->type("a", "ann", 0, {})).value(), 0u);
  EXPECT_EQ(run(client_->type("a", "ann", 0, "hello ")).value(), 6u);
  EXPECT_EQ(run(client_->type("a", "bob", 0, "BOB ")).value(), 4u);
  EXPECT_EQ(run(client_->type("a", "ann", 0, "hello ")).value(), 6u);
  EXPECT_EQ(run(client_->type("a", "ann", 3, "lo world")).value(), 11u) << "cut otherwise";
  EXPECT_EQ(run(client_->type("a", "ann", 12, "!")).error().code, ErrorCode::invalid);
  EXPECT_EQ(run(client_->type("a", "ann", 99, {})).value(), 11u);
  ASSERT_TRUE(run(client_->close_input("a")));
  EXPECT_EQ(output("a"), "hello BOB world");
  EXPECT_EQ(run(client_->type("a", "ann", 11, "x")).error().code, ErrorCode::conflict);
}

TEST_F(ProcessTest, GivesOutputAndExitCode) {
  ASSERT_TRUE(start("a", "echo hello; echo oops >&2; exit 3"));
  EXPECT_EQ(output("a"), "hello\noops\n");
  const auto exit = exit_of("a");
  EXPECT_EQ(exit.exit_code, 3);
  EXPECT_FALSE(exit.timed_out);
  EXPECT_EQ(exit_of("a").exit_code, 3);  // again
  EXPECT_EQ(output("a"), "");            // all of it was acknowledged
  EXPECT_EQ(total_, 11u);
}

TEST_F(ProcessTest, KeepsErrorsApartWhenAsked) {
  ASSERT_TRUE(start("a", "echo hello; echo oops >&2", {.merge_errors = false}));
  EXPECT_EQ(output("a"), "hello\n");
  EXPECT_EQ(output("a.err"), "oops\n");
}

TEST_F(ProcessTest, StartsAnIdOnce) {
  ASSERT_TRUE(start("a", "echo run >> ran"));
  ASSERT_TRUE(start("a", "echo run >> ran"));
  exit_of("a");
  ASSERT_TRUE(start("a", "echo run >> ran"));
  EXPECT_EQ(read_file(folder_ / "work/ran").value(), "run\n");
}

TEST_F(ProcessTest, SaysWhatIsWrongWithAStart) {
  const auto code = [&](ports::ProcessSpec spec) {
    return run(client_->start(std::move(spec))).error().code;
  };
  EXPECT_EQ(code({.id = "a", .argv = {"no-such-program"}}), ErrorCode::not_found);
  EXPECT_EQ(code({.id = "a", .argv = {"true"}, .cwd = "/workspace/nowhere"}), ErrorCode::not_found);
  // The runner's own descriptors are no way out of the workspace.
  EXPECT_EQ(code({.id = "a", .argv = {"true"}, .cwd = "/proc/self/fd/3"}), ErrorCode::forbidden);
  std::filesystem::create_directory_symlink("/proc/self/fd/3", folder_ / "work" / "door");
  EXPECT_EQ(code({.id = "a", .argv = {"true"}, .cwd = "/workspace/door"}), ErrorCode::forbidden);
  EXPECT_EQ(code({.id = "a", .argv = {"/etc/passwd"}}), ErrorCode::forbidden);
  EXPECT_EQ(code({.id = "a", .argv = {}}), ErrorCode::invalid);
  EXPECT_EQ(code({.id = "A!", .argv = {"true"}}), ErrorCode::invalid);
  EXPECT_EQ(code({.id = "a", .argv = {"true", std::string(200'000, 'x')}}), ErrorCode::exhausted);
  EXPECT_EQ(code({.id = "a", .argv = {"true", std::string(5'000'000, 'x')}}), ErrorCode::exhausted);
  EXPECT_EQ(run(client_->wait("a")).error().code,
            ErrorCode::not_found);  // none of them left a trace
  EXPECT_TRUE(run(client_->start({.id = "a", .argv = {"true"}})));
}

TEST_F(ProcessTest, GivesItsOwnEnvironmentAndNothingOfTheServer) {
  ASSERT_TRUE(start("a", "env | sort; pwd; ls /proc/self/fd | wc -l",
                    {.env = {{"EXTRA", "1"}, {"TERM", "mine"}}}));
  const auto text = output("a");
  const auto work = (folder_ / "work").string(), home = (folder_ / "home").string();
  EXPECT_EQ(text, "CORRAL_PROCESS=a\nEXTRA=1\nHOME=" + home +
                      "\nLANG=C.UTF-8\nPATH=/usr/local/bin:/usr/bin:/bin\nPWD=" + work +
                      "\nTERM=mine\nUSER=agent\n" + work + "\n4\n");
}

TEST_F(ProcessTest, ProgramsAreEndedBeforeTheRunnerWhenMemoryRunsOut) {
  ASSERT_TRUE(start(
      "a",
      "for i in $(seq 100); do [ $(cat /proc/self/oom_score_adj) = 500 ] && exit 0; done; exit 1"));
  EXPECT_EQ(exit_of("a").exit_code, 0);
}

TEST_F(ProcessTest, WritesInputOnceInOrderAndCloses) {
  ASSERT_TRUE(run(client_->start({.id = "a", .argv = {"cat"}, .input = true})));
  for (const char* word : {"one ", "two ", "three"})
    ASSERT_TRUE(run(client_->input("a", std::string("id-") + word, word)));
  ASSERT_TRUE(run(client_->input("a", "id-two ", "two ")));
  ASSERT_TRUE(run(client_->close_input("a")));
  ASSERT_TRUE(run(client_->close_input("a")));
  EXPECT_EQ(output("a"), "one two three");
  EXPECT_EQ(exit_of("a").exit_code, 0);
  ASSERT_TRUE(run(client_->input("a", "id-two ", "two ")));  // known, although it has ended
  EXPECT_EQ(run(client_->input("a", "new", "x")).error().code, ErrorCode::conflict);
}

TEST_F(ProcessTest, TakesALargeInputWhileTheProcessIsSlowToRead) {
  ASSERT_TRUE(run(client_->start({.id = "a", .argv = {"sleep", "300"}, .input = true})));
  std::string big(16u << 20, 'x');
  ASSERT_TRUE(run(client_->input("a", "1", big)));
  // The queue is full: the next one waits until the process reads.
  const auto second = std::make_shared<std::optional<Result<void>>>();
  asio::co_spawn(
      context_, client_->input("a", "2", big),
      [second](std::exception_ptr, Result<void> result) { *second = std::move(result); });
  ASSERT_TRUE(run(client_->resize("a", {})).error().code ==
              ErrorCode::conflict);  // a round trip later
  EXPECT_FALSE(*second);
  EXPECT_EQ(run(client_->input("a", "3", std::string((16u << 20) + 1, 'x'))).error().code,
            ErrorCode::exhausted);
  // When it ends, the one that waits is told.
  ASSERT_TRUE(run(client_->signal("a", SIGKILL)));
  run_until([&] { return second->has_value(); });
  EXPECT_EQ((*second)->error().code, ErrorCode::conflict);
}

TEST_F(ProcessTest, ReadsItAllOnceTheProcessDoes) {
  ASSERT_TRUE(start("a", "wc -c", {.input = true}));
  std::string big(16u << 20, 'x');
  ASSERT_TRUE(run(client_->input("a", "1", big)));
  ASSERT_TRUE(run(client_->input("a", "2", big)));
  ASSERT_TRUE(run(client_->close_input("a")));
  EXPECT_EQ(output("a"), std::to_string(32u << 20) + "\n");
}

TEST_F(ProcessTest, HasATerminalThatCanBeResized) {
  ASSERT_TRUE(start("a",
                    "trap 'stty size; exit 0' WINCH; tty; stty size; while :; do sleep 0.05; done",
                    {.terminal = ports::TerminalSize{100, 30}}));
  const auto reading = read_on("a");
  run_until([&] { return reading->text.contains("30 100"); });
  EXPECT_TRUE(reading->text.starts_with("/dev/pts/")) << reading->text;
  ASSERT_TRUE(run(client_->resize("a", {120, 40})));
  run_until([&] { return reading->total.has_value(); });
  EXPECT_TRUE(reading->text.ends_with("40 120\r\n")) << reading->text;
  EXPECT_EQ(exit_of("a").exit_code, 0);
}

TEST_F(ProcessTest, TakesInputFromATerminal) {
  ASSERT_TRUE(start("a", "read line; echo got $line; cat", {.terminal = ports::TerminalSize{}}));
  ASSERT_TRUE(run(client_->input("a", "1", "hello\r")));
  ASSERT_TRUE(run(client_->close_input("a")));
  const auto text = output("a");
  EXPECT_TRUE(text.contains("got hello\r\n")) << text;
  EXPECT_EQ(exit_of("a").exit_code, 0);
}

TEST_F(ProcessTest, InterruptsThroughTheTerminal) {
  ASSERT_TRUE(start("a", "echo ready; exec sleep 60", {.terminal = ports::TerminalSize{}}));
  const auto reading = read_on("a");
  run_until([&] { return reading->text.contains("ready"); });
  ASSERT_TRUE(run(client_->input("a", "1", "\x03")));
  EXPECT_EQ(exit_of("a").exit_code, 130);
}

// A daemon as they are made: two forks, a session of its own, its output elsewhere or, worse, still
// ours.
constexpr const char* kDaemon =
    "setsid sh -c '(trap \"\" HUP; echo $$ >> daemon; exec sleep 300) & sleep 0' ";

bool alive(pid_t pid) {
  const auto stat = read_file(fmt::format("/proc/{}/stat", pid));
  return stat && !stat->contains(") Z ");
}

TEST_F(ProcessTest, SignalsReachDaemonsToo) {
  ASSERT_TRUE(start("a", std::string(kDaemon) +
                             "; setsid sh -c 'sleep 300 & echo $! > orphan' </dev/null "
                             ">/dev/null 2>&1; echo ready; exec sleep 300"));
  const auto reading = read_on("a");
  run_until([&] { return reading->text.contains("ready"); });
  const pid_t orphan = std::stoi(read_file(folder_ / "work/orphan").value());
  ASSERT_TRUE(alive(orphan));
  ASSERT_TRUE(run(client_->signal("a", SIGTERM)));
  EXPECT_EQ(exit_of("a").exit_code, 128 + SIGTERM);
  EXPECT_FALSE(alive(orphan));
  ASSERT_TRUE(run(client_->signal("a", SIGTERM)));  // it has ended: fine
}

TEST_F(ProcessTest, WhatTheLeaderLeavesBehindEndsWithIt) {
  ASSERT_TRUE(start("other", "sleep 300"));
  // One keeps the output open, the other hides: no marker, no ancestors, no terminal.
  ASSERT_TRUE(start("a",
                    "sleep 300 & echo $! > holder; setsid env -i sh -c 'sleep 300 & echo $! > "
                    "hidden' </dev/null >/dev/null 2>&1; echo done"));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(output("a"), "done\n");
  EXPECT_EQ(exit_of("a").exit_code, 0);
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took, 1500ms);  // the grace for the one that holds the output
  EXPECT_LE(took, 10s);
  EXPECT_FALSE(alive(std::stoi(read_file(folder_ / "work/holder").value())));
  const pid_t hidden = std::stoi(read_file(folder_ / "work/hidden").value());
  // Whose it is cannot be told while two are at work; it ends with the last of them.
  ASSERT_TRUE(run(client_->signal("other", SIGKILL)));
  EXPECT_EQ(exit_of("other").exit_code, 137);
  run_until([&] { return !alive(hidden); });
}

TEST_F(ProcessTest, EndsAProcessThatIsOutOfTime) {
  ASSERT_TRUE(start("a", "sleep 300 & sleep 300", {.timeout = 100ms}));
  const auto exit = exit_of("a");
  EXPECT_TRUE(exit.timed_out);
  EXPECT_EQ(exit.exit_code, 128 + SIGTERM);
}

TEST_F(ProcessTest, KillsAProcessThatIgnoresItsTimeout) {
  ASSERT_TRUE(start("a", "trap '' TERM; while :; do sleep 0.1; done", {.timeout = 50ms}));
  const auto begin = std::chrono::steady_clock::now();
  const auto exit = exit_of("a");
  EXPECT_TRUE(exit.timed_out);
  EXPECT_EQ(exit.exit_code, 137);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 5s);
}

TEST_F(ProcessTest, KillsATreeThatForksAllTheTime) {
  ASSERT_TRUE(start("a", "echo ready; while :; do (setsid sleep 300 &) ; done"));
  const auto reading = read_on("a");
  run_until([&] { return reading->text.contains("ready"); });
  ASSERT_TRUE(run(client_->signal("a", SIGKILL)));
  EXPECT_EQ(exit_of("a").exit_code, 137);
  // Those that died last are still to be waited for.
  run_until([&] {
    return read_file(fmt::format("/proc/{0}/task/{0}/children", runner_)).value().empty();
  });
}

TEST_F(ProcessTest, TellsAKillForLackOfMemoryFromItsOwn) {
  auto with_probe = options();
  with_probe.out_of_memory = [] { return true; };
  client_ = std::make_shared<client::RunnerClient>(context_.get_executor(), SystemClock::instance(),
                                                   std::move(with_probe));
  cut();
  ASSERT_TRUE(start("victim", "kill -KILL $$"));
  EXPECT_TRUE(exit_of("victim").out_of_memory);
  ASSERT_TRUE(start("told", "exec sleep 300"));
  ASSERT_TRUE(run(client_->signal("told", SIGKILL)));
  EXPECT_FALSE(exit_of("told").out_of_memory);
}

TEST_F(ProcessTest, ShutdownEndsEverything) {
  ASSERT_TRUE(start("a", "trap '' TERM HUP; setsid sleep 300 & echo $! > left; exec sleep 300"));
  run_until([&] {
    return std::filesystem::exists(folder_ / "work/left") &&
           !read_file(folder_ / "work/left").value().empty();
  });
  const pid_t left = std::stoi(read_file(folder_ / "work/left").value());
  ASSERT_TRUE(run(client_->shutdown(10s)));
  EXPECT_EQ(end_runner(0), 0);
  EXPECT_FALSE(alive(left));
}

class UnprivilegedTest : public RunnerTest {};

TEST_F(UnprivilegedTest, NobodyOfTheSameUserReadsTheRunner) {
  if (::geteuid() == 0) {  // root may read it all, so it is started as somebody else
    constexpr uid_t kNobody = 65534;
    for (const char* part : {"", "door", "spool", "work", "home"})
      ASSERT_EQ(::chown((folder_ / part).c_str(), kNobody, kNobody), 0);
    before_runner_ = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"};
    if (run(run_command({.argv = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                  "--", CORRAL_RUNNER_PATH, "version"},
                         .env = inherited_env()}))
            .value()
            .exit_code != 0)
      GTEST_SKIP() << "the build folder is not open to another user";
  }
  start_server();
  ASSERT_EQ(::fchmodat(door_.get(), "link.sock", 0666, 0), 0);
  start_runner();
  ASSERT_TRUE(run(client_->connected(10s)));
  ASSERT_TRUE(start("a",
                    "for f in environ fd/3/link.sock fd/4/boot root/etc/hostname mem maps; do head "
                    "-c 1 /proc/$PPID/$f >/dev/null 2>&1 && echo read $f; done; "
                    "tr '\\0' ' ' < /proc/$PPID/cmdline"));
  const auto text = output("a");
  EXPECT_TRUE(text.ends_with("corral-runner serve ")) << text;  // it did look at the right process
  EXPECT_FALSE(text.contains("read")) << text;
}

}  // namespace
}  // namespace corral::runner
