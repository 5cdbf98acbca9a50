// Token buckets, one a caller: a burst, then a steady rate.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "base/clock.h"

namespace corral::edge {

class RateLimiter {
 public:
  // `per_second` 0: no limit. Remembers at most `max_callers`; beyond that, those whose buckets are
  // full again are forgotten.
  RateLimiter(double per_second, double burst, std::size_t max_callers = 10'000)
      : per_second_(per_second), burst_(burst), max_callers_(max_callers) {}

  struct Verdict {
    bool allowed = true;
    std::uint64_t remaining = 0;
    std::uint64_t retry_after_s = 0;  // at least 1 when not allowed
  };
  Verdict take(const std::string& caller, Time now);

  // Whether take() would refuse, without taking.
  bool exhausted(const std::string& caller, Time now) const;

  bool enabled() const { return per_second_ > 0; }
  double burst() const { return burst_; }
  // How long an empty bucket takes to fill.
  std::uint64_t window_s() const;

 private:
  struct Bucket {
    double tokens;
    Time filled;
  };
  Bucket refilled(Bucket bucket, Time now) const;

  double per_second_, burst_;
  std::size_t max_callers_;
  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace corral::edge
