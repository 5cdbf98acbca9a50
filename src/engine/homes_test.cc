// Several servers on one store, each with a data folder of its own: mirrors and workspaces are not
// shared.
#include "engine/homes.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "engine/testing/harness.h"

namespace corral::engine {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kTwoSteps = R"(name: two
steps:
  - {name: sources, kind: git, action: clone}
  - {name: one, kind: command, run: one}
  - {name: two, kind: command, run: two}
)";
constexpr std::string_view kOneStep = R"(name: one
steps:
  - {name: sources, kind: git, action: clone}
  - {name: one, kind: command, run: one}
)";
constexpr std::string_view kAsking = R"(name: asking
steps:
  - {name: sources, kind: git, action: clone}
  - {name: one, kind: command, run: one}
  - {name: ask, kind: approval, message: Sure}
  - {name: two, kind: command, run: two}
)";

// A server and everything that is on its machine.
struct Machine {
  Machine(std::string server, ports::fakes::FakeClock& clock, ports::fakes::FakeStore& store,
          std::uint64_t seed)
      : name(std::move(server)), clock(clock), store(store), random(seed) {
    const auto usual = world.act;
    world.act = [this, usual](testing::FakeMachine& machine, testing::FakeProcess& process) {
      if (!held.contains(process.spec.id)) return usual(machine, process);
      if (!process.signals.empty()) process.end(128 + process.signals.back());
    };
  }
  ~Machine() {
    if (engine) end();
  }

  void boot() {
    context = std::make_unique<asio::io_context>();
    launcher = world.launcher();
    mirrors = world.mirrors();
    EngineOptions options;
    options.server = name;
    options.store_use = StoreUse::shared;
    engine = make_engine(
        {.executor = context->get_executor(),
         .store = store,
         .cache = cache,
         .launcher = *launcher,
         .mirrors = *mirrors,
         .agents = {testing::make_fake_agent(), testing::make_fake_agent({.name = "command"})},
         .blobs = blobs,
         .logs = logs,
         .models = models,
         .http = http,
         .clock = clock,
         .random = random,
         .token_key = Secret("0123456789abcdef0123456789abcdef")},
        options);
  }
  void end() {
    bool stopped = false;
    asio::co_spawn(*context, engine->stop(), [&](std::exception_ptr) { stopped = true; });
    for (int i = 0; i < 100'000 && !stopped; ++i) {
      context->restart();
      context->poll();
    }
    EXPECT_TRUE(stopped);
    engine.reset();
  }
  bool poll() {
    if (!engine || frozen) return false;
    context->restart();
    return context->poll_one() > 0;
  }
  // The process that was held ends well.
  void let_end(const std::string& process) {
    held.erase(process);
    for (auto& [id, machine] : world.machines)
      if (const auto at = machine.processes.find(process); at != machine.processes.end()) {
        at->second.end(0);
        machine.changed->wake_all();
      }
  }

  std::string name;
  ports::fakes::FakeClock& clock;
  ports::fakes::FakeStore& store;
  testing::FakeWorld world;
  testing::MemoryLogs logs;
  ports::fakes::FakeBlobs blobs;
  ports::fakes::FakeCache cache{clock};
  ports::fakes::FakeHttpClient http{clock};
  ports::fakes::FakeLlm models{clock};
  SeededRandom random;
  std::set<std::string> held;  // processes that do not end by themselves
  bool frozen = false;         // SIGSTOP, or dead for all that the others know
  std::unique_ptr<asio::io_context> context;
  std::unique_ptr<ports::Launcher> launcher;
  std::unique_ptr<ports::Mirrors> mirrors;
  std::unique_ptr<Engine> engine;
};

struct HomesTest : ::testing::Test {
  void SetUp() override { log::set_level(log::Level::error); }
  void TearDown() override { EXPECT_EQ(log::take_error_count(), 0); }

  bool step() {
    // Whoever comes first has the better chance of a job: so it is now the one, now the other.
    ++turn_;
    for (auto* machine : turn_ % 3 == 0 ? std::array{&a, &b} : std::array{&b, &a})
      if (machine->poll()) return true;
    const auto wake = clock.next_wake();
    if (!wake) return false;
    clock.advance_to(*wake);
    return true;
  }
  template <class Done>
  bool run_until(Done done, int most = 100'000) {
    for (int i = 0; i < most; ++i) {
      if (done()) return true;
      if (!step()) return done();
    }
    return false;
  }
  void pass(Duration time) {
    const Time end = clock.now() + time;
    ASSERT_TRUE(run_until([&] { return clock.now() >= end; }));
  }
  template <class T>
  T call(Machine& on, Task<T> task) {
    std::optional<T> result;
    asio::co_spawn(*on.context, std::move(task),
                   [&result](const std::exception_ptr& thrown, T value) {
                     if (thrown) std::rethrow_exception(thrown);
                     result.emplace(std::move(value));
                   });
    run_until([&] { return result.has_value(); });
    CORRAL_ASSERT(result);
    return std::move(*result);
  }
  void boot(Machine& machine) {
    machine.boot();
    ASSERT_TRUE(call(machine, machine.engine->start()));
  }
  // A run that has its home on A.
  RunId start_on_a(std::string_view definition, const std::string& until_process) {
    if (b.engine) b.frozen = true;
    StartRun request;
    request.git_url = "/srv/project";
    request.agent = "fake";
    request.definition = definition;
    const auto document = call(a, a.engine->start_run(request, {"user:ann", ""})).value();
    const auto id = RunId::parse(find_string(document, {"id"})).value();
    EXPECT_TRUE(run_until([&] { return a.world.times_started(until_process) == 1; }));
    b.frozen = false;
    return id;
  }
  json::value run(RunId id) {
    asio::io_context own;
    std::optional<Result<std::optional<ports::Document>>> found;
    asio::co_spawn(own, store.get("run", id.to_string()),
                   [&](std::exception_ptr, auto value) { found.emplace(std::move(value)); });
    own.run();
    return found->value()->body;
  }
  std::string status(RunId id) { return std::string(find_string(run(id), {"status"})); }
  bool ended(RunId id) { return status(id) != "running" && status(id) != "pending"; }
  int count(RunId id, std::string_view type, std::string_view step) {
    asio::io_context own;
    std::optional<Result<std::vector<ports::Event>>> events;
    asio::co_spawn(own, store.read_stream("run/" + id.to_string(), 0, 1000),
                   [&](std::exception_ptr, auto value) { events.emplace(std::move(value)); });
    own.run();
    return static_cast<int>(std::ranges::count_if(events->value(), [&](const auto& event) {
      return event.type == type && find_string(event.data, {"step"}) == step;
    }));
  }

  ports::fakes::FakeClock clock;
  ports::fakes::FakeStore store{clock};
  Machine a{"a", clock, store, 1}, b{"b", clock, store, 2};
  int turn_ = 0;
};

TEST_F(HomesTest, AServerTakesUpItsOwnRunsAtOnceThoughTheStoreIsShared) {
  boot(a);
  boot(b);
  a.held = {"one-1"};
  const auto id = start_on_a(kOneStep, "one-1");
  a.end();
  const Time died = clock.now();
  boot(a);
  a.let_end("one-1");
  ASSERT_TRUE(run_until([&] { return ended(id); }));
  EXPECT_EQ(status(id), "completed");
  EXPECT_LT(clock.now() - died, 5s) << "not after a lease";
  EXPECT_EQ(a.world.times_started("one-1"), 1);
  EXPECT_TRUE(b.world.machines.empty());
}

TEST_F(HomesTest, AServerRemovesWhatItsEarlierLifeLeftAndNothingThatItsRunsNeed) {
  boot(a);
  a.held = {"one-1"};
  const auto id = start_on_a(kOneStep, "one-1");
  a.end();
  const auto stray = WorkspaceId::make(clock.now(), a.random);
  a.world.machines[stray].id = stray;
  boot(a);
  EXPECT_EQ(a.world.destroyed, std::set{stray});
  a.let_end("one-1");
  ASSERT_TRUE(run_until([&] { return ended(id); }));
  EXPECT_EQ(status(id), "completed");
}

TEST_F(HomesTest, AWorkspaceIsReachedOnItsOwnServerOnly) {
  boot(a);
  boot(b);
  a.held = {"one-1"};
  const auto id = start_on_a(kOneStep, "one-1");
  EXPECT_TRUE(call(a, a.engine->files().list(id, "")).has_value());
  const auto files = call(b, b.engine->files().list(id, ""));
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, ErrorCode::conflict);
  EXPECT_TRUE(files.error().message.contains("on server a")) << files.error().message;
  NewSession shell{.run = id.to_string()};
  EXPECT_EQ(call(b, b.engine->sessions().create_session(shell, "user:ann")).error().code,
            ErrorCode::conflict);
  a.let_end("one-1");
  ASSERT_TRUE(run_until([&] { return ended(id); }));
}

TEST_F(HomesTest, ARunIsDrivenWhereItsWorkspaceIs) {
  boot(a);
  boot(b);
  for (int i = 0; i < 10; ++i) {
    const auto id = start_on_a(kAsking, "one-1");
    a.world.started.clear();
    ASSERT_TRUE(run_until([&] { return find_bool(run(id), {"waiting"}); }));
    pass(1s);  // put aside, so that whoever is first may have it
    const std::string approval(find_string(run(id).at("approvals").at(0), {"id"}));
    ASSERT_TRUE(call(b, b.engine->decide_approval(approval, true, "", "", "user:ann")));
    const Time decided = clock.now();
    ASSERT_TRUE(run_until([&] { return ended(id); }));
    EXPECT_EQ(status(id), "completed");
    EXPECT_LT(clock.now() - decided, 10s);
    EXPECT_EQ(count(id, "run.step.started", "two"), 1);
    EXPECT_TRUE(b.world.machines.empty()) << "its workspace and its work so far are on a";
  }
}

TEST_F(HomesTest, TheStepOfADeadServersRunStartsAgainOnAnother) {
  boot(a);
  boot(b);
  a.held = {"one-1"};
  const auto id = start_on_a(kOneStep, "one-1");
  a.frozen = true;
  ASSERT_TRUE(run_until([&] { return ended(id); }));
  EXPECT_EQ(status(id), "completed") << json::serialize(run(id));
  EXPECT_GE(b.world.fetches, 1) << "its mirror is made anew";
  EXPECT_EQ(b.world.times_started("one-2"), 1);
  EXPECT_EQ(count(id, "run.step.completed", "sources"), 1)
      << "what had completed is not done again";
  EXPECT_EQ(count(id, "run.step.completed", "one"), 1);
  // The first comes back: it does nothing more for the run, and ends what it had for it.
  const auto events = call(b, store.read_stream("run/" + id.to_string(), 0, 1000)).value().size();
  a.frozen = false;
  a.let_end("one-1");
  pass(60s);
  EXPECT_EQ(call(b, store.read_stream("run/" + id.to_string(), 0, 1000)).value().size(), events);
  EXPECT_EQ(a.world.destroyed.size(), 1u);
}

TEST_F(HomesTest, ARunWhoseWorkIsOnAServerThatIsAwayWaitsForIt) {
  boot(a);
  boot(b);
  a.held = {"two-1"};
  const auto id = start_on_a(kTwoSteps, "two-1");
  a.frozen = true;
  pass(10min);
  EXPECT_EQ(status(id), "running");
  EXPECT_TRUE(b.world.machines.empty());
  a.frozen = false;
  a.let_end("two-1");
  ASSERT_TRUE(run_until([&] { return ended(id); }));
  EXPECT_EQ(status(id), "completed");
  EXPECT_EQ(count(id, "run.step.started", "two"), 1) << "its workspace was at work all the time";
  EXPECT_EQ(a.world.times_started("two-1"), 1);
}

TEST_F(HomesTest, ARunThatWaitsForItsServerGoesOnAsSoonAsThatIsBack) {
  boot(a);
  boot(b);
  a.held = {"two-1"};
  const auto id = start_on_a(kTwoSteps, "two-1");
  a.end();
  pass(10min);
  EXPECT_EQ(status(id), "running");
  const Time back = clock.now();
  boot(a);
  a.let_end("two-1");
  ASSERT_TRUE(run_until([&] { return ended(id); }));
  EXPECT_EQ(status(id), "completed");
  EXPECT_LT(clock.now() - back, 6s);
  EXPECT_TRUE(b.world.machines.empty());
}

TEST_F(HomesTest, ARunWhoseWorkIsOnAServerThatIsAwayCanBeCancelled) {
  boot(a);
  boot(b);
  a.held = {"two-1"};
  const auto id = start_on_a(kTwoSteps, "two-1");
  a.frozen = true;
  pass(2min);
  ASSERT_TRUE(call(b, b.engine->cancel_run(id, "", "user:ann")));
  ASSERT_TRUE(run_until([&] { return ended(id); }));
  EXPECT_EQ(status(id), "cancelled");
}

TEST_F(HomesTest, ADeadServersSessionsEndWithTheWorkspaceThatWasThere) {
  boot(a);
  boot(b);
  for (const bool cancelled : {false, true}) {
    b.frozen = true;
    NewSession asked{.git_url = "/srv/project"};
    asked.command = {"sh"};
    const auto made = call(a, a.engine->sessions().create_session(asked, "user:ann")).value();
    const auto id = SessionId::parse(find_string(made, {"id"})).value();
    const auto process = "s-" + id.to_string();
    a.held.insert(process);
    ASSERT_TRUE(run_until([&] { return a.world.times_started(process) == 1; }));
    b.frozen = false;
    a.frozen = true;
    pass(2min);
    const auto run_id = RunId::parse(find_string(made, {"run"})).value();
    if (cancelled) ASSERT_TRUE(call(b, b.engine->cancel_run(run_id, "", "user:ann")));
    ASSERT_TRUE(run_until([&] { return ended(run_id); })) << json::serialize(run(run_id));
    const auto session = call(b, b.engine->sessions().get_session(id)).value();
    EXPECT_EQ(find_string(session, {"status"}), "ended");
    EXPECT_EQ(find_string(session, {"end_reason"}), "its workspace is gone");
    a.frozen = false;
    pass(1min);
    EXPECT_EQ(a.world.living_processes(), 0u) << "it ends what nobody wants any more";
  }
}

TEST_F(HomesTest, AServerThatWasCutOffFromTheStoreTakesNobodyForDead) {
  boot(a);
  boot(b);
  a.held = {"one-1"};
  const auto id = start_on_a(kOneStep, "one-1");
  // Nobody reaches the store for a while: leases run out, and nobody's sign of life gets through.
  store.set_faults([](std::string_view, ports::fakes::FakeStore::Moment) -> std::optional<Error> {
    return Error{ErrorCode::unavailable, "the database is away", nullptr};
  });
  pass(2min);
  store.set_faults({});
  pass(1min);
  a.let_end("one-1");
  ASSERT_TRUE(run_until([&] { return ended(id); }));
  EXPECT_EQ(status(id), "completed");
  EXPECT_EQ(count(id, "run.step.started", "one"), 1);
  EXPECT_TRUE(b.world.machines.empty());
}

}  // namespace
}  // namespace corral::engine
