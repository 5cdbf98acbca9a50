// A terminal's whole state as bytes, and back.
//
// "CRSC", a version, then numbers as LEB128, strings with their length before them; at the end the
// CRC-32C of all before it. Attributes, clusters and links follow in the order of their first use.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "session/screen/terminal.h"

namespace corral::session::screen {

std::string save(const Terminal& terminal);
Result<std::unique_ptr<Terminal>> restore(std::string_view saved);

}  // namespace corral::session::screen
