// A push service, as a function.
#pragma once

#include <functional>
#include <vector>

#include "base/clock.h"
#include "ports/push_service.h"

namespace corral::ports::fakes {

// Lives on one executor; yields to it, or lets `takes` pass, before each answer. Knows nothing of
// cryptography: any 65 and 16 bytes are keys.
class FakePushService final : public PushService {
 public:
  explicit FakePushService(Clock& clock) : clock_(clock) {}

  const std::string& public_key() const override { return key; }
  Result<void> check(const PushTarget& target) const override;
  Task<Result<PushAnswer>> send(PushTarget target, PushMessage message) override;

  struct Sent {
    PushTarget target;
    PushMessage message;
  };
  std::string key = "the-key-of-this-server";
  // Null: accepted.
  std::function<Result<PushAnswer>(const PushTarget&, const PushMessage&)> answer;
  Duration takes{0};
  std::vector<Sent> sent;  // all that was tried, in order

 private:
  Clock& clock_;
};

}  // namespace corral::ports::fakes
