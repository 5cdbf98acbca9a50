// By what a push service knows the server that sends, the same each time (VAPID, RFC 8292): a JWT
// signed with ES256, for that service alone and for a day at most.
#pragma once

#include <string>
#include <string_view>

#include "adapters/notify/p256.h"
#include "base/clock.h"

namespace corral::adapters::notify {

// The value of Authorization. `audience`: the service's origin; `contact`: a mailto: or https: URL
// at which its people find ours; empty: none.
std::string vapid(const P256Key& key, std::string_view audience, std::string_view contact,
                  Time now);

}  // namespace corral::adapters::notify
