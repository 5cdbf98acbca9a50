#include "adapters/notify/vapid.h"

#include "base/base64url.h"
#include "base/json.h"

namespace corral::adapters::notify {
namespace {

// Services refuse more than 24 h; the rest is for clocks that differ.
constexpr std::chrono::seconds kValid = std::chrono::hours(12);

}  // namespace

std::string vapid(const P256Key& key, std::string_view audience, std::string_view contact,
                  Time now) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
  json::object claims{{"aud", audience}, {"exp", (seconds + kValid).count()}};
  if (!contact.empty()) claims["sub"] = contact;
  std::string token = base64url(R"({"typ":"JWT","alg":"ES256"})");
  token += "." + base64url(json::serialize(claims));
  token += "." + base64url(key.sign(token));
  return fmt::format("vapid t={}, k={}", token, base64url(key.public_point()));
}

}  // namespace corral::adapters::notify
