// Server-sent events (WHATWG HTML, 9.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace corral::edge {

// "id: …\nevent: …\ndata: …\n\n"; `event` empty: none. `data` is JSON, and so has no line break.
void append_event(std::string& out, std::uint64_t id, std::string_view event,
                  std::string_view data);

inline constexpr std::string_view kKeepAliveComment = ": keep-alive\n\n";

// How much of a log's bytes may be sent as text now: all but a code point whose rest may still
// come.
std::size_t text_ready(std::string_view bytes, bool more_may_come);

// How much of it is whole lines, the last line break included.
std::size_t lines_ready(std::string_view bytes);

}  // namespace corral::edge
