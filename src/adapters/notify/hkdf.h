// HKDF with SHA-256 (RFC 5869) for keys of at most one hash's length: two uses of HMAC.
#pragma once

#include <string_view>

#include "base/secret.h"

namespace corral::adapters::notify {

// As OpenSSL wants them.
inline const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Secret hmac_sha256(std::string_view key, std::string_view bytes);

// The first `size` bytes, at most 32, of what follows from `secret` for this use of it.
Secret hkdf(std::string_view salt, const Secret& secret, std::string_view info, std::size_t size);

}  // namespace corral::adapters::notify
