// Sessions: opened with a run of their own and in others' workspaces, over restarts, to every end.
#include "engine/session_host.h"

#include "engine/testing/engine_fixture.h"

namespace corral::engine {
namespace {

struct SessionHostTest : testing::EngineTest {
  void SetUp() override {
    EngineTest::SetUp();
    // A terminal: prints what it is typed, and lives until it is told or signalled.
    const auto usual = h.world.act;
    h.world.act = [=](testing::FakeMachine& machine, testing::FakeProcess& process) {
      if (!process.spec.terminal) return usual(machine, process);
      process.output = "$ " + process.input;
      if (process.input.ends_with("exit\r")) process.end(3);
      if (!process.signals.empty()) process.end(128 + process.signals.back());
    };
    boot();
  }
  SessionService& sessions() { return h.engine().sessions(); }

  NewSession request() {
    NewSession asked{.git_url = h.request("").git_url};
    asked.project = h.request("").project;
    asked.command = {"sh"};
    return asked;
  }
  SessionId open(NewSession asked, Caller by = "user:ann") {
    auto made = h.call(sessions().create_session(std::move(asked), std::move(by)));
    EXPECT_TRUE(made) << made.error().describe();
    return *SessionId::parse(find_string(made.value(), {"id"}));
  }
  ErrorCode refusal(NewSession asked) {
    return h.call(sessions().create_session(std::move(asked), "user:ann")).error().code;
  }
  json::value document(SessionId id) { return h.call(sessions().get_session(id)).value(); }
  std::string status(SessionId id) { return std::string(find_string(document(id), {"status"})); }
  RunId run_of(SessionId id) { return *RunId::parse(find_string(document(id), {"run"})); }
  bool until_running(SessionId id) {
    return h.run_until([&] { return h.world.times_started("s-" + id.to_string()) == 1; }) &&
           (h.settle(), status(id) == "running");
  }
  std::unique_ptr<session::LiveSession::Seat> sit(SessionId id,
                                                  session::Role role = session::Role::own) {
    auto live = h.call(sessions().open_session(id)).value();
    return std::make_unique<session::LiveSession::Seat>(
        live, session::ViewerInfo{.source = "ann", .name = "Ann", .role = role});
  }
};

TEST_F(SessionHostTest, ASessionOfItsOwnIsARunThatLastsAsLong) {
  const auto id = open(request());
  EXPECT_EQ(status(id), "created");
  ASSERT_TRUE(until_running(id));
  const auto run = run_of(id);
  EXPECT_EQ(h.step_status(run, "session"), "waiting");
  {
    const auto seat = sit(id);
    EXPECT_EQ(h.call(seat->type(0, "ls\r")).value(), 3u);
    EXPECT_EQ(h.call(seat->type(0, "ls\rexit\r")).value(), 8u);
  }
  ASSERT_TRUE(h.run_to_end(run));
  EXPECT_EQ(h.status(run), "completed");
  const auto ended = document(id);
  EXPECT_EQ(find_string(ended, {"status"}), "ended");
  EXPECT_EQ(find_int(ended, {"exit_code"}), 3);
  EXPECT_GT(find_int(ended, {"log_bytes"}), 0);
  EXPECT_EQ(h.count(run, "run.step.completed", "commit"), 1);
}

TEST_F(SessionHostTest, ItGoesOnAfterACrashAndAnUpgrade) {
  const auto id = open(request());
  ASSERT_TRUE(until_running(id));
  h.call(sit(id)->type(0, "one "));
  h.crash();
  boot();
  h.settle();
  EXPECT_EQ(status(id), "running");
  {
    const auto seat = sit(id);
    h.settle();
    EXPECT_EQ(h.call(seat->typed()).value(), 4u);
    EXPECT_EQ(h.call(seat->type(0, "one two")).value(), 7u) << "sent again, and more";
  }
  h.shut_down();
  boot();
  h.settle();
  EXPECT_EQ(h.world.find_process("s-" + id.to_string())->input, "one two");
  EXPECT_EQ(h.world.times_started("s-" + id.to_string()), 1);
  ASSERT_TRUE(h.call(sessions().stop_session(id, "enough", "user:ann")));
  ASSERT_TRUE(h.run_to_end(run_of(id)));
  EXPECT_EQ(find_string(document(id), {"end_reason"}), "enough");
  EXPECT_EQ(find_int(document(id), {"exit_code"}), 128 + 1);
}

TEST_F(SessionHostTest, InAnotherRunsWorkspaceWhileThatIsThere) {
  const auto first = open(request());
  ASSERT_TRUE(until_running(first));
  NewSession beside{.run = run_of(first).to_string()};
  const auto second = open(beside, {"user:ann", "key"});
  EXPECT_EQ(open(beside, {"user:ann", "key"}), second) << "the same key";
  ASSERT_TRUE(until_running(second));
  EXPECT_EQ(find_string(document(second), {"name"}), "shell");
  EXPECT_EQ(find_string(document(second), {"workspace"}),
            find_string(document(first), {"workspace"}));
  SessionFilter filter{.run = beside.run};
  EXPECT_EQ(h.call(sessions().list_sessions(filter)).value().items.size(), 2u);
  filter = {.status = "running", .limit = 1};
  const auto page = h.call(sessions().list_sessions(filter)).value();
  ASSERT_EQ(page.items.size(), 1u);
  filter.cursor = page.next_cursor;
  EXPECT_EQ(h.call(sessions().list_sessions(filter)).value().items.size(), 1u);
  // It ends with the workspace, not the workspace with it.
  h.call(sit(first)->type(0, "exit\r"));
  ASSERT_TRUE(h.run_to_end(run_of(first)));
  ASSERT_TRUE(h.run_until([&] { return status(second) == "ended"; }));
  EXPECT_EQ(refusal(beside), ErrorCode::conflict);
  EXPECT_EQ(refusal({.run = "x"}), ErrorCode::not_found);
}

TEST_F(SessionHostTest, CancellingTheRunEndsIt) {
  const auto id = open(request());
  ASSERT_TRUE(until_running(id));
  ASSERT_TRUE(h.call(h.engine().cancel_run(run_of(id), "no more", "user:ann")));
  ASSERT_TRUE(h.run_to_end(run_of(id)));
  EXPECT_EQ(h.status(run_of(id)), "cancelled");
  ASSERT_TRUE(h.run_until([&] { return status(id) == "ended"; }));
  // One that never began ends with its run too.
  const auto never = open(request());
  ASSERT_TRUE(h.call(h.engine().cancel_run(run_of(never), "", "user:ann")));
  ASSERT_TRUE(h.run_to_end(run_of(never)));
  h.settle();
  EXPECT_EQ(status(never), "ended");
}

TEST_F(SessionHostTest, AStopBeforeItBeganIsTheEnd) {
  const auto id = open(request());
  ASSERT_TRUE(h.call(sessions().stop_session(id, "", "user:ann")));
  EXPECT_EQ(status(id), "ended");
  ASSERT_TRUE(h.run_to_end(run_of(id)));
  EXPECT_EQ(h.world.times_started("s-" + id.to_string()), 0);
}

TEST_F(SessionHostTest, SilenceEndsItWhenAskedFor) {
  auto asked = request();
  asked.idle_s = 60;
  const auto id = open(asked);
  ASSERT_TRUE(until_running(id));
  const auto began = h.clock.now();
  ASSERT_TRUE(h.run_until([&] { return status(id) == "ended"; }));
  EXPECT_GE(h.clock.now() - began, Duration(60'000));
  EXPECT_EQ(find_string(document(id), {"end_reason"}), "nothing happened for too long");
}

TEST_F(SessionHostTest, ALostWorkspaceIsSaid) {
  const auto id = open(request());
  ASSERT_TRUE(until_running(id));
  h.world.lose(*WorkspaceId::parse(find_string(document(id), {"workspace"})));
  ASSERT_TRUE(h.run_until([&] { return status(id) == "ended"; }));
  EXPECT_EQ(find_string(document(id), {"end_reason"}), "its workspace is gone");
}

TEST_F(SessionHostTest, OneWhoseBeginningWasNotHeardOfIsLookedAfter) {
  const auto first = open(request());
  ASSERT_TRUE(until_running(first));
  bool full = true;
  h.store_faults = [&](std::string_view call,
                       ports::fakes::FakeStore::Moment moment) -> std::optional<Error> {
    if (call != "commit" || moment != ports::fakes::FakeStore::Moment::after ||
        !std::exchange(full, false))
      return {};
    return Error{ErrorCode::exhausted, "the disk is full", nullptr};
  };
  EXPECT_EQ(refusal({.run = run_of(first).to_string()}), ErrorCode::exhausted);
  h.settle();
  std::optional<SessionId> second;
  for (const auto& item : h.call(sessions().list_sessions({})).value().items)
    if (const auto id = SessionId::parse(find_string(item, {"id"})); id != first) second = id;
  ASSERT_TRUE(second);
  ASSERT_TRUE(until_running(*second)) << status(*second);
  ASSERT_TRUE(h.call(sessions().stop_session(*second, "", "user:ann")));
  ASSERT_TRUE(h.run_until([&] { return status(*second) == "ended"; }));
  EXPECT_EQ(status(first), "running");
}

// What a life is like in which something goes wrong at a certain moment.
struct SessionTroubleTest : ::testing::Test {
  void SetUp() override { log::set_level(log::Level::error); }
  void TearDown() override { EXPECT_EQ(log::take_error_count(), 0); }

  static void boot(testing::Harness& h) {
    h.boot();
    ASSERT_TRUE(h.call(h.engine().start()));
  }
  static SessionId open(testing::Harness& h) {
    NewSession asked{.git_url = "/srv/project"};
    asked.command = {"sh"};
    const auto made =
        h.call(h.engine().sessions().create_session(std::move(asked), "user:ann")).value();
    return *SessionId::parse(find_string(made, {"id"}));
  }
  static RunId run_of(testing::Harness& h, SessionId id) {
    return *RunId::parse(find_string(h.session(id), {"run"}));
  }
  static std::string status(testing::Harness& h, SessionId id) {
    return std::string(find_string(h.session(id), {"status"}));
  }
  // Terminals live until they are signalled.
  static void make_terminals(testing::Harness& h) {
    const auto usual = h.world.act;
    h.world.act = [usual](testing::FakeMachine& machine, testing::FakeProcess& process) {
      if (!process.spec.terminal) return usual(machine, process);
      if (!process.signals.empty()) process.end(128 + process.signals.back());
    };
  }
  // A life's worth of steps from `prepare` on, killed after each in turn: whenever it is, the next
  // server sees to it that both run and session end.
  template <class Prepare>
  static void expect_an_end_after_each_kill(Prepare prepare) {
    for (const auto use : {StoreUse::alone, StoreUse::shared}) {
      int kills = 0;
      for (bool over = false; !over; ++kills) {
        SCOPED_TRACE(fmt::format("killed after {} steps, {}", kills,
                                 use == StoreUse::alone ? "alone" : "shared"));
        testing::Harness h(static_cast<std::uint64_t>(kills));
        h.options.store_use = use;
        make_terminals(h);
        boot(h);
        const auto id = prepare(h);
        const auto run = run_of(h, id);
        for (int i = 0; i < kills; ++i) ASSERT_TRUE(h.step());
        over = h.ended(run) && status(h, id) == "ended";
        h.crash();
        boot(h);
        ASSERT_TRUE(h.run_to_end(run));
        ASSERT_TRUE(h.run_until([&] { return status(h, id) == "ended"; }, 20'000)) << status(h, id);
        ASSERT_LT(kills, 5'000);
      }
      EXPECT_GT(kills, 20);
    }
  }
};

TEST_F(SessionTroubleTest, KilledAtAnyMomentOfACancelTheNextServerEndsIt) {
  expect_an_end_after_each_kill([](testing::Harness& h) {
    const auto id = open(h);
    EXPECT_TRUE(h.run_until([&] { return h.world.times_started("s-" + id.to_string()) == 1; }));
    EXPECT_TRUE(h.call(h.engine().cancel_run(run_of(h, id), "", "user:ann")));
    return id;
  });
}

TEST_F(SessionTroubleTest, KilledAtAnyMomentOfAFailureTheNextServerEndsWhatNeverBegan) {
  expect_an_end_after_each_kill([](testing::Harness& h) {
    h.world.exit_codes["prepare-1"] = 1;
    return open(h);
  });
}

TEST_F(SessionTroubleTest, AFullDiskAtAnyMomentIsNoFailureAndLeavesNoneBehind) {
  int commits = 0;
  for (bool struck = true; struck; ++commits) {
    SCOPED_TRACE(fmt::format("after {} commits", commits));
    testing::Harness h(static_cast<std::uint64_t>(commits));
    const auto usual = h.world.act;
    h.world.act = [usual](testing::FakeMachine& machine, testing::FakeProcess& process) {
      if (!process.spec.terminal) return usual(machine, process);
      process.end(3);
    };
    boot(h);
    const auto id = open(h);
    int left = commits;
    struck = false;
    h.store_faults = [&](std::string_view call,
                         ports::fakes::FakeStore::Moment moment) -> std::optional<Error> {
      if (!call.starts_with("commit") || moment != ports::fakes::FakeStore::Moment::after ||
          left-- != 0)
        return {};
      struck = true;
      return Error{ErrorCode::exhausted, "the disk is full", nullptr};
    };
    const auto run = run_of(h, id);
    ASSERT_TRUE(h.run_to_end(run));
    ASSERT_TRUE(h.run_until([&] { return status(h, id) == "ended"; }, 20'000)) << status(h, id);
    EXPECT_EQ(h.status(run), "completed");
    EXPECT_EQ(find_int(h.session(id), {"exit_code"}), 3);
    h.store_faults = {};
    ASSERT_LT(commits, 500);
  }
  EXPECT_GT(commits, 10);
}

TEST_F(SessionHostTest, LinksAreKeptAsHashesAndRevoked) {
  const auto id = open(request());
  const auto link = h.call(sessions().share_session(id, {.role = "type"}, "user:ann")).value();
  const auto token = std::string(find_string(link, {"token"}));
  const auto guest = h.call(sessions().open_share(token)).value();
  EXPECT_EQ(guest.session, id);
  EXPECT_EQ(guest.role, session::Role::type);
  for (const auto& event : h.all_events(0, 500))
    EXPECT_FALSE(json::serialize(event.data).contains(token)) << event.type;
  EXPECT_EQ(json::serialize(document(id)).find(token), std::string::npos);
  const auto share = std::string(find_string(link, {"id"}));
  ASSERT_TRUE(h.call(sessions().revoke_share(id, share, "user:ann")));
  EXPECT_EQ(h.call(sessions().open_share(token)).error().code, ErrorCode::unauthenticated);
  EXPECT_EQ(h.call(sessions().revoke_share(id, share, "user:ann")).error().code,
            ErrorCode::not_found);
  EXPECT_EQ(h.call(sessions().share_session(id, {.role = "own"}, "user:ann")).error().code,
            ErrorCode::invalid);
  EXPECT_EQ(h.call(sessions().share_session(id, {.expires_s = 0}, "user:ann")).error().code,
            ErrorCode::invalid);
}

TEST_F(SessionHostTest, RefusesWhatCannotBe) {
  EXPECT_EQ(refusal({}), ErrorCode::invalid);
  auto both = request();
  both.agent = "claude";
  EXPECT_EQ(refusal(both), ErrorCode::invalid);
  auto unknown = request();
  unknown.command.clear();
  unknown.agent = "nobody";
  EXPECT_EQ(refusal(unknown), ErrorCode::invalid);
  auto nothing_to_resume = request();
  nothing_to_resume.resume = true;
  EXPECT_EQ(refusal(nothing_to_resume), ErrorCode::invalid);
  auto doubtful = request();
  doubtful.permissions = "never";
  EXPECT_EQ(refusal(doubtful), ErrorCode::invalid);
  auto nul = request();
  nul.command = {std::string("a\0b", 3)};
  EXPECT_EQ(refusal(nul), ErrorCode::invalid);
  auto large = request();
  large.command = {std::string(70'000, 'x')};
  EXPECT_EQ(refusal(large), ErrorCode::invalid);
  auto wide = request();
  wide.columns = 5000;
  EXPECT_EQ(refusal(wide), ErrorCode::invalid);
  auto long_lived = request();
  long_lived.limit_s = 8 * 24 * 3600;
  EXPECT_EQ(refusal(long_lived), ErrorCode::invalid);
  const auto nobody = SessionId::make(h.clock.now(), h.random);
  EXPECT_EQ(h.call(sessions().get_session(nobody)).error().code, ErrorCode::not_found);
  EXPECT_EQ(h.call(sessions().open_session(nobody)).error().code, ErrorCode::not_found);
  EXPECT_EQ(h.call(sessions().rename_session(nobody, "x", "user:ann")).error().code,
            ErrorCode::not_found);
  SessionFilter filter{.status = "asleep"};
  EXPECT_EQ(h.call(sessions().list_sessions(filter)).error().code, ErrorCode::invalid);
  filter = {.cursor = "x"};
  EXPECT_EQ(h.call(sessions().list_sessions(filter)).error().code, ErrorCode::invalid);
}

TEST_F(SessionHostTest, AProgramThatCannotBeStartedEndsIt) {
  h.world.faults = [](std::string_view call) -> std::optional<Error> {
    if (call == "start") return Error{ErrorCode::not_found, "no such program", nullptr};
    return {};
  };
  auto asked = request();
  const auto id = open(asked);
  ASSERT_TRUE(h.run_until([&] { return status(id) == "ended" || h.ended(run_of(id)); }));
}

}  // namespace
}  // namespace corral::engine
