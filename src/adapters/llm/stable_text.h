// Text with what differs from run to run taken out, so that a replayed conversation can be compared
// with the recorded one.
#pragma once

#include <string>
#include <string_view>

namespace corral::adapters::llm {

// Replaces UUIDs, dates and times, durations, hashes, message and tool ids, temporary files and
// credentials by fixed words; the working directory by /workspace; drops <system-reminder> blocks,
// the marks that some versions of Python put under an error's place, and spaces at line ends. `cwd`
// may be empty. Linear in the text.
std::string stable_text(std::string_view text, std::string_view cwd);

}  // namespace corral::adapters::llm
