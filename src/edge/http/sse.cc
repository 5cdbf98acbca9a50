#include "edge/http/sse.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/utf8.h"

namespace corral::edge {

void append_event(std::string& out, std::uint64_t id, std::string_view event,
                  std::string_view data) {
  CORRAL_ASSERT(data.find_first_of("\r\n") == std::string_view::npos);
  fmt::format_to(std::back_inserter(out), "id: {}\n", id);
  if (!event.empty()) out.append("event: ").append(event).append("\n");
  out.append("data: ").append(data).append("\n\n");
}

std::size_t text_ready(std::string_view bytes, bool more_may_come) {
  return bytes.size() - (more_may_come ? incomplete_utf8_tail(bytes) : 0);
}

std::size_t lines_ready(std::string_view bytes) {
  const auto at = bytes.rfind('\n');
  return at == std::string_view::npos ? 0 : at + 1;
}

}  // namespace corral::edge
