// A cache in memory, without bounds, whose every call takes a turn of the executor and may fail.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "ports/cache.h"

namespace corral::ports::fakes {

// Thread-safe. `clock` outlives it.
class FakeCache final : public Cache {
 public:
  explicit FakeCache(Clock& clock) : clock_(clock) {}

  Task<Result<CacheAnswer>> get(std::string key) override;
  Task<Result<bool>> put(std::string key, std::string value, std::uint64_t lease,
                         Duration ttl) override;
  Task<Result<void>> erase(std::string key) override;

  // Asked before every call, by its name ("get", "put", "erase"): an Error it returns is what the
  // caller gets.
  void set_faults(std::function<std::optional<Error>(std::string_view call)> faults);

 private:
  struct Entry {
    CacheAnswer answer;
    Time ends;
  };
  Task<Result<void>> begin(std::string_view call, const std::string& key);
  Entry* find(const std::string& key);

  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  std::uint64_t last_lease_ = 0;
  std::function<std::optional<Error>(std::string_view)> faults_;
};

}  // namespace corral::ports::fakes
