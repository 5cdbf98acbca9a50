// The port to what is kept only to be had sooner: values by key, for a time. Losing any of it, at
// any moment, costs nothing but time.
//
// What was outdated must not come back: a reader that has read an old value from where it truly is
// may be slow to put it here. So a reader that finds nothing is given a lease, and puts with it;
// erasing the key voids it. (Leases: Nishtala et al., Scaling Memcache at Facebook, NSDI 2013.) A
// lease that got lost, by eviction or otherwise, is void too: nothing that is forgotten makes an
// outdated value good.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/task.h"

namespace corral::ports {

struct CacheAnswer {
  std::optional<std::string> value;
  // When there is no value: leave to put one. Readers that miss the same key meanwhile have the
  // same.
  std::uint64_t lease = 0;
};

inline constexpr std::size_t kMaxCacheKey = 512;          // bytes
inline constexpr std::size_t kMaxCacheValue = 1u << 20;   // bytes; a larger one is not kept
inline constexpr Duration kMaxCacheTime{24 * 3'600'000};  // longer means this
inline constexpr Duration kLeaseTime{10'000};             // how long a lease is good

// `invalid` for an empty key and one that is longer than kMaxCacheKey.
Result<void> check_cache_key(const std::string& key);

// Thread-safe; lives on any executor. Every call may be repeated. `unavailable` when what keeps the
// values does not answer: the caller goes without.
class Cache {
 public:
  virtual ~Cache() = default;

  // `invalid` as check_cache_key.
  virtual Task<Result<CacheAnswer>> get(std::string key) = 0;
  // Kept for `ttl`, or for less when room is needed. False when it was not taken: the lease is not
  // good (any more), or the value is too large. `invalid` as check_cache_key, and for a `ttl` that
  // is not positive.
  virtual Task<Result<bool>> put(std::string key, std::string value, std::uint64_t lease,
                                 Duration ttl) = 0;
  // Once it returns, nobody gets a value that was put before it was called, and no lease that was
  // given before is good. `invalid` as check_cache_key.
  virtual Task<Result<void>> erase(std::string key) = 0;
};

}  // namespace corral::ports
