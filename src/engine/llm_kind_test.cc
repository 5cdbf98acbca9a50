// Steps that ask a model: what is sent, what it costs, and what is not paid twice.
#include "engine/testing/engine_fixture.h"

namespace corral::engine {
namespace {

using ports::LlmRequest;
using ports::fakes::FakeLlm;

struct LlmKindTest : testing::EngineTest {
  void SetUp() override {
    EngineTest::SetUp();
    boot();
  }
  StartRun asking(std::string step) {
    auto request = h.request("");
    request.definition = "name: w\nsteps:\n  - {name: ask, kind: llm, " + step + "}\n";
    return request;
  }
  RunId finish(StartRun request) {
    const auto id = h.start(std::move(request));
    EXPECT_TRUE(h.run_to_end(id));
    return id;
  }
  RunId finish(std::string step) { return finish(asking(std::move(step))); }
  json::value outputs(RunId id) { return h.run(id).at("steps").at(0).at("outputs"); }
  void says(std::string text, std::string stop_reason = "end_turn") {
    h.models.answer = [=](const LlmRequest&) -> Result<FakeLlm::Answer> {
      return FakeLlm::says(text, 1'000, 500, stop_reason);
    };
  }
};

TEST_F(LlmKindTest, AsksAndGivesTheAnswer) {
  says("It adds a test.");
  const auto id =
      finish("prompt: Sum up, model: claude-sonnet-5, system: Be short, max_tokens: 99");
  ASSERT_EQ(h.status(id), "completed") << error_message(id);
  const auto sent = json::parse(h.models.requests.at(0).body);
  EXPECT_EQ(sent, (json::value{{"model", "claude-sonnet-5"},
                               {"max_tokens", 99},
                               {"messages", {{{"role", "user"}, {"content", "Sum up"}}}},
                               {"system", "Be short"}}));
  EXPECT_EQ(h.models.requests[0].path, "/v1/messages");
  EXPECT_EQ(h.models.requests[0].run, id);
  const auto got = outputs(id);
  EXPECT_EQ(find_string(got, {"text"}), "It adds a test.");
  EXPECT_EQ(find_string(got, {"model"}), "claude-haiku-4-5");
  EXPECT_EQ(find_string(got, {"stop_reason"}), "end_turn");
  EXPECT_EQ(find_int(got, {"usage", "input_tokens"}), 1'000);
  EXPECT_EQ(find_int(got, {"usage", "output_tokens"}), 500);
  EXPECT_TRUE(h.log(id).contains("It adds a test.\n"));
  EXPECT_TRUE(h.world.machines.empty());
}

TEST_F(LlmKindTest, IsMeteredAsAgentsAre) {
  says("yes");
  const auto id = finish("prompt: x");
  EXPECT_EQ(h.count(id, "run.model_called"), 1);
  const auto run = h.run(id);
  EXPECT_EQ(find_int(run, {"usage", "output_tokens"}), 500);
  EXPECT_DOUBLE_EQ(find_number(run, {"cost_usd"}), 0.0035);
}

TEST_F(LlmKindTest, ASpentBudgetEndsItAndRefusesTheNext) {
  says("yes");
  auto request = asking("prompt: x");
  request.definition += "  - {name: next, kind: llm, prompt: y, needs: [], if: always()}\n";
  request.definition += "finally:\n  - {name: last, kind: llm, prompt: z}\n";
  request.budget_usd = 0.0001;
  const auto id = finish(request);
  EXPECT_EQ(h.status(id), "failed");
  EXPECT_EQ(error_code(id), "exhausted");
  EXPECT_EQ(h.step_status(id, "last"), "failed");
  for (const auto& asked : h.models.requests)
    EXPECT_FALSE(asked.body.contains("\"z\"")) << "the budget was spent by then";
  EXPECT_EQ(h.count(id, "run.model_called"), static_cast<int>(h.models.requests.size()));
}

TEST_F(LlmKindTest, WhatIsToBeJsonMustParse) {
  says("```json\n{\"risk\": 2}\n```");
  const auto good = finish("prompt: x, json: true");
  EXPECT_EQ(h.status(good), "completed") << error_message(good);
  EXPECT_EQ(outputs(good).at("json"), (json::value{{"risk", 2}}));
  EXPECT_TRUE(h.models.requests[0].body.contains("Answer with one JSON value"));

  h.models.requests.clear();
  h.models.answer = [&](const LlmRequest&) -> Result<FakeLlm::Answer> {
    return FakeLlm::says(h.models.requests.size() < 2 ? "Well, {" : "[1]");
  };
  const auto second = finish("prompt: x, json: true, retry: {attempts: 2, on: [invalid]}");
  EXPECT_EQ(h.status(second), "completed") << error_message(second);
  EXPECT_EQ(outputs(second).at("json"), (json::value(json::array{1})));

  says("{\"a\": ", "max_tokens");
  const auto cut = finish("prompt: x, json: true");
  EXPECT_EQ(error_code(cut), "invalid");
  EXPECT_TRUE(error_message(cut).contains("max_tokens")) << error_message(cut);
}

TEST_F(LlmKindTest, ABusyProviderIsAskedAgainWhenItSays) {
  h.models.answer = [&](const LlmRequest&) -> Result<FakeLlm::Answer> {
    if (h.models.requests.size() > 1) return FakeLlm::says("at last");
    return FakeLlm::Answer{
        .head = {.status = 529, .headers = {{"retry-after", "300"}}},
        .body = R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})"};
  };
  const auto begin = h.clock.now();
  const auto id = finish("prompt: x");
  EXPECT_EQ(h.status(id), "completed") << error_message(id);
  EXPECT_EQ(h.models.requests.size(), 2u);
  EXPECT_GE(h.clock.now() - begin, Duration(300'000));
  EXPECT_EQ(h.count(id, "run.model_called"), 2) << "a refused call is one too";
}

TEST_F(LlmKindTest, TheProvidersRefusalIsTheStepsFailure) {
  h.models.answer = [](const LlmRequest&) -> Result<FakeLlm::Answer> {
    return FakeLlm::Answer{
        .head = {.status = 404, .headers = {}},
        .body = R"({"type":"error","error":{"type":"not_found_error","message":"model: nope"}})"};
  };
  const auto id = finish("prompt: x");
  EXPECT_EQ(error_code(id), "not_found");
  EXPECT_TRUE(error_message(id).contains("answered with 404: model: nope")) << error_message(id);
  h.models.answer = [](const LlmRequest&) -> Result<FakeLlm::Answer> {
    return fail(ErrorCode::invalid, "the cassette does not fit");
  };
  EXPECT_EQ(error_code(finish("prompt: x")), "invalid");
}

TEST_F(LlmKindTest, AnAnswerThatWasKeptIsNotPaidTwice) {
  says("paid");
  const auto id = h.start(asking("prompt: x"));
  const auto kept = "runs/" + id.to_string() + "/llm/ask-1";
  ASSERT_TRUE(h.run_until([&] { return !h.logs.text(kept).empty(); }));
  ASSERT_EQ(h.step_status(id, "ask"), "running");
  h.crash();
  boot();
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed") << error_message(id);
  EXPECT_EQ(find_string(outputs(id), {"text"}), "paid");
  EXPECT_EQ(h.models.requests.size(), 1u);
  EXPECT_EQ(h.count(id, "run.model_called"), 1);
}

TEST_F(LlmKindTest, CancellingTheRunEndsTheCallAndCountsIt) {
  h.models.takes = Duration(100'000);
  const auto id = h.start(asking("prompt: a question of some length"));
  ASSERT_TRUE(h.run_until([&] { return h.models.requests.size() == 1; }));
  const auto begin = h.clock.now();
  ASSERT_TRUE(h.call(h.engine().cancel_run(id, "enough", {"user:ann"})));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "cancelled");
  EXPECT_LT(h.clock.now() - begin, Duration(10'000));
  EXPECT_GT(find_int(h.run(id), {"usage", "input_tokens"}), 0) << "an estimate";
}

TEST_F(LlmKindTest, AServerThatStopsCountsTheCallAndTheNextOneAsksAgain) {
  says("late");
  h.models.takes = Duration(20'000);
  const auto id = h.start(asking("prompt: a question of some length"));
  ASSERT_TRUE(h.run_until([&] { return h.models.requests.size() == 1; }));
  h.shut_down();
  EXPECT_EQ(h.count(id, "run.model_called"), 1);
  boot();
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed") << error_message(id);
  EXPECT_EQ(h.models.requests.size(), 2u);
  EXPECT_EQ(h.count(id, "run.model_called"), 2);
  EXPECT_EQ(h.count(id, "run.step.started"), 1);
}

TEST_F(LlmKindTest, HasATimeLimit) {
  h.models.takes = Duration(100'000);
  EXPECT_EQ(error_code(finish("prompt: x, timeout: 5s")), "deadline");
}

TEST_F(LlmKindTest, ADefinitionIsChecked) {
  for (const char* wrong : {"model: m", "prompt: x, max_tokens: 0", "prompt: x, max_tokens: 1.5",
                            "prompt: x, json: maybe", "prompt: x, tools: []"})
    EXPECT_FALSE(h.call(h.engine().start_run(asking(wrong), {"user:ann"}))) << wrong;
}

}  // namespace
}  // namespace corral::engine
