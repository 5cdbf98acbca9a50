// What is said to a browser, so that the service in between cannot read it: Web Push's encryption
// (RFC 8291) in the content coding aes128gcm (RFC 8188), one record.
#pragma once

#include <string>
#include <string_view>

#include "adapters/notify/p256.h"
#include "ports/push_service.h"

namespace corral::adapters::notify {

inline constexpr std::size_t kAuthBytes = 16, kSaltBytes = 16;

// The request's body. `ours` and `salt`: of this message alone. `invalid` for a target's key that
// is none, and for a text longer than ports::kMaxPushPayload.
Result<std::string> seal(std::string_view text, const ports::PushTarget& target,
                         const P256Key& ours, std::string_view salt);

}  // namespace corral::adapters::notify
