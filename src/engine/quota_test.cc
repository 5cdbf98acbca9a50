// An agent whose model calls the provider refuses for now: its step waits until they may be made
// again, and goes on by itself.
#include "engine/agent_session.h"
#include "engine/testing/engine_fixture.h"

namespace corral::engine {
namespace {

using testing::FakeMachine;
using testing::FakeProcess;

constexpr Duration kReset = std::chrono::hours(1);

// Its first process is refused and gives up; the next ones do well.
class QuotaTest : public testing::EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    h.agents.push_back(testing::make_fake_agent({.name = "patient", .resumes = true}));
    h.world.act = [this](FakeMachine&, FakeProcess& process) {
      if (process.spec.argv.front() != testing::kFakeAgentProgram)
        return testing::act_as_git(h.world, process);
      if (process.answered.insert("began").second)
        process.print(process.spec.id == "agent-1" ? "say first\nfailure 429 from the model\n"
                                                   : "say again\nresult fine\n");
      if (process.input_closed) process.end(0);
    };
  }

  RunId start(const std::string& agent) {
    auto request = h.request("Mend it.");
    request.agent = agent;
    const auto id = h.start(request);
    EXPECT_TRUE(h.call(h.engine().record_model_call(
        id, {.model = "m", .status = 429, .retry_at = h.clock.now() + kReset})));
    return id;
  }
  bool waits(RunId id) {
    return h.run_until([&] { return h.step_status(id, "agent") == "waiting"; }) &&
           (h.settle(), h.step_status(id, "agent") == "waiting");
  }
  json::value step(RunId id) {
    for (const auto& step : h.run(id).at("steps").as_array())
      if (find_string(step, {"name"}) == "agent") return step;
    return nullptr;
  }
};

TEST_F(QuotaTest, TheStepWaitsUntilTheResetAndGoesOnInItsSession) {
  boot();
  const Time began = h.clock.now();
  const auto id = start("patient");
  ASSERT_TRUE(waits(id)) << h.log(id);
  EXPECT_EQ(find_string(step(id), {"reason"}), kQuotaWait);
  EXPECT_EQ(find_string(step(id), {"wakes_at"}), to_rfc3339(began + kReset));
  EXPECT_EQ(h.status(id), "running");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed") << h.log(id);
  EXPECT_GE(h.clock.now() - began, kReset);
  EXPECT_EQ(h.world.times_started("agent-1"), 1);
  EXPECT_EQ(h.world.times_started("agent-1.1"), 1);
  EXPECT_EQ(h.count(id, "run.step.started", "agent"), 1) << "the same attempt";
  const auto* second = h.world.find_process("agent-1.1");
  EXPECT_EQ(second->spec.env.at("RESUMES"), "session");
  EXPECT_EQ(second->input.find("Mend it."), std::string::npos) << second->input;
  EXPECT_NE(h.log(id).find("agent goes on at "), std::string::npos);
  EXPECT_NE(h.log(id).find("again\n"), std::string::npos);
}

TEST_F(QuotaTest, AnAgentThatCannotTakeUpItsSessionIsGivenTheTaskAgain) {
  boot();
  const auto id = start("fake");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed") << h.log(id);
  const auto* second = h.world.find_process("agent-1.1");
  EXPECT_EQ(second->spec.env.at("RESUMES"), "");
  EXPECT_NE(second->input.find("Mend it."), std::string::npos);
}

TEST_F(QuotaTest, WhatHappensMeanwhileDoesNotWakeTheAgent) {
  boot();
  const auto id = start("patient");
  ASSERT_TRUE(waits(id));
  ASSERT_TRUE(h.call(h.engine().pause_run(id, "lunch", "user:ann")));
  ASSERT_TRUE(h.call(h.engine().resume_run(id, "user:ann")));
  h.settle();
  EXPECT_EQ(h.step_status(id, "agent"), "waiting");
  EXPECT_EQ(h.world.times_started("agent-1.1"), 0);
}

TEST_F(QuotaTest, ARestartedServerWaitsOnAndGoesOn) {
  boot();
  const auto id = start("patient");
  ASSERT_TRUE(waits(id));
  h.crash();
  boot();
  h.settle();
  EXPECT_EQ(h.step_status(id, "agent"), "waiting");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed") << h.log(id);
  EXPECT_EQ(h.world.times_started("agent-1.1"), 1);
  EXPECT_TRUE(h.logs.mismatches.empty());
}

TEST_F(QuotaTest, ACancelledRunDoesNotWait) {
  boot();
  const auto id = start("patient");
  ASSERT_TRUE(waits(id));
  const Time before = h.clock.now();
  ASSERT_TRUE(h.call(h.engine().cancel_run(id, "", "user:ann")));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "cancelled");
  EXPECT_LT(h.clock.now() - before, kReset / 2);
}

TEST_F(QuotaTest, ACallThatSucceedsSinceEndsTheRefusal) {
  boot();
  const auto id = start("patient");
  ASSERT_TRUE(h.call(h.engine().record_model_call(id, {.model = "m", .status = 200})));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "failed") << "for a reason of its own";
  EXPECT_EQ(h.world.times_started("agent-1.1"), 0);
}

}  // namespace
}  // namespace corral::engine
