// Runs in a world with faults: lost workspaces, full disks, stores that fail, leases that pass to
// others.
#include <csignal>

#include "engine/testing/engine_fixture.h"

namespace corral::engine {
namespace {

using testing::Harness;

class TroubleTest : public testing::EngineTest {};

TEST_F(TroubleTest, ATimeoutEndsTheStepWithADeadline) {
  h.world.act = [&](testing::FakeMachine&, testing::FakeProcess& process) {
    if (process.spec.argv.front() != testing::kFakeAgentProgram)
      return testing::act_as_git(h.world, process);
    EXPECT_GT(process.spec.timeout, Duration(50'000));
    EXPECT_LE(process.spec.timeout, Duration(60'000));
    process.exit.timed_out = true;  // as the runner says once its own clock has run out
    process.end(143);
  };
  boot();
  auto request = h.request("hang");
  request.timeout_s = 60;
  const auto id = h.start(request);
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "failed");
  EXPECT_EQ(error_code(id), "deadline");
  EXPECT_EQ(h.count(id, "run.step.started", "agent"), 1) << "the same again would take as long";
}

TEST_F(TroubleTest, OutOfMemoryIsSaidSo) {
  h.world.act = [&](testing::FakeMachine&, testing::FakeProcess& process) {
    if (process.spec.argv.front() != testing::kFakeAgentProgram)
      return testing::act_as_git(h.world, process);
    process.exit.out_of_memory = true;
    process.end(137);
  };
  boot();
  const auto id = h.start("hang");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(error_code(id), "exhausted");
  EXPECT_NE(error_message(id).find("2048 MB"), std::string::npos) << error_message(id);
}

TEST_F(TroubleTest, WhatPrintsWithoutEndIsEnded) {
  h.options.max_output_bytes = 1000;
  boot();
  std::string script;
  for (int i = 0; i < 200; ++i) script += "say more and more\n";
  const auto id = h.start(script + "hang");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(error_code(id), "exhausted");
  EXPECT_EQ(h.world.find_process("agent-1")->signals, std::vector<int>{SIGKILL});
  EXPECT_LT(h.log(id).size(), 3'000u);
}

TEST_F(TroubleTest, ALostWorkspaceIsReplacedAndTheStepTriedAgain) {
  boot();
  const auto id = h.start("say working\nhang");
  run_until_agent(id);
  h.world.lose(h.world.machines.begin()->first);
  ASSERT_TRUE(h.run_until([&] { return h.world.times_started("agent-2") == 1; }));
  EXPECT_EQ(h.count(id, "run.workspace.lost"), 1);
  EXPECT_EQ(h.count(id, "run.step.failed", "agent"), 1);
  EXPECT_EQ(h.world.times_started("prepare-1"), 1);
  EXPECT_EQ(h.world.times_started("prepare-2"), 0) << "no completed step runs again";
  EXPECT_EQ(h.world.times_started("restore-2"), 1);
  EXPECT_EQ(h.world.destroyed.size(), 1u);
  h.settle();
  ASSERT_TRUE(h.call(h.engine().cancel_run(id, "", "user:ann")));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.world.destroyed.size(), 2u);
}

TEST_F(TroubleTest, AfterThreeLostWorkspacesTheRunFails) {
  boot();
  const auto id = h.start("hang");
  for (int attempt = 1; attempt <= 3; ++attempt) {
    ASSERT_TRUE(h.run_until([&] {
      return h.world.times_started(fmt::format("agent-{}", attempt)) == 1;
    })) << attempt;
    h.settle();
    for (auto& [workspace, machine] : h.world.machines)
      if (!machine.gone) h.world.lose(workspace);
  }
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "failed");
  EXPECT_EQ(error_code(id), "unavailable");
}

TEST_F(TroubleTest, AnUpgradeLeavesTheAgentAtWork) {
  boot();
  const auto id = h.start("say working\nhang");
  run_until_agent(id);
  h.shut_down();
  EXPECT_EQ(h.world.living_processes(), 1u);
  EXPECT_TRUE(h.world.find_process("agent-1")->signals.empty());
  boot();
  EXPECT_TRUE(h.engine().workspace_owner(h.world.machines.begin()->first))
      << "its doors open at once";
  h.settle();
  EXPECT_EQ(h.world.times_started("agent-1"), 1);
  ASSERT_TRUE(h.call(h.engine().cancel_run(id, "", "user:ann")));
  ASSERT_TRUE(h.run_to_end(id));
}

TEST_F(TroubleTest, WorkspacesThatNoLiveRunNeedsAreRemovedAtStart) {
  const auto stray = WorkspaceId::make(h.clock.now(), h.random);
  h.world.machines[stray].id = stray;
  boot();
  EXPECT_TRUE(h.world.destroyed.contains(stray));
}

TEST_F(TroubleTest, AMissingAgentIsSaidAtOnce) {
  h.agents.push_back(testing::make_fake_agent(
      {.name = "claude",
       .problem = "Claude Code is not installed; run: corral agent install claude"}));
  boot();
  auto request = h.request("x");
  request.agent = "claude";
  const auto refused = h.call(h.engine().start_run(request, {"user:ann", ""}));
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
  EXPECT_NE(refused.error().message.find("corral agent install claude"), std::string::npos);
  EXPECT_TRUE(h.call(h.engine().list_projects("", 50)).value().items.empty())
      << "nothing is left of it";
}

TEST_F(TroubleTest, AnAgentThatCannotBeLaunchedFailsTheStep) {
  boot();
  auto request = h.request("x");
  request.model = "unlaunchable";
  const auto id = h.start(request);
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(error_message(id), "there is no such model");
}

TEST_F(TroubleTest, ARepositoryThatCannotBeReadFailsTheRunClearly) {
  boot();
  auto before = h.world.faults;
  h.world.faults = [&](std::string_view call) -> std::optional<Error> {
    if (call == "fetch")
      return Error{ErrorCode::not_found, "/srv/project is not a git repository", nullptr};
    return before(call);
  };
  const auto id = h.start("done");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "failed");
  EXPECT_EQ(error_message(id), "/srv/project is not a git repository");
  EXPECT_EQ(h.step_status(id, "agent"), "skipped");
}

TEST_F(TroubleTest, AMachineWithoutRoomIsTriedAgainLater) {
  boot();
  auto before = h.world.faults;
  int refused = 0;
  h.world.faults = [&](std::string_view call) -> std::optional<Error> {
    if (call == "create" && ++refused <= 2) return Error{ErrorCode::exhausted, "no room", nullptr};
    return before(call);
  };
  const Time began = h.clock.now();
  const auto id = h.start("done");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed");
  EXPECT_EQ(h.count(id, "run.step.started", "prepare"), 3);
  EXPECT_GE(h.clock.now() - began, Duration(4'500)) << "2 s, then 4 s, each within a quarter";
}

TEST_F(TroubleTest, AFullDiskPausesARunAndLosesNothing) {
  boot();
  const auto id = h.start("say one\nsay two\ndone");
  auto before = h.logs.faults;
  int refused = 0;
  h.logs.faults = [&]() -> std::optional<Error> {
    if (++refused % 3 == 1 && refused < 40)
      return Error{ErrorCode::exhausted, "the disk is full", nullptr};
    return before();
  };
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed") << h.log(id);
  EXPECT_GT(refused, 5);
  EXPECT_EQ(h.world.times_started("agent-1"), 1);
  EXPECT_TRUE(h.logs.mismatches.empty());
}

TEST_F(TroubleTest, AStoreThatFailsNowAndThenDelaysARunAndLosesNothing) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Harness own(seed);
    SeededRandom random(seed);
    own.boot();
    ASSERT_TRUE(own.call(own.engine().start()));
    const auto id = own.start("say one\nask a\nsay two\ndone");
    // An acknowledgement that is lost after the fact looks the same to the engine as a refusal.
    own.store_faults = [&](std::string_view,
                           ports::fakes::FakeStore::Moment) -> std::optional<Error> {
      if (random.unit() < 0.1)
        return Error{ErrorCode::unavailable, "the database does not answer", nullptr};
      return std::nullopt;
    };
    ASSERT_TRUE(own.run_until(
        [&] {
          auto faults = std::exchange(own.store_faults, nullptr);
          const bool ended = own.ended(id);
          own.store_faults = std::move(faults);
          return ended;
        },
        50'000))
        << "seed " << seed;
    own.store_faults = nullptr;
    EXPECT_EQ(own.status(id), "completed") << own.log(id);
    EXPECT_EQ(own.world.times_started("agent-1"), 1);
    EXPECT_EQ(own.count(id, "run.step.completed", "agent"), 1);
    EXPECT_TRUE(own.logs.mismatches.empty());
  }
}

TEST_F(TroubleTest, AWorkerWhoseLeaseIsLostStopsAtOnce) {
  boot();
  const auto id = h.start("hang");
  run_until_agent(id);
  // Another process takes everything over, as if this one had been away too long.
  ASSERT_TRUE(h.call(h.store.release_leases("", "somebody else")));
  ASSERT_FALSE(
      h.call(h.store.claim(
                 {.owner = "somebody else", .now = h.clock.now(), .lease = std::chrono::hours(1)}))
          .value()
          .empty());
  const auto events = h.events(id).size();
  ASSERT_TRUE(h.run_until([&] {
    return h.clock.now() > Time{} &&
           h.call(h.store.queue_counts(h.clock.now())).value().claimed == 1;
  }));
  h.clock.advance(Duration(20'000));
  h.settle();
  h.world.find_process("agent-1")->print("say unheard\n");
  h.world.machines.begin()->second.changed->wake_all();
  h.settle();
  EXPECT_EQ(h.log(id).find("unheard"), std::string::npos);
  EXPECT_EQ(h.events(id).size(), events);
  EXPECT_EQ(h.world.living_processes(), 1u);
}

}  // namespace
}  // namespace corral::engine
