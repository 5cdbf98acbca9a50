// When a call that the provider refused for now may be made again.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"
#include "ports/llm.h"

namespace corral::edge {

// Of an answer that says that a quota is spent (429) or the provider overloaded (503, 529): the
// time it names, in Retry-After, in the reset headers of a limit that is used up, or in its body
// (Google's RetryInfo, OpenAI's resets_at); of an overload that names none, a minute from now.
// Nothing for any other answer, and for a quota that no time brings back (an account without
// credit). At least a second from now; a time beyond a month is not believed.
std::optional<Time> quota_reset(const ports::LlmResponseHead& head, std::string_view body,
                                Time now);

}  // namespace corral::edge
