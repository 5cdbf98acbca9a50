// Waiting for a change, and taking turns, between the tasks of one executor.
#pragma once

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <list>

#include "base/clock.h"
#include "base/task.h"

namespace corral {

// Tasks wait until another one calls notify_all(). A wake-up says only that something may have
// changed: test again. Lives on one executor and outlives its waiters.
class Condition {
 public:
  Task<void> wait() { return wait_until(asio::steady_timer::time_point::max()); }
  Task<void> wait_for(Duration timeout) {
    return wait_until(asio::steady_timer::clock_type::now() + timeout);
  }

  void notify_all() {
    // A woken task resumes later, from the executor, and takes its own entry out then.
    for (auto* timer : waiting_) timer->cancel();
  }
  // Wakes who has waited longest.
  void notify_one() {
    if (!waiting_.empty()) waiting_.front()->cancel();
  }

 private:
  struct Entry {
    std::list<asio::steady_timer*>& list;
    std::list<asio::steady_timer*>::iterator at;
    ~Entry() { list.erase(at); }
  };

  Task<void> wait_until(asio::steady_timer::time_point until) {
    asio::steady_timer timer(co_await asio::this_coro::executor, until);
    const Entry entry{waiting_, waiting_.insert(waiting_.end(), &timer)};
    boost::system::error_code woken;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }

  std::list<asio::steady_timer*> waiting_;
};

// Mutual exclusion across co_await. Who asks while nobody holds it gets it, ahead of one that was
// woken but has not run yet; that one waits for the next. A waiter that is cancelled takes its turn
// and gives it up at once.
//   const auto turn = co_await turns.take();
class Turns {
 public:
  class Held {
   public:
    explicit Held(Turns* turns) : turns_(turns) {}
    Held(Held&& other) noexcept : turns_(std::exchange(other.turns_, nullptr)) {}
    Held& operator=(Held&&) = delete;
    ~Held() {
      if (turns_ == nullptr) return;
      turns_->taken_ = false;
      turns_->free_.notify_one();
    }

   private:
    Turns* turns_;
  };

  Task<Held> take() {
    while (taken_) co_await free_.wait();
    taken_ = true;
    co_return Held(this);
  }

 private:
  bool taken_ = false;
  Condition free_;
};

}  // namespace corral
