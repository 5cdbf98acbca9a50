// Logs are kept as long as the settings say, and no longer; never those of what goes on.
#include "engine/retention.h"

#include "engine/testing/engine_fixture.h"

namespace corral::engine {
namespace {

using std::chrono::hours;

struct RetentionTest : testing::EngineTest {
  void SetUp() override {
    EngineTest::SetUp();
    // Days pass here: nobody needs to look every few seconds.
    h.options.heartbeat = h.options.idle_wait = std::chrono::minutes(10);
    h.options.lease = hours(1);
    const auto usual = h.world.act;
    h.world.act = [=](testing::FakeMachine& machine, testing::FakeProcess& process) {
      if (!process.spec.terminal) return usual(machine, process);
      process.output = "$ " + process.input;
      if (process.input.ends_with("exit\r")) process.end(0);
      if (!process.signals.empty()) process.end(128 + process.signals.back());
    };
  }
  RunId finished() {
    const auto id = h.start("done");
    EXPECT_TRUE(h.run_to_end(id));
    EXPECT_TRUE(pass(std::chrono::minutes(1))) << "so that it is older than the next";
    return id;
  }
  bool has_log(RunId id) { return h.logs.logs.contains(run_log_folder(id) + "/log"); }
  bool pass(Duration time) {
    const auto until = h.clock.now() + time;
    return h.run_until([&] { return h.clock.now() >= until; }, 10'000'000) && (h.settle(), true);
  }
  std::uint64_t bytes() {
    std::uint64_t sum = 0;
    for (const auto& [name, content] : h.logs.logs) sum += content->bytes.size();
    return sum;
  }
  Error refusal(RunId id) { return h.call(h.engine().run_log(id)).error(); }
  SessionId open_session() {
    NewSession asked{.project = h.request("").project, .git_url = h.request("").git_url};
    asked.command = {"sh"};
    const auto made = h.call(h.engine().sessions().create_session(asked, "user:ann")).value();
    const auto id = *SessionId::parse(find_string(made, {"id"}));
    EXPECT_TRUE(h.run_until([&] { return h.world.times_started("s-" + id.to_string()) == 1; }));
    h.settle();
    return id;
  }
  json::value session(SessionId id) {
    return h.call(h.engine().sessions().get_session(id)).value();
  }
};

TEST_F(RetentionTest, ByDefaultLogsAreCompressedAndKeptForEver) {
  boot();
  const auto id = finished();
  const int before = h.logs.compressed;
  ASSERT_TRUE(pass(hours(24)));
  EXPECT_GT(h.logs.compressed, before + 100);
  EXPECT_TRUE(has_log(id));
}

TEST_F(RetentionTest, WhatEndedLongEnoughAgoGoesAndSaysSo) {
  h.options.keep_logs = hours(24 * 2);
  boot();
  const auto old = finished();
  ASSERT_TRUE(pass(hours(30)));
  const auto young = finished();
  ASSERT_TRUE(pass(hours(17)));
  EXPECT_TRUE(has_log(old)) << "not yet";
  ASSERT_TRUE(pass(hours(2)));
  EXPECT_FALSE(has_log(old));
  EXPECT_TRUE(has_log(young));
  const auto error = refusal(old);
  EXPECT_EQ(error.code, ErrorCode::not_found);
  EXPECT_NE(error.message.find("logs are kept for 2 days after the end (--keep-logs)"),
            std::string::npos)
      << error.message;
  EXPECT_EQ(h.status(old), "completed") << "all else is kept";
  EXPECT_TRUE(h.call(h.engine().run_log(young)));
}

TEST_F(RetentionTest, TheOldestGoUntilTheRestFitsButNeverWhatGoesOn) {
  boot();
  const auto live = open_session();
  const auto first = finished(), second = finished(), third = finished();
  const auto all = bytes();
  h.shut_down();
  h.options.log_quota_bytes = all - 1;
  boot();
  h.logs.in_use.insert(run_log_folder(first));
  ASSERT_TRUE(pass(hours(1)));
  EXPECT_TRUE(has_log(first)) << "somebody reads it";
  EXPECT_FALSE(has_log(second));
  EXPECT_TRUE(has_log(third)) << "it fits";
  EXPECT_NE(refusal(second).message.find("--logs-quota"), std::string::npos);
  h.shut_down();
  h.logs.in_use.clear();
  h.options.log_quota_bytes = 1;
  boot();
  ASSERT_TRUE(pass(hours(1)));
  EXPECT_FALSE(has_log(first));
  EXPECT_FALSE(has_log(third));
  EXPECT_EQ(find_string(session(live), {"status"}), "running");
  EXPECT_TRUE(h.logs.logs.contains("sessions/" + live.to_string() + "/out"));
}

TEST_F(RetentionTest, ARemovedSessionsLogIsNotFoundRatherThanEmpty) {
  h.options.keep_logs = hours(24);
  boot();
  const auto id = open_session();
  ASSERT_TRUE(h.call(h.engine().sessions().open_session(id)));
  ASSERT_TRUE(h.call(h.engine().sessions().stop_session(id, "enough", "user:ann")));
  ASSERT_TRUE(h.run_until([&] { return find_string(session(id), {"status"}) == "ended"; }));
  ASSERT_TRUE(pass(hours(23)));
  EXPECT_TRUE(h.call(h.engine().sessions().open_session(id)));
  ASSERT_TRUE(pass(hours(2)));
  const auto opened = h.call(h.engine().sessions().open_session(id));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::not_found);
  EXPECT_NE(opened.error().message.find("--keep-logs"), std::string::npos);
  EXPECT_EQ(find_string(session(id), {"end_reason"}), "enough");
}

TEST_F(RetentionTest, ARunThatIsTriedAgainHasALogAgain) {
  h.options.keep_logs = hours(1);
  h.world.exit_codes["checks-1"] = 2;
  boot();
  auto request = h.request("done");
  request.checks = "make test";
  const auto id = h.start(request);
  ASSERT_TRUE(h.run_to_end(id));
  ASSERT_EQ(h.status(id), "failed");
  ASSERT_TRUE(pass(hours(3)));
  EXPECT_FALSE(has_log(id));
  ASSERT_TRUE(h.call(h.engine().retry_run(id, "", "user:ann")));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed");
  EXPECT_TRUE(has_log(id));
  EXPECT_TRUE(h.call(h.engine().run_log(id)));
}

TEST_F(RetentionTest, LogsOfNobodyKnownAreLeftAlone) {
  h.options.keep_logs = hours(1);
  h.options.log_quota_bytes = 1;
  boot();
  for (const char* name :
       {"runs/01900000-0000-7000-8000-000000000000/log",
        "sessions/01900000-0000-7000-8000-000000000000/out", "other/thing/log"}) {
    h.logs.logs[name] = std::make_shared<testing::MemoryLogs::Content>();
    h.logs.logs[name]->bytes = "bytes";
  }
  ASSERT_TRUE(pass(hours(5)));
  EXPECT_EQ(h.logs.logs.size(), 3u);
}

TEST_F(RetentionTest, ASessionThatPrintsTooMuchIsEndedAndSaysWhy) {
  h.options.session_log_bytes = 1000;
  boot();
  const auto id = open_session();
  {
    auto live = h.call(h.engine().sessions().open_session(id)).value();
    session::LiveSession::Seat seat(
        live, session::ViewerInfo{.source = "ann", .name = "Ann", .role = session::Role::own});
    ASSERT_TRUE(h.call(seat.type(0, std::string(900, 'x'))));
    ASSERT_TRUE(pass(std::chrono::minutes(1)));
    EXPECT_EQ(find_string(session(id), {"status"}), "running");
    ASSERT_TRUE(h.call(seat.type(900, std::string(200, 'x'))));
  }
  ASSERT_TRUE(h.run_until([&] { return find_string(session(id), {"status"}) == "ended"; }));
  const std::string reason(find_string(session(id), {"end_reason"}));
  EXPECT_EQ(reason, "it printed 1102 bytes, and a session may print 1000");
}

}  // namespace
}  // namespace corral::engine
