// National replacement character sets and DEC's line drawing: what ASCII characters stand for after
// `ESC ( X` (xterm.js's common/data/Charsets.ts).
#pragma once

#include <cstdint>

namespace corral::session::screen {

// 128 entries, each 0 for "itself". Null for ASCII, and for a designator that is not known.
const char16_t* charset(char designator);
// A designator that gives this set; 'B' for null.
char charset_designator(const char16_t* set);
// Whether `ESC ( X` is a sequence at all.
bool is_charset(char designator);

}  // namespace corral::session::screen
