// The screen for programs: as text, and as JSON.
#pragma once

#include <string>

#include "session/screen/terminal.h"

namespace corral::session::screen {

std::string text(const Terminal& terminal);
std::string json_text(const Terminal& terminal);

}  // namespace corral::session::screen
