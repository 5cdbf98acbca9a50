// Coroutines: Task<T>, and TaskScope, the only way to start one that nobody awaits.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/error.h"

namespace corral {

namespace asio = boost::asio;
using Executor = asio::any_io_executor;

// A lazily started coroutine. Runs on the executor of whoever awaits it. Parameters go by value, or
// by reference to objects that provably outlive the task; a coroutine lambda captures nothing (pass
// its data as parameters).
template <class T = void>
using Task = asio::awaitable<T>;

// Owns the background tasks of one object. Make it the object's last member and await stop() before
// destruction. Lives on one executor and is used only there.
//
// An exception that leaves a task is a bug: it is logged at error level as "task.failed", and the
// scope goes on.
class TaskScope {
 public:
  explicit TaskScope(Executor executor);
  // stop() has been awaited, or the io_context has ended (its tasks are then destroyed with it).
  ~TaskScope();
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;

  // Starts a task. `name` is static text for logs. After stop() began, the task is dropped unrun.
  void start(const char* name, Task<void> task);

  // Cancels every task (Asio terminal cancellation: the I/O under way ends with operation_aborted)
  // and waits for all of them to end. May be awaited once.
  Task<void> stop();

  // Cancels without waiting. New tasks are dropped from here on.
  void cancel();

  std::size_t size() const;
  Executor executor() const { return executor_; }

 private:
  struct State;
  Executor executor_;
  std::shared_ptr<State> state_;
};

// Runs `task` to its end also when the caller is cancelled meanwhile; the caller's next wait then
// ends with operation_aborted. A caller that may have been cancelled before says so first, or this
// does not even begin: co_await asio::this_coro::throw_if_cancelled(false).
Task<void> uncancelled(Task<void> task);

}  // namespace corral
