// Times by the clock on the wall: cron expressions (POSIX crontab, five fields: minute, hour, day
// of month, month, day of week; lists, ranges, steps, names, and @hourly … @yearly) in a time zone.
#pragma once

#include <bitset>
#include <chrono>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace corral::domain {

// What a time zone's rules say; they live outside the domain (base/time_zone.h).
class Zone {
 public:
  virtual ~Zone() = default;
  virtual std::chrono::local_seconds to_local(std::chrono::sys_seconds time) const = 0;
  // The first time at which the clock shows that; nothing for one that is left out when the clock
  // is put forward.
  virtual std::optional<std::chrono::sys_seconds> to_time(
      std::chrono::local_seconds local) const = 0;
};

class Cron {
 public:
  // `invalid`, naming the field and what it takes.
  static Result<Cron> parse(std::string_view text);
  // The next time after `after`, to the minute. A time that the clock leaves out is no time; one
  // that it shows twice is the first. Nothing within five years (the 30th of February, say): none.
  std::optional<Time> next_after(Time after, const Zone& zone) const;

 private:
  bool matches(std::chrono::local_days day) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<7> weekdays_;  // Sunday is 0
  // With both restricted a day needs to match only one of them.
  bool any_day_ = false, any_weekday_ = false;
};

}  // namespace corral::domain
