// When what was printed, and how large the terminal was then: beside a session's log of bytes, for
// replays, recordings and a screen that is made again after a crash.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "session/log_store.h"

namespace corral::session {

struct Size {
  std::uint16_t columns = 80, rows = 24;
  bool operator==(const Size&) const = default;
};

// From `offset` of the log on, it is this late; and when `size` is there, that large.
struct Mark {
  std::uint64_t offset = 0;
  Time time{};
  std::optional<Size> size;
  bool operator==(const Mark&) const = default;
};

// A line each: "OFFSET MILLISECONDS[ COLUMNSxROWS]\n", in order.
std::string to_line(const Mark& mark);
// Whole lines. `corrupt` for anything else, and for marks out of order.
Result<std::vector<Mark>> parse_marks(std::string_view lines);

// When the byte at `offset` was printed, as far as the marks tell: never later than it was.
std::optional<Time> time_of(const std::vector<Mark>& marks, std::uint64_t offset);
// The same out of a log of marks, which is not read as a whole: a few small reads.
Task<Result<std::optional<Time>>> find_time(Log& marks, std::uint64_t offset);
// The size at `offset`.
Size size_at(const std::vector<Mark>& marks, std::uint64_t offset);

}  // namespace corral::session
