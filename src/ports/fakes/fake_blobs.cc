#include "ports/fakes/fake_blobs.h"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace corral::ports::fakes {

Task<Result<std::string>> FakeBlobs::put(std::string content) {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  if (auto error = fault("put")) co_return std::unexpected(std::move(*error));
  auto hash = content_hash(content);
  std::scoped_lock lock(mutex_);
  blobs_[hash] = std::move(content);
  co_return hash;
}

Task<Result<std::string>> FakeBlobs::get(std::string hash) {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  if (auto error = fault("get")) co_return std::unexpected(std::move(*error));
  CORRAL_CO_CHECK(check_content_hash(hash));
  std::scoped_lock lock(mutex_);
  const auto found = blobs_.find(hash);
  if (found == blobs_.end()) co_return fail(ErrorCode::not_found, "no blob {}", hash);
  if (content_hash(found->second) != hash)
    co_return fail(ErrorCode::corrupt, "blob {} is damaged", hash);
  co_return found->second;
}

Task<Result<void>> FakeBlobs::remove(std::string hash) {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  if (auto error = fault("remove")) co_return std::unexpected(std::move(*error));
  CORRAL_CO_CHECK(check_content_hash(hash));
  std::scoped_lock lock(mutex_);
  blobs_.erase(hash);
  co_return Result<void>{};
}

void FakeBlobs::set_faults(std::function<std::optional<Error>(std::string_view)> faults) {
  std::scoped_lock lock(mutex_);
  faults_ = std::move(faults);
}

std::optional<Error> FakeBlobs::fault(std::string_view call) {
  std::scoped_lock lock(mutex_);
  return faults_ ? faults_(call) : std::nullopt;
}

void FakeBlobs::damage(const std::string& hash) {
  std::scoped_lock lock(mutex_);
  blobs_.at(hash) += '!';
}

std::size_t FakeBlobs::size() const {
  std::scoped_lock lock(mutex_);
  return blobs_.size();
}

}  // namespace corral::ports::fakes
