#include "base/wait_list.h"

#include <thread>

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

namespace corral {
namespace {

struct Seen {
  int woken = 0, timed_out = 0;
};

Task<void> wait_in(WaitList& list, Duration timeout, Seen& seen) {
  WaitList::Place place(list, co_await asio::this_coro::executor);
  ++(co_await place.wait(timeout) ? seen.woken : seen.timed_out);
}

constexpr Duration kLong{60'000};

TEST(WaitList, WakesTheOnesThatHaveWaitedLongestAndNoMore) {
  asio::io_context context;
  WaitList list;
  Seen first, second;
  TaskScope scope(context.get_executor());
  scope.start("first", wait_in(list, kLong, first));
  scope.start("second", wait_in(list, kLong, second));
  context.poll();
  EXPECT_EQ(list.size(), 2u);
  list.wake(1);
  context.poll();
  EXPECT_EQ(first.woken, 1);
  EXPECT_EQ(second.woken, 0);
  list.wake_all();
  context.poll();
  EXPECT_EQ(second.woken, 1);
  EXPECT_EQ(list.size(), 0u);
}

TEST(WaitList, AWakeBeforeTheWaitIsNotLost) {
  asio::io_context context;
  WaitList list;
  WaitList::Place place(list, context.get_executor());
  list.wake_all();
  bool returned = false;
  const auto wait = [](WaitList::Place& at, bool& done) -> Task<void> {
    co_await at.wait();
    done = true;
  };
  TaskScope scope(context.get_executor());
  scope.start("wait", wait(place, returned));
  context.poll();
  EXPECT_TRUE(returned);
}

TEST(WaitList, AWaitEndsAtItsTimeoutAndLeavesTheList) {
  asio::io_context context;
  WaitList list;
  Seen seen;
  TaskScope scope(context.get_executor());
  scope.start("wait", wait_in(list, Duration{1}, seen));
  context.run();
  EXPECT_EQ(seen.timed_out, 1);
  EXPECT_EQ(list.size(), 0u);
}

TEST(WaitList, AWakeThatReachesACancelledWaiterPassesOn) {
  asio::io_context context;
  WaitList list;
  Seen cancelled, next;
  TaskScope dying(context.get_executor()), scope(context.get_executor());
  // The first is told to end before it could take its place's wake; it never parks again.
  {
    WaitList::Place abandoned(list, context.get_executor());
    scope.start("next", wait_in(list, kLong, next));
    context.poll();
    list.wake(1);
  }
  context.restart();
  context.poll();
  EXPECT_EQ(next.woken, 1);

  dying.start("cancelled", wait_in(list, kLong, cancelled));
  context.restart();
  context.poll();
  dying.cancel();
  context.restart();
  context.poll();
  EXPECT_EQ(cancelled.woken + cancelled.timed_out, 0);
  EXPECT_EQ(list.size(), 0u);
}

TEST(WaitList, WakesFromAnotherThread) {
  asio::io_context context;
  WaitList list;
  Seen seen;
  TaskScope scope(context.get_executor());
  for (int i = 0; i < 100; ++i) scope.start("wait", wait_in(list, kLong, seen));
  context.poll();
  std::jthread waker([&] {
    for (int i = 0; i < 100; ++i) list.wake(1);
  });
  context.restart();
  context.run();
  EXPECT_EQ(seen.woken, 100);
}

}  // namespace
}  // namespace corral
