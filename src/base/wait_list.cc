#include "base/wait_list.h"

#include <atomic>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace corral {

struct WaitList::Waiter {
  explicit Waiter(const Executor& on) : executor(on), timer(on) {}
  Executor executor;
  asio::steady_timer timer;  // touched on `executor` only
  std::atomic<bool> woken{false};
  bool consumed = false;  // likewise
};

WaitList::Place::Place(WaitList& list, Executor executor)
    : list_(list), waiter_(std::make_shared<Waiter>(executor)) {
  std::scoped_lock lock(list_.mutex_);
  list_.waiters_.push_back(waiter_);
}

WaitList::Place::~Place() {
  {
    std::scoped_lock lock(list_.mutex_);
    if (!waiter_->woken) {
      list_.waiters_.remove(waiter_);
      return;
    }
  }
  if (!waiter_->consumed) list_.wake(1);
}

Task<bool> WaitList::Place::park() {
  while (!waiter_->woken) {
    boost::system::error_code error;
    co_await waiter_->timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (waiter_->woken) break;
    if (!error) co_return false;
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
      throw boost::system::system_error(asio::error::operation_aborted);
  }
  waiter_->consumed = true;
  co_return true;
}

Task<void> WaitList::Place::wait() {
  waiter_->timer.expires_at(asio::steady_timer::time_point::max());
  co_await park();
}

Task<bool> WaitList::Place::wait(Duration timeout) {
  // A far time plus now would overflow; nobody waits longer than a year.
  waiter_->timer.expires_after(std::min<Duration>(timeout, std::chrono::hours(24 * 365)));
  co_return co_await park();
}

void WaitList::wake(std::size_t count) {
  std::scoped_lock lock(mutex_);
  for (; count > 0 && !waiters_.empty(); --count) {
    auto waiter = std::move(waiters_.front());
    waiters_.pop_front();
    waiter->woken = true;
    // Posted under the lock: a place cannot leave, and its executor end, in between.
    asio::post(waiter->executor, [waiter] { waiter->timer.cancel(); });
  }
}

void WaitList::wake_all() { wake(static_cast<std::size_t>(-1)); }

std::size_t WaitList::size() const {
  std::scoped_lock lock(mutex_);
  return waiters_.size();
}

}  // namespace corral
