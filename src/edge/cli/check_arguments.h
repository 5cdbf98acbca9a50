// What a parser of command lines cannot say by itself: which arguments make no sense together.
#pragma once

#include <string>

#include "edge/cli/arguments.h"

namespace corral::edge::cli {

// The message for who typed them, or empty. `listen` is --listen as it was given: of `serve`, it is
// put into the arguments.
std::string check_arguments(Arguments& arguments, const std::string& listen);

}  // namespace corral::edge::cli
