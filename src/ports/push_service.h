// The port to push services: those that browsers name, which pass short messages on to devices
// whose page is closed (Web Push, RFC 8030).
#pragma once

#include <chrono>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/task.h"

namespace corral::ports {

// What a browser gives who may reach it (Push API, PushSubscription). The address is a capability,
// and the rest is a secret between the browser and us: none of it is logged.
struct PushTarget {
  std::string endpoint;  // https, absolute
  std::string p256dh;    // the browser's public key: 65 bytes, an uncompressed point of P-256
  std::string auth;      // 16 bytes

  bool operator==(const PushTarget&) const = default;
};

enum class PushUrgency { normal, high };

struct PushMessage {
  std::string payload;          // at most kMaxPushPayload bytes; only the browser can read it
  std::chrono::seconds ttl{0};  // how long the service keeps it for a device that is away
  PushUrgency urgency = PushUrgency::normal;
  std::string topic;  // 1–32 letters of base64url: replaces what waits there under the same. Seen
                      // by the service
};
inline constexpr std::size_t kMaxPushPayload = 3000;

struct PushAnswer {
  enum class Outcome {
    accepted,
    gone,  // the subscription has ended: no message will ever arrive again
    busy,  // try again, not before `pause`
  };
  Outcome outcome = Outcome::accepted;
  Duration pause{0};
};

class PushService {
 public:
  virtual ~PushService() = default;
  // The key that browsers are to subscribe with (applicationServerKey), in base64url. Subscriptions
  // are bound to it.
  virtual const std::string& public_key() const = 0;
  // What can be told of a target without asking it. `invalid` names the part that cannot be;
  // `forbidden` for an address that is not public and that the operator has not allowed.
  virtual Result<void> check(const PushTarget& target) const = 0;
  // Hands a message over. `invalid` as check() or a payload that is too long; retryable errors when
  // there was no answer; any other error is the service's refusal, for good. Cancelling leaves open
  // whether it was handed over.
  virtual Task<Result<PushAnswer>> send(PushTarget target, PushMessage message) = 0;
};

}  // namespace corral::ports
