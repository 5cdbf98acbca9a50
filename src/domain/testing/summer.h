// A place where the clock is changed.
#pragma once

#include "domain/cron.h"

namespace corral::domain {

// One hour before UTC; two from 31 March 2030 01:00 UTC (the clock leaves out 02:00 to 03:00) until
// 27 October 2030 01:00 UTC (it shows 02:00 to 03:00 twice).
class Summer final : public Zone {
 public:
  std::chrono::local_seconds to_local(std::chrono::sys_seconds time) const override {
    using std::chrono::hours;
    return std::chrono::local_seconds(time.time_since_epoch()) +
           (is_summer(time) ? hours(2) : hours(1));
  }
  std::optional<std::chrono::sys_seconds> to_time(std::chrono::local_seconds local) const override {
    using std::chrono::hours;
    for (const auto offset : {hours(2), hours(1)}) {
      const std::chrono::sys_seconds time(local.time_since_epoch() - offset);
      if (to_local(time) == local) return time;
    }
    return std::nullopt;
  }

 private:
  static bool is_summer(std::chrono::sys_seconds time) {
    using namespace std::chrono;
    return time >= sys_days(2030y / March / 31) + hours(1) &&
           time < sys_days(2030y / October / 27) + hours(1);
  }
};

}  // namespace corral::domain
