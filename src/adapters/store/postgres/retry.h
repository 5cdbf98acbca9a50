// How long to wait before the next attempt to reach the database.
#pragma once

#include <algorithm>
#include <chrono>

#include "adapters/store/postgres/connection.h"
#include "base/clock.h"

namespace corral::adapters::store::postgres {

// 20 ms, twice as long each time, at most a second: a restarted server is found soon, and one that
// is away is not pestered.
class BackOff {
 public:
  // Not longer than until `end`.
  Task<void> wait(Deadline end = Deadline::max()) {
    const auto left = std::chrono::ceil<Duration>(end - std::chrono::steady_clock::now());
    const Duration duration = std::clamp(left, Duration{0}, next_);
    next_ = std::min(next_ * 2, Duration{1'000});
    co_await SystemClock::instance().sleep(duration);
  }

 private:
  Duration next_{20};
};

// An attempt gives up after this long, so that the next one can try another address that a name has
// by then.
inline constexpr Duration kConnectTimeout{5'000};

}  // namespace corral::adapters::store::postgres
