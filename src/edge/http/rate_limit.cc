#include "edge/http/rate_limit.h"

#include <algorithm>
#include <cmath>

namespace corral::edge {

RateLimiter::Bucket RateLimiter::refilled(Bucket bucket, Time now) const {
  // The clock may be set back: nobody gains or loses by it.
  const double seconds = std::max(0.0, std::chrono::duration<double>(now - bucket.filled).count());
  return {std::min(burst_, bucket.tokens + seconds * per_second_), now};
}

RateLimiter::Verdict RateLimiter::take(const std::string& caller, Time now) {
  if (!enabled()) return {};
  if (buckets_.size() >= max_callers_ && !buckets_.contains(caller)) {
    std::erase_if(buckets_,
                  [&](const auto& entry) { return refilled(entry.second, now).tokens >= burst_; });
    // All of them busy: an attack from many addresses. The newcomer waits, as the memory is
    // bounded.
    if (buckets_.size() >= max_callers_)
      return {.allowed = false, .remaining = 0, .retry_after_s = 1};
  }
  auto& bucket = buckets_.try_emplace(caller, Bucket{burst_, now}).first->second;
  bucket = refilled(bucket, now);
  if (bucket.tokens < 1)
    return {.allowed = false,
            .remaining = 0,
            .retry_after_s = static_cast<std::uint64_t>(
                std::max(1.0, std::ceil((1 - bucket.tokens) / per_second_)))};
  bucket.tokens -= 1;
  return {
      .allowed = true, .remaining = static_cast<std::uint64_t>(bucket.tokens), .retry_after_s = 0};
}

bool RateLimiter::exhausted(const std::string& caller, Time now) const {
  const auto at = buckets_.find(caller);
  if (!enabled() || at == buckets_.end()) return false;
  return refilled(at->second, now).tokens < 1;
}

std::uint64_t RateLimiter::window_s() const {
  return enabled() ? static_cast<std::uint64_t>(std::ceil(burst_ / per_second_)) : 0;
}

}  // namespace corral::edge
