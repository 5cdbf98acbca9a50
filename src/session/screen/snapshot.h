// A terminal's state as bytes that bring it about in another.
#pragma once

#include <string>

#include "session/screen/terminal.h"

namespace corral::session::screen {

std::string snapshot(const Terminal& terminal, std::size_t scrollback_lines);

}  // namespace corral::session::screen
