#include "ports/fakes/fake_cache.h"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace corral::ports::fakes {

Task<Result<void>> FakeCache::begin(std::string_view call, const std::string& key) {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  std::scoped_lock lock(mutex_);
  if (faults_)
    if (auto error = faults_(call)) co_return std::unexpected(std::move(*error));
  co_return check_cache_key(key);
}

FakeCache::Entry* FakeCache::find(const std::string& key) {
  const auto known = entries_.find(key);
  if (known == entries_.end()) return nullptr;
  if (known->second.ends > clock_.now()) return &known->second;
  entries_.erase(known);
  return nullptr;
}

Task<Result<CacheAnswer>> FakeCache::get(std::string key) {
  CORRAL_CO_CHECK(co_await begin("get", key));
  std::scoped_lock lock(mutex_);
  if (const auto* entry = find(key)) co_return entry->answer;
  const CacheAnswer missed{std::nullopt, ++last_lease_};
  entries_[key] = {missed, clock_.now() + kLeaseTime};
  co_return missed;
}

Task<Result<bool>> FakeCache::put(std::string key, std::string value, std::uint64_t lease,
                                  Duration ttl) {
  CORRAL_CO_CHECK(co_await begin("put", key));
  if (ttl <= Duration::zero()) co_return fail(ErrorCode::invalid, "no time to keep it");
  std::scoped_lock lock(mutex_);
  auto* entry = find(key);
  if (lease == 0 || entry == nullptr || entry->answer.lease != lease) co_return false;
  if (value.size() > kMaxCacheValue) co_return false;
  *entry = {{std::move(value), 0}, clock_.now() + std::min(ttl, kMaxCacheTime)};
  co_return true;
}

Task<Result<void>> FakeCache::erase(std::string key) {
  CORRAL_CO_CHECK(co_await begin("erase", key));
  std::scoped_lock lock(mutex_);
  entries_.erase(key);
  co_return Result<void>{};
}

void FakeCache::set_faults(std::function<std::optional<Error>(std::string_view)> faults) {
  std::scoped_lock lock(mutex_);
  faults_ = std::move(faults);
}

}  // namespace corral::ports::fakes
