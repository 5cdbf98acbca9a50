// Time. Rules never read a clock: `now` is passed in. Everything that waits or stamps takes a
// Clock&, so that a simulation can supply a virtual one.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/task.h"

namespace corral {

using Duration = std::chrono::milliseconds;
// UTC, milliseconds.
using Time = std::chrono::time_point<std::chrono::system_clock, Duration>;

// "2026-11-21T09:00:00.000Z" (RFC 3339).
std::string to_rfc3339(Time time);
// Accepts what to_rfc3339 writes, with or without fraction, Z or ±hh:mm; nothing else.
std::optional<Time> time_from_rfc3339(std::string_view text);

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
  // Cancelling ends the wait with an exception that TaskScope swallows (asio operation_aborted).
  virtual Task<void> sleep(Duration duration) = 0;
};

class SystemClock final : public Clock {
 public:
  static SystemClock& instance();
  Time now() const override;
  Task<void> sleep(Duration duration) override;
};

}  // namespace corral
