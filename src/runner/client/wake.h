// Lets coroutines of one executor wait for a change that another makes.
#pragma once

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/task.h"

namespace corral::runner::client {

class Wake {
 public:
  explicit Wake(const Executor& executor)
      : timer_(executor, asio::steady_timer::time_point::max()) {}

  // Returns after the next notify(), or sooner: the caller looks again at what it waits for. It
  // outlives its waiters.
  Task<void> wait() {
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  void notify() { timer_.cancel(); }

 private:
  asio::steady_timer timer_;
};

}  // namespace corral::runner::client
