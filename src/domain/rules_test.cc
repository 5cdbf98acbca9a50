// Workflow definitions, retry, budget, prices.
#include <gtest/gtest.h>

#include "domain/policy.h"
#include "domain/pricing.h"
#include "domain/workflow.h"

namespace corral::domain {
namespace {

constexpr std::array<std::string_view, 4> kKinds{"git", "agent", "command", "artifacts"};

Workflow two_steps() {
  return {.name = "w",
          .steps = {{.name = "a", .kind = "git", .action = "clone"},
                    {.name = "b", .kind = "command", .run = "make", .needs = {"a"}}}};
}

std::string problems_of(const Workflow& workflow) {
  std::string all;
  for (const auto& problem : check(workflow, kKinds)) all += problem.message + "\n";
  return all;
}

TEST(Workflow, AGoodOneHasNoProblems) { EXPECT_EQ(problems_of(two_steps()), ""); }

TEST(Workflow, EveryProblemIsNamedWithItsRemedy) {
  struct Row {
    std::function<void(Workflow&)> spoil;
    std::string expected;
  };
  const std::vector<Row> rows{
      {[](Workflow& w) { w.name.clear(); }, "a workflow needs a name"},
      {[](Workflow& w) { w.steps.clear(); }, "at least one step"},
      {[](Workflow& w) { w.steps.resize(101, w.steps[0]); }, "101 steps are too many"},
      {[](Workflow& w) { w.steps[0].name = "A b"; }, "\"A b\" is no step name"},
      {[](Workflow& w) { w.steps[0].name = "-a"; }, "is no step name"},
      {[](Workflow& w) { w.steps[1].name = "a"; }, "two steps named \"a\""},
      {[](Workflow& w) { w.steps[0].kind = "magic"; },
       "unknown kind \"magic\": use one of git, agent, command, artifacts"},
      {[](Workflow& w) { w.steps[0].action = "push"; },
       "needs `action: clone` or `action: commit`, not \"push\""},
      {[](Workflow& w) { w.steps[1].run.clear(); }, "needs `run:`"},
      {[](Workflow& w) { w.steps[1].argv = {"x"}; }, "needs `run:`"},
      {[](Workflow& w) { w.steps[1] = {.name = "b", .kind = "agent"}; },
       "needs a `prompt:`, for instance \"{{prompt}}\""},
      {[](Workflow& w) { w.steps[0].run = "x"; }, "step \"a\" of kind git takes no `run:`"},
      {[](Workflow& w) { w.steps[1].action = "clone"; }, "of kind command takes no `action:`"},
      {[](Workflow& w) { w.steps[1].prompt = "x"; }, "takes no `prompt:`"},
      {[](Workflow& w) { w.steps[1].agent = "x"; }, "takes no `agent:`"},
      {[](Workflow& w) { w.steps[1].run = std::string(70'000, 'x'); }, "is too long"},
      {[](Workflow& w) { w.steps[1].timeout = std::chrono::hours(200); }, "timeout of step \"b\""},
      {[](Workflow& w) { w.steps[1].retry.attempts = 0; }, "attempts must be from 1 to 10, not 0"},
      {[](Workflow& w) { w.steps[1].retry.backoff = std::chrono::hours(2); }, "backoff must be"},
      {[](Workflow& w) { w.steps[1].condition = "sometimes"; },
       "`if: sometimes` is not understood"},
      {[](Workflow& w) { w.steps[1].condition = "{{nothing}}"; }, "is not understood"},
      {[](Workflow& w) { w.steps[1].needs = {"z"}; }, "needs \"z\", which is not a step"},
      {[](Workflow& w) { w.steps[0].needs = {"b"}; }, "could never begin: a, b"},
      {[](Workflow& w) { w.steps[0].needs = {"a"}; }, "could never begin: a"},
  };
  for (const auto& row : rows) {
    auto workflow = two_steps();
    row.spoil(workflow);
    EXPECT_NE(problems_of(workflow).find(row.expected), std::string::npos)
        << row.expected << "\nbut: " << problems_of(workflow);
  }
}

TEST(Workflow, StepsComeAfterWhatTheyNeed) {
  Workflow workflow{.name = "w",
                    .steps = {{.name = "c", .needs = {"a", "b"}},
                              {.name = "b", .needs = {"a"}},
                              {.name = "a"},
                              {.name = "d"}}};
  EXPECT_EQ(topological_order(workflow), (std::vector<std::string>{"a", "d", "b", "c"}));
}

TEST(Render, ReplacesKnownInputsAndNothingElse) {
  const std::map<std::string, std::string, std::less<>> inputs{{"prompt", "P{{checks}}"},
                                                               {"checks", "C"}};
  EXPECT_EQ(render("a {{prompt}} b {{checks}} {{.Names}} {{other}} {{ {{checks", inputs),
            "a P{{checks}} b C {{.Names}} {{other}} {{ {{checks");
  EXPECT_EQ(render("{{{checks}}}", inputs), "{C}");
  EXPECT_EQ(render("", inputs), "");
}

TEST(Retry, DelaysDoubleWithAQuarterOfJitterUpToFiveMinutes) {
  const RetryPolicy policy{.attempts = 5, .backoff = Duration(2'000)};
  EXPECT_EQ(retry_delay(policy, 2, 0.5), Duration(2'000));
  EXPECT_EQ(retry_delay(policy, 3, 0.5), Duration(4'000));
  EXPECT_EQ(retry_delay(policy, 2, 0), Duration(1'500));
  EXPECT_EQ(retry_delay(policy, 2, 1), Duration(2'500));
  EXPECT_EQ(retry_delay(policy, 60, 0.5), Duration(300'000));
}

TEST(Money, IsExactAndReadable) {
  Money sum;
  for (int i = 0; i < 10; ++i) sum += Money::from_usd(0.1);
  EXPECT_EQ(sum, Money::from_usd(1));
  EXPECT_EQ(Money::from_usd(0.01234).to_string(), "$0.0123");
}

TEST(Budget, NoneIsNeverSpent) {
  EXPECT_TRUE(check_budget(std::nullopt, Money::from_usd(1e6)));
  EXPECT_TRUE(check_budget(Money::from_usd(1), Money::from_usd(0.99)));
  const auto spent = check_budget(Money::from_usd(1), Money::from_usd(1));
  EXPECT_EQ(spent.error().code, ErrorCode::exhausted);
  EXPECT_NE(spent.error().message.find("$1.0000"), std::string::npos);
}

TEST(Permissions, NamesReadBack) {
  PermissionPolicy policy{};
  EXPECT_TRUE(from_string("ask", policy));
  EXPECT_EQ(policy, PermissionPolicy::ask);
  EXPECT_TRUE(from_string("workspace", policy));
  EXPECT_EQ(to_string(policy), "workspace");
  EXPECT_FALSE(from_string("yolo", policy));
}

TEST(Price, GoesByTheModelsFamily) {
  const auto dollars = [](std::string_view model, Usage usage) {
    return cost_of(model, usage).usd();
  };
  const Usage million{.input_tokens = 1'000'000};
  EXPECT_DOUBLE_EQ(dollars("claude-sonnet-4-5-20250929", million), 3);
  EXPECT_DOUBLE_EQ(dollars("claude-opus-4-1-20250805", million), 15);
  EXPECT_DOUBLE_EQ(dollars("claude-opus-4-20250514", million), 15);
  EXPECT_DOUBLE_EQ(dollars("claude-opus-4-5", million), 5);
  EXPECT_DOUBLE_EQ(dollars("claude-opus-5-5", million), 4);
  EXPECT_DOUBLE_EQ(dollars("claude-haiku-4-5", million), 1);
  EXPECT_DOUBLE_EQ(dollars("us.anthropic.claude-3-5-haiku-20241022-v1:0", million), 0.8);
  EXPECT_DOUBLE_EQ(dollars("claude-sonnet-4-5", {.output_tokens = 1'000'000}), 15);
  EXPECT_DOUBLE_EQ(dollars("claude-sonnet-4-5", {.cache_read_tokens = 1'000'000}), 0.3);
  EXPECT_DOUBLE_EQ(dollars("claude-sonnet-4-5", {.cache_write_tokens = 1'000'000}), 3.75);
}

TEST(Price, AnUnknownModelCountsAsTheDearestAndSaysSo) {
  EXPECT_FALSE(price_of("some-model-of-tomorrow").known);
  EXPECT_TRUE(price_of("claude-3-haiku-20240307").known);
  EXPECT_DOUBLE_EQ(cost_of("some-model-of-tomorrow", {.output_tokens = 1'000'000}).usd(), 75);
}

}  // namespace
}  // namespace corral::domain
