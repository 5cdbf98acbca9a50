// The few ways in which the engine's coroutines wait for each other. All live on one executor.
#pragma once

#include <exception>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "base/task.h"

namespace corral::engine {

// Wakes all that wait. It keeps no memory: test the condition, wait, test again.
class Signal {
 public:
  explicit Signal(const Executor& executor) : timer_(executor) {
    timer_.expires_at(asio::steady_timer::time_point::max());
  }
  void notify() { timer_.cancel(); }
  Task<void> wait() {
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    // Woken because the caller is being cancelled: say so here, even when it awaits nothing more.
    if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
      throw boost::system::system_error(asio::error::operation_aborted);
  }

 private:
  asio::steady_timer timer_;
};

// Mutual exclusion across awaits, first come, first served in practice; not recursive.
class Mutex {
 public:
  explicit Mutex(const Executor& executor) : freed_(executor) {}

  class Guard {
   public:
    explicit Guard(Mutex& mutex) : mutex_(&mutex) {}
    Guard(Guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() {
      if (mutex_ == nullptr) return;
      mutex_->taken_ = false;
      mutex_->freed_.notify();
    }

   private:
    Mutex* mutex_;
  };

  Task<Guard> lock() {
    while (taken_) co_await freed_.wait();
    taken_ = true;
    co_return Guard(*this);
  }

 private:
  Signal freed_;
  bool taken_ = false;
};

// Runs `work` until it ends, or until `stop` does: work is then cancelled, its end awaited, and the
// answer is empty. Cancelling the caller cancels both. An exception of `work` goes on to the
// caller.
template <class T>
Task<std::optional<T>> until(Task<T> work, Task<void> stop) {
  const auto executor = co_await asio::this_coro::executor;
  auto [order, work_thrown, value, stop_thrown] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(executor, std::move(work), asio::deferred),
          asio::co_spawn(executor, std::move(stop), asio::deferred))
          .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
    throw boost::system::system_error(asio::error::operation_aborted);
  if (order[0] == 0) {
    if (work_thrown) std::rethrow_exception(work_thrown);
    co_return std::move(value);
  }
  if (stop_thrown) std::rethrow_exception(stop_thrown);
  co_return std::nullopt;
}

// Waits for the signal, at the latest until `stop` ends. Cancelling the caller cancels both.
inline Task<void> wait_or(Signal& signal, Task<void> stop) {
  constexpr auto signalled = [](Signal& awaited) -> Task<int> {
    co_await awaited.wait();
    co_return 0;
  };
  (void)co_await until(signalled(signal), std::move(stop));
}

// Runs both to their ends. An exception of either cancels the other and goes on to the caller.
template <class A, class B>
Task<std::pair<A, B>> both(Task<A> first, Task<B> second) {
  const auto executor = co_await asio::this_coro::executor;
  auto [order, first_thrown, a, second_thrown, b] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(executor, std::move(first), asio::deferred),
          asio::co_spawn(executor, std::move(second), asio::deferred))
          .async_wait(asio::experimental::wait_for_one_error(), asio::use_awaitable);
  if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
    throw boost::system::system_error(asio::error::operation_aborted);
  if (first_thrown) std::rethrow_exception(first_thrown);
  if (second_thrown) std::rethrow_exception(second_thrown);
  co_return std::pair<A, B>(std::move(a), std::move(b));
}

}  // namespace corral::engine
