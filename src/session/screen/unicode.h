// How many columns a character takes: the tables of Unicode 6 that xterm.js uses unless told
// otherwise (common/input/UnicodeV6.ts), in which an emoji is one column wide.
#pragma once

#include <cstdint>

namespace corral::session::screen {

// 0 (combining), 1 or 2.
std::uint32_t character_width(std::uint32_t code_point);

}  // namespace corral::session::screen
