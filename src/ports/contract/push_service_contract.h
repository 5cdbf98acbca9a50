// The contract of ports::PushService.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "ports/contract/run_task.h"
#include "ports/push_service.h"

namespace corral::ports::contract {

struct PushServiceUnderTest {
  std::shared_ptr<PushService> service;
  PushTarget target;  // one that may be sent to
  // The service answers so from now on; 0: not at all.
  std::function<void(int status, std::string retry_after)> answers;
};
struct PushServiceFactory {
  std::string name;
  std::function<PushServiceUnderTest()> make;
};
inline void PrintTo(const PushServiceFactory& factory, std::ostream* out) { *out << factory.name; }
inline std::string push_service_factory_name(
    const testing::TestParamInfo<PushServiceFactory>& info) {
  return info.param.name;
}

class PushServiceContract : public testing::TestWithParam<PushServiceFactory> {
 protected:
  using Outcome = PushAnswer::Outcome;
  void SetUp() override { under_test_ = GetParam().make(); }
  PushService& service() { return *under_test_.service; }
  Result<PushAnswer> send(std::string payload = "said") {
    return run_task(
        service().send(under_test_.target, {.payload = std::move(payload), .topic = "t"}));
  }
  PushServiceUnderTest under_test_;
};

TEST_P(PushServiceContract, TellsWhatBecameOfAMessage) {
  const std::pair<int, Outcome> cases[] = {{201, Outcome::accepted}, {202, Outcome::accepted},
                                           {404, Outcome::gone},     {410, Outcome::gone},
                                           {429, Outcome::busy},     {500, Outcome::busy},
                                           {503, Outcome::busy}};
  for (const auto& [status, outcome] : cases) {
    under_test_.answers(status, "");
    const auto answer = send();
    ASSERT_TRUE(answer) << status << answer.error().describe();
    EXPECT_EQ(answer->outcome, outcome) << status;
    EXPECT_EQ(answer->pause, Duration(0)) << status;
  }
  under_test_.answers(429, "7");
  EXPECT_EQ(send().value().pause, std::chrono::seconds(7));
}

TEST_P(PushServiceContract, ARefusalIsForGoodAndSilenceIsNot) {
  for (const int status : {302, 400, 401, 403, 413}) {
    under_test_.answers(status, "");
    const auto refused = send();
    ASSERT_FALSE(refused) << status;
    EXPECT_FALSE(retryable(refused.error().code)) << status;
  }
  under_test_.answers(0, "");
  const auto silent = send();
  ASSERT_FALSE(silent);
  EXPECT_TRUE(retryable(silent.error().code)) << silent.error().describe();
}

TEST_P(PushServiceContract, RefusesTargetsThatCannotBe) {
  EXPECT_FALSE(service().public_key().empty());
  ASSERT_TRUE(service().check(under_test_.target));
  const auto refusal = [&](auto change) {
    auto target = under_test_.target;
    change(target);
    const auto checked = service().check(target);
    return checked ? std::string() : checked.error().describe();
  };
  EXPECT_TRUE(
      refusal([](auto& t) { t.endpoint = "http://push.example.net/x"; }).starts_with("endpoint: "));
  EXPECT_TRUE(refusal([](auto& t) { t.endpoint.append(2048, 'x'); }).starts_with("endpoint: "));
  EXPECT_TRUE(refusal([](auto& t) { t.p256dh.pop_back(); }).starts_with("keys.p256dh: "));
  EXPECT_TRUE(refusal([](auto& t) { t.auth.push_back('x'); }).starts_with("keys.auth: "));
  under_test_.target.auth.clear();
  EXPECT_EQ(send().error().code, ErrorCode::invalid);
}

TEST_P(PushServiceContract, TakesMessagesOfItsSize) {
  under_test_.answers(201, "");
  EXPECT_TRUE(send(std::string(kMaxPushPayload, 'x')));
  EXPECT_EQ(send(std::string(kMaxPushPayload + 1, 'x')).error().code, ErrorCode::invalid);
}

}  // namespace corral::ports::contract
