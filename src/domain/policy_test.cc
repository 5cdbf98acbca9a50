// Retry, budget, permissions, prices.
#include <gtest/gtest.h>

#include "domain/policy.h"
#include "domain/pricing.h"

namespace corral::domain {
namespace {

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
  EXPECT_DOUBLE_EQ(cost_of("some-model-of-tomorrow", {.output_tokens = 1'000'000}).usd(), 120);
}

}  // namespace
}  // namespace corral::domain
