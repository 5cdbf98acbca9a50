// Many threads at once.
#pragma once

#include <atomic>
#include <set>
#include <thread>

#include "ports/contract/store_fixture.h"

namespace corral::ports::contract {

// Adds one event to each of two streams and puts a document, in one transaction, until it has done
// so `rounds` times.
inline Task<Result<void>> move_both(Store& store, int rounds) {
  for (int done = 0; done < rounds;) {
    const auto seen = co_await store.get("pair", "p");
    if (!seen) co_return std::unexpected(seen.error());
    const std::uint64_t version = *seen ? (*seen)->version : 0;
    Transaction transaction;
    transaction.changes.emplace_back(Append{"left", version, {{"moved", nullptr, {.actor = "t"}}}});
    transaction.changes.emplace_back(PutDocument{.document = {.kind = "pair",
                                                              .id = "p",
                                                              .parent = {},
                                                              .state = {},
                                                              .name = {},
                                                              .body = {},
                                                              .created = {},
                                                              .updated = {}}});
    transaction.changes.emplace_back(
        Append{"right", version, {{"moved", nullptr, {.actor = "t"}}}});
    const auto committed = co_await store.commit(std::move(transaction));
    if (committed)
      ++done;
    else if (committed.error().code != ErrorCode::conflict)
      co_return std::unexpected(committed.error());
  }
  co_return Result<void>{};
}

TEST_P(StoreContract, ConcurrentWritersLoseNoUpdate) {
  constexpr int kThreads = 4, kRounds = 50;
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([&] { failed += !run_task(move_both(store(), kRounds)).has_value(); });
  }
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(stream("left").size(), kThreads * kRounds);
  EXPECT_EQ(stream("right").size(), kThreads * kRounds);
  EXPECT_EQ(get("pair", "p")->version, kThreads * kRounds);
  const auto all = events({.types = {}, .limit = 10'000});
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i].position, i + 1);
}

struct QueueTally {
  std::mutex mutex;
  std::map<std::string, int> done;
  std::map<std::string, int> running;  // by group
  int most_in_a_group = 0, most = 0, total = 0;
};

inline Task<Result<void>> drain_queue(Store& store, std::string owner, QueueTally& tally,
                                      QueueLimits limits, std::size_t jobs) {
  for (;;) {
    {
      std::scoped_lock lock(tally.mutex);
      if (tally.done.size() == jobs) co_return Result<void>{};
    }
    CORRAL_CO_TRY(const auto claimed, co_await store.claim({.owner = owner,
                                                            .now = SystemClock::instance().now(),
                                                            .lease = Duration{60'000},
                                                            .limits = limits}));
    if (claimed.empty()) {
      CORRAL_CO_CHECK(co_await store.wait_for_job(Duration{20}));
      continue;
    }
    const Job& job = claimed.front();
    {
      std::scoped_lock lock(tally.mutex);
      tally.most_in_a_group = std::max(tally.most_in_a_group, ++tally.running[job.group]);
      tally.most = std::max(tally.most, ++tally.total);
    }
    {
      // Counted down before the completion is asked for: from then on another claim may be granted.
      std::scoped_lock lock(tally.mutex);
      --tally.running[job.group], --tally.total;
    }
    Transaction transaction;
    transaction.changes.emplace_back(CompleteJob{job.id, owner});
    CORRAL_CO_CHECK(co_await store.commit(std::move(transaction)));
    std::scoped_lock lock(tally.mutex);
    ++tally.done[job.key];
  }
}

TEST_P(StoreContract, ConcurrentWorkersRunEachJobOnceWithinTheLimits) {
  constexpr std::size_t kJobs = 200;
  Transaction transaction;
  for (std::size_t i = 0; i < kJobs; ++i)
    transaction.changes.emplace_back(new_job("job-" + std::to_string(i), static_cast<int>(i % 3),
                                             {}, "group-" + std::to_string(i % 4)));
  ASSERT_TRUE(run_task(store().commit(std::move(transaction))));
  QueueTally tally;
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i)
      threads.emplace_back([&, i] {
        failed += !run_task(drain_queue(store(), "worker-" + std::to_string(i), tally,
                                        {.per_group = 2, .total = 5}, kJobs))
                       .has_value();
      });
  }
  EXPECT_EQ(failed, 0);
  ASSERT_EQ(tally.done.size(), kJobs);
  for (const auto& [key, times] : tally.done) EXPECT_EQ(times, 1) << key;
  EXPECT_LE(tally.most_in_a_group, 2);
  EXPECT_LE(tally.most, 5);
  EXPECT_EQ(counts().completed, kJobs);
}

}  // namespace corral::ports::contract
