#include "adapters/store/postgres/waiting.h"

#include <algorithm>

#include <boost/asio/this_coro.hpp>

namespace corral::adapters::store::postgres {

void Waiting::saw_events(std::uint64_t last_position) {
  {
    std::scoped_lock lock(mutex_);
    if (last_position <= position_) return;
    position_ = last_position;
  }
  events_.wake_all();
}

void Waiting::saw_jobs(std::uint64_t count) {
  if (count == 0) return;
  {
    std::scoped_lock lock(mutex_);
    job_epoch_ += count;
  }
  jobs_.wake(count);
}

void Waiting::saw_anything(std::uint64_t last_position) {
  saw_events(last_position);
  {
    std::scoped_lock lock(mutex_);
    ++job_epoch_;
  }
  jobs_.wake_all();
}

std::uint64_t Waiting::claim_begins() {
  std::scoped_lock lock(mutex_);
  return job_epoch_;
}

void Waiting::claimed_nothing(std::uint64_t begun, std::optional<Duration> next_due) {
  std::scoped_lock lock(mutex_);
  empty_epoch_ = begun;
  due_ = next_due ? std::optional(std::chrono::steady_clock::now() + *next_due) : std::nullopt;
}

std::uint64_t Waiting::last_position() {
  std::scoped_lock lock(mutex_);
  return position_;
}

Task<void> Waiting::for_event(std::uint64_t position, Duration timeout) {
  WaitList::Place place(events_, co_await asio::this_coro::executor);
  if (last_position() <= position) co_await place.wait(timeout);
}

Task<void> Waiting::for_job(Duration timeout) {
  WaitList::Place place(jobs_, co_await asio::this_coro::executor);
  {
    std::scoped_lock lock(mutex_);
    if (job_epoch_ != empty_epoch_) co_return;
    // Rounded up: a wait that ends before the moment would end in a claim for nothing.
    if (due_)
      timeout =
          std::min(timeout, std::chrono::ceil<Duration>(*due_ - std::chrono::steady_clock::now()));
  }
  co_await place.wait(std::max(timeout, Duration{0}));
}

}  // namespace corral::adapters::store::postgres
