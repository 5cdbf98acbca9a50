// How much of what an agent says is kept in a timeline, and made safe to print.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace corral::adapters::agent {

inline constexpr std::size_t kMaxEventText = 64u << 10;  // of a timeline entry
inline constexpr std::size_t kMaxSummary = 8u << 10;     // of a result
inline constexpr std::size_t kMaxInputBytes = 4u << 20;  // of one input: the workspace takes 16 MiB
inline constexpr std::size_t kMaxProtocolLine = 8u << 20;
inline constexpr int kMaxJsonDepth = 256;  // a tool's input is as deep as the model makes it

std::string event_text(std::string_view text);

// The same value with long strings cut: what a timeline shows of a file written as a whole.
json::value bounded(const json::value& value);

}  // namespace corral::adapters::agent
