// Base64 for addresses, headers and JWTs: the URL-safe alphabet, without padding (RFC 4648, 5).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace corral {

std::string base64url(std::string_view bytes);

// Nothing for what base64url() never writes: another alphabet, padding, a length that cannot be,
// bits at the end that belong to no byte.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace corral
