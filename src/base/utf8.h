// UTF-8 where bytes of unknown origin meet formats that demand it (JSON, event streams).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace corral {

bool is_utf8(std::string_view text);
std::size_t count_code_points(std::string_view text);

// Each maximal invalid part becomes U+FFFD (as browsers do it).
std::string to_valid_utf8(std::string_view bytes);

// How many bytes at the end may be the beginning of a code point whose rest has not come yet (0–3).
std::size_t incomplete_utf8_tail(std::string_view bytes);

}  // namespace corral
