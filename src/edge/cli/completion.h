// Completion scripts, generated from the tree of commands: a command or option that exists is
// completed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "edge/cli/arguments.h"

namespace corral::edge::cli {

// For "bash", "zsh" or "fish"; empty for another shell.
std::optional<std::string> completion_script(const CommandInfo& tree, std::string_view shell);

}  // namespace corral::edge::cli
