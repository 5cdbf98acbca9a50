#include "edge/gateway/quota.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace corral::edge {
namespace {

const Time kNow = time_from_rfc3339("2026-11-21T10:00:00Z").value();

std::optional<Duration> wait_of(int status, std::map<std::string, std::string> headers,
                                std::string_view body = "{}") {
  const auto reset = quota_reset({.status = status, .headers = std::move(headers)}, body, kNow);
  if (!reset) return std::nullopt;
  return *reset - kNow;
}

TEST(Quota, GoesByRetryAfterInSecondsOrAsADate) {
  EXPECT_EQ(wait_of(429, {{"retry-after", "90"}}), Duration(90'000));
  EXPECT_EQ(wait_of(429, {{"retry-after", "Sat, 21 Nov 2026 10:02:00 GMT"}}), Duration(120'000));
  EXPECT_EQ(wait_of(429, {{"retry-after-ms", "1500"}}), Duration(1'500));
  EXPECT_EQ(wait_of(503, {{"retry-after", "7"}}), Duration(7'000));
}

TEST(Quota, GoesByTheResetOfTheLimitThatIsUsedUp) {
  EXPECT_EQ(wait_of(429, {{"anthropic-ratelimit-tokens-remaining", "0"},
                          {"anthropic-ratelimit-tokens-reset", "2026-11-21T11:00:00Z"},
                          {"anthropic-ratelimit-requests-remaining", "9"},
                          {"anthropic-ratelimit-requests-reset", "2026-11-22T11:00:00Z"}}),
            std::chrono::hours(1));
  EXPECT_EQ(wait_of(429, {{"x-ratelimit-remaining-requests", "0"},
                          {"x-ratelimit-reset-requests", "1h2m3.5s"}}),
            Duration(3'723'500));
  EXPECT_EQ(wait_of(429, {{"anthropic-ratelimit-unified-reset", "1795258800"}}),
            std::chrono::hours(1));
}

TEST(Quota, GoesByWhatTheBodySays) {
  constexpr std::string_view kGoogle =
      R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure"},
          {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}})";
  EXPECT_EQ(wait_of(429, {}, kGoogle), Duration(34'500));
  EXPECT_EQ(wait_of(429, {}, "[" + std::string(kGoogle) + "]"), Duration(34'500));
  EXPECT_EQ(wait_of(429, {}, R"({"error":{"type":"usage_limit_reached","resets_in_seconds":60}})"),
            Duration(60'000));
}

TEST(Quota, WaitsAMinuteForAnOverloadThatNamesNoTime) {
  EXPECT_EQ(wait_of(529, {}), Duration(60'000));
  EXPECT_EQ(wait_of(503, {}, "Service Unavailable"), Duration(60'000));
}

TEST(Quota, DoesNotWaitForWhatNoTimeMends) {
  EXPECT_EQ(wait_of(429, {{"retry-after", "5"}}, R"({"error":{"code":"insufficient_quota"}})"),
            std::nullopt);
  EXPECT_EQ(wait_of(429, {}), std::nullopt);
  EXPECT_EQ(wait_of(200, {{"retry-after", "5"}}), std::nullopt);
  EXPECT_EQ(wait_of(500, {{"retry-after", "5"}}), std::nullopt);
}

TEST(Quota, DoesNotBelieveNonsense) {
  for (const char* text : {"-5", "soon", "1e99", "99999999999", "Sat, 21 Nov 2026", ""})
    EXPECT_EQ(wait_of(429, {{"retry-after", text}}), std::nullopt) << text;
  EXPECT_EQ(wait_of(429, {{"retry-after", "0"}}), Duration(1'000));
}

}  // namespace
}  // namespace corral::edge
