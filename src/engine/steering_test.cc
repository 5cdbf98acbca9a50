// What people tell an agent at work: given once, in order, and again at the same place of its
// output when a server takes over.
#include <csignal>

#include "engine/testing/engine_fixture.h"

namespace corral::engine {
namespace {

using domain::SteeringKind;

class SteeringTest : public testing::EngineTest {
 protected:
  Result<json::value> steer(RunId id, SteeringKind what, std::string text = "") {
    return h.call(h.engine().steer_run(id, "agent", what, std::move(text), "user:ann"));
  }
  std::vector<std::string> inputs() { return h.world.find_process("agent-1")->input_ids; }
};

TEST_F(SteeringTest, AnAgentIsGivenAFurtherPromptAndAnInterrupt) {
  boot();
  const auto id = h.start("say one\nawait more\nsay two\nawait now\ndone fine");
  run_until_agent(id);
  ASSERT_TRUE(steer(id, SteeringKind::prompt, "more"));
  h.settle();
  EXPECT_NE(h.log(id).find("told to prompt more\ntwo\n"), std::string::npos) << h.log(id);
  ASSERT_TRUE(steer(id, SteeringKind::interrupt));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed") << h.log(id);
  EXPECT_EQ(h.count(id, "run.step.steered", "agent"), 2);
  EXPECT_EQ(h.count(id, "run.step.steering_applied", "agent"), 2);
}

TEST_F(SteeringTest, AServerThatTakesOverTellsItAtTheSamePlaceAndOnlyOnce) {
  boot();
  const auto id = h.start("say one\nawait more\nsay two\nawait again\nsay three\ndone fine");
  run_until_agent(id);
  ASSERT_TRUE(steer(id, SteeringKind::prompt, "more"));
  h.settle();
  const auto before = h.log(id);
  h.crash();
  boot();
  h.settle();
  EXPECT_EQ(h.log(id), before);
  ASSERT_TRUE(steer(id, SteeringKind::prompt, "again"));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed") << h.log(id);
  EXPECT_TRUE(h.logs.mismatches.empty());
  const auto told = inputs();
  EXPECT_EQ(std::ranges::count(told, "prompt-1"), 1);
  EXPECT_EQ(std::ranges::count(told, "prompt-2"), 1);
}

TEST_F(SteeringTest, WhoDecidesCanChangeWhileSomethingIsAsked) {
  boot();
  auto request = h.request("ask a\nask b\ndone fine");
  request.permissions = "ask";
  const auto id = h.start(request);
  ASSERT_TRUE(h.run_until([&] { return h.step_status(id, "agent") == "waiting"; }));
  ASSERT_TRUE(steer(id, SteeringKind::mode, "workspace"));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed") << h.log(id);
  EXPECT_EQ(h.count(id, "run.approval.requested", "agent"), 1) << "b is not asked";
  EXPECT_EQ(h.count(id, "run.approval.withdrawn"), 1);
}

TEST_F(SteeringTest, FromAskingNoBodyToAskingAPerson) {
  boot();
  const auto id = h.start("say one\nawait more\nask a\ndone fine");
  run_until_agent(id);
  ASSERT_TRUE(steer(id, SteeringKind::mode, "ask"));
  ASSERT_TRUE(steer(id, SteeringKind::prompt, "more"));
  ASSERT_TRUE(h.run_until([&] { return h.step_status(id, "agent") == "waiting"; }));
  h.crash();
  boot();
  h.settle();
  EXPECT_EQ(h.step_status(id, "agent"), "waiting") << "also for a server that takes over";
  ASSERT_TRUE(steer(id, SteeringKind::mode, "workspace"));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed") << h.log(id);
  EXPECT_TRUE(h.logs.mismatches.empty());
}

TEST_F(SteeringTest, OnlyAnAgentAtWorkIsToldAndOnlyWhatMakesSense) {
  boot();
  const auto id = h.start("hang");
  run_until_agent(id);
  EXPECT_EQ(steer(id, SteeringKind::prompt, "").error().code, ErrorCode::invalid);
  EXPECT_EQ(steer(id, SteeringKind::mode, "yolo").error().code, ErrorCode::invalid);
  EXPECT_EQ(h.call(h.engine().steer_run(id, "prepare", SteeringKind::interrupt, "", "user:ann"))
                .error()
                .code,
            ErrorCode::conflict);
  ASSERT_TRUE(h.call(h.engine().cancel_run(id, "", "user:ann")));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(steer(id, SteeringKind::interrupt).error().code, ErrorCode::conflict);
}

}  // namespace
}  // namespace corral::engine
