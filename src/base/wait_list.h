// Parks coroutines until somebody wakes them, from any thread.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>

#include "base/clock.h"
#include "base/task.h"

namespace corral {

// Thread-safe. Outlives its places. Wakers never block on waiters, and run none of their code.
//
//   WaitList::Place place(list, co_await asio::this_coro::executor);
//   if (condition()) co_return;          // a wake from here on is not lost
//   co_await place.wait(timeout);
class WaitList {
  struct Waiter;

 public:
  // A place in the list, on the waiter's own frame. Used on one executor, where calls do not run
  // concurrently.
  class Place {
   public:
    Place(WaitList& list, Executor executor);
    // A wake that reached this place but was not consumed (the waiter was cancelled) passes on to
    // the next.
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    // Returns when woken: at once if that happened already. Cancelling ends it with
    // operation_aborted.
    Task<void> wait();
    // The same, at the latest after `timeout` of real time; false when that passed first.
    Task<bool> wait(Duration timeout);

   private:
    Task<bool> park();
    WaitList& list_;
    std::shared_ptr<Waiter> waiter_;
  };

  void wake_all();
  // Wakes the `count` that have waited longest.
  void wake(std::size_t count);
  std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::list<std::shared_ptr<Waiter>> waiters_;
};

}  // namespace corral
