// Hashes that the engine needs: lower-case hex throughout.
#pragma once

#include <string>
#include <string_view>

#include "base/id.h"

namespace corral::engine {

std::string sha256_hex(std::string_view bytes);
std::string hmac_sha256_hex(std::string_view key, std::string_view bytes);
// A UUID that follows from a text (version 8, RFC 9562): the same each time, so that what is
// repeated after a crash gets the same id again.
Uuid uuid_of(std::string_view text);
// Likewise, but sorting with what is of that moment, or of the one that `like` is of (version 7).
Uuid uuid_of(std::string_view text, Time time);
Uuid uuid_of(std::string_view text, const Uuid& like);

}  // namespace corral::engine
