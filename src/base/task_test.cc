#include "base/task.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "base/log.h"

namespace corral {
namespace {

using namespace asio::experimental::awaitable_operators;

Task<void> for_ever() {
  asio::steady_timer never(co_await asio::this_coro::executor,
                           asio::steady_timer::time_point::max());
  co_await never.async_wait(asio::use_awaitable);
}

Task<void> for_both() { co_await (for_ever() && for_ever()); }
Task<void> for_either() { co_await (for_ever() || for_ever()); }

Task<void> wrong() {
  throw std::runtime_error("wrong");
  co_return;
}
Task<void> both_wrong() { co_await (wrong() || wrong()); }

Task<void> stop_with(Task<void> task) {
  TaskScope scope(co_await asio::this_coro::executor);
  scope.start("task", std::move(task));
  // Let it begin.
  asio::steady_timer soon(co_await asio::this_coro::executor, std::chrono::milliseconds(1));
  co_await soon.async_wait(asio::use_awaitable);
  co_await scope.stop();
}

std::int64_t errors_of(Task<void> task) {
  (void)log::take_error_count();
  asio::io_context context;
  asio::co_spawn(context, stop_with(std::move(task)), [](std::exception_ptr thrown) {
    if (thrown) std::rethrow_exception(thrown);
  });
  context.run();
  return log::take_error_count();
}

Task<void> write_down(bool& written) {
  asio::steady_timer disk(co_await asio::this_coro::executor, std::chrono::milliseconds(5));
  co_await disk.async_wait(asio::use_awaitable);
  written = true;
}
Task<void> work_and_write(bool& written, bool& went_on) {
  try {
    co_await for_ever();
  } catch (const boost::system::system_error&) {
  }
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await uncancelled(write_down(written));
  co_await for_ever();
  went_on = true;
}
Task<void> write_and_work(bool& written, bool& went_on) {
  co_await uncancelled(write_down(written));
  co_await for_ever();
  went_on = true;
}

TEST(Uncancelled, IsDoneAndTheCallerStillEnds) {
  bool written = false, went_on = false;
  EXPECT_EQ(errors_of(work_and_write(written, went_on)), 0) << "cancelled before";
  EXPECT_TRUE(written);
  EXPECT_FALSE(went_on);
  written = false;
  EXPECT_EQ(errors_of(write_and_work(written, went_on)), 0) << "cancelled meanwhile";
  EXPECT_TRUE(written);
  EXPECT_FALSE(went_on);
}

TEST(TaskScope, ThatATaskWasCancelledIsNoError) {
  EXPECT_EQ(errors_of(for_ever()), 0);
  EXPECT_EQ(errors_of(for_both()), 0);
  EXPECT_EQ(errors_of(for_either()), 0);
}

TEST(TaskScope, WhatATaskThrowsIsOne) {
  EXPECT_EQ(errors_of(wrong()), 1);
  EXPECT_EQ(errors_of(both_wrong()), 1);
}

}  // namespace
}  // namespace corral
