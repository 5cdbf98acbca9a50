#include "adapters/cache/memory/memory_cache.h"

#include <algorithm>
#include <list>
#include <mutex>
#include <unordered_map>

namespace corral::adapters::cache {
namespace {

// A value, or the lease of those who are about to bring one.
struct Entry {
  std::string key;
  std::optional<std::string> value;
  std::uint64_t lease = 0;
  Time ends;

  std::size_t bytes() const { return 2 * key.size() + (value ? value->size() : 0) + kOverhead; }
  static constexpr std::size_t kOverhead = 200;  // of list, table and allocations
};

class MemoryCache final : public ports::Cache {
 public:
  MemoryCache(Clock& clock, MemoryCacheOptions options) : clock_(clock), options_(options) {}

  Task<Result<ports::CacheAnswer>> get(std::string key) override {
    CORRAL_CO_CHECK(ports::check_cache_key(key));
    std::scoped_lock lock(mutex_);
    if (auto* entry = find(key)) co_return ports::CacheAnswer{entry->value, entry->lease};
    const auto lease = ++last_lease_;
    insert({.key = key, .value = {}, .lease = lease, .ends = clock_.now() + ports::kLeaseTime});
    co_return ports::CacheAnswer{std::nullopt, lease};
  }

  Task<Result<bool>> put(std::string key, std::string value, std::uint64_t lease,
                         Duration ttl) override {
    CORRAL_CO_CHECK(ports::check_cache_key(key));
    if (ttl <= Duration::zero())
      co_return fail(ErrorCode::invalid, "a cache keeps nothing for {} ms", ttl.count());
    std::scoped_lock lock(mutex_);
    const auto* entry = find(key);
    if (lease == 0 || entry == nullptr || entry->lease != lease) co_return false;
    remove(key);
    if (value.size() > ports::kMaxCacheValue) co_return false;
    co_return insert({.key = key,
                      .value = std::move(value),
                      .ends = clock_.now() + std::min(ttl, ports::kMaxCacheTime)});
  }

  Task<Result<void>> erase(std::string key) override {
    CORRAL_CO_CHECK(ports::check_cache_key(key));
    std::scoped_lock lock(mutex_);
    remove(key);
    co_return Result<void>{};
  }

 private:
  using Entries = std::list<Entry>;

  // Used now; null when it is not there, or past its time.
  Entry* find(const std::string& key) {
    const auto known = by_key_.find(key);
    if (known == by_key_.end()) return nullptr;
    if (known->second->ends <= clock_.now()) {
      remove(key);
      return nullptr;
    }
    by_use_.splice(by_use_.begin(), by_use_, known->second);
    return &*known->second;
  }

  // False when it does not fit at all.
  bool insert(Entry entry) {
    const auto size = entry.bytes();
    if (size > options_.max_bytes || options_.max_entries == 0) return false;
    while (by_use_.size() >= options_.max_entries || bytes_ + size > options_.max_bytes)
      remove(std::string(by_use_.back().key));
    bytes_ += size;
    by_use_.push_front(std::move(entry));
    by_key_.emplace(by_use_.front().key, by_use_.begin());
    return true;
  }

  void remove(const std::string& key) {
    const auto known = by_key_.find(key);
    if (known == by_key_.end()) return;
    bytes_ -= known->second->bytes();
    by_use_.erase(known->second);
    by_key_.erase(known);
  }

  Clock& clock_;
  const MemoryCacheOptions options_;
  std::mutex mutex_;  // guards what follows; never held across an await
  Entries by_use_;    // most recent first
  std::unordered_map<std::string, Entries::iterator> by_key_;
  std::size_t bytes_ = 0;
  std::uint64_t last_lease_ = 0;
};

}  // namespace

std::unique_ptr<ports::Cache> make_memory_cache(Clock& clock, MemoryCacheOptions options) {
  return std::make_unique<MemoryCache>(clock, options);
}

}  // namespace corral::adapters::cache
