// Streams, transactions, and waiting for events.
#pragma once

#include "base/clock.h"
#include "ports/contract/store_fixture.h"

namespace corral::ports::contract {

TEST_P(StoreContract, AppendedEventsComeBackInOrderWithPositionVersionAndTime) {
  const Time before = SystemClock::instance().now();
  ASSERT_EQ(commit(append("run/a", 0, 2)).value(), 2u);
  ASSERT_EQ(commit(append("run/b", 0)).value(), 3u);
  ASSERT_EQ(commit(append("run/a", 2)).value(), 4u);

  const auto a = stream("run/a");
  ASSERT_EQ(a.size(), 3u);
  EXPECT_EQ(a[2].position, 4u);
  EXPECT_EQ(a[2].version, 3u);
  EXPECT_EQ(a[2].stream, "run/a");
  EXPECT_EQ(a[2].type, "test.happened");
  EXPECT_EQ(a[2].origin.actor, "user:test");
  EXPECT_EQ(a[2].data.at("n").to_number<int>(), 3);
  EXPECT_GE(a[2].time, before);
  EXPECT_LE(a[2].time, SystemClock::instance().now());

  const auto all = events({.after_position = 1, .types = {}, .limit = 2});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].position, 2u);
  EXPECT_EQ(all[1].stream, "run/b");
}

TEST_P(StoreContract, ReadsOfAStreamStartAfterAVersionAndStopAtTheLimit) {
  ASSERT_TRUE(commit(append("s", 0, 5)));
  const auto page = run_task(store().read_stream("s", 2, 2)).value();
  ASSERT_EQ(page.size(), 2u);
  EXPECT_EQ(page[0].version, 3u);
  EXPECT_EQ(page[1].version, 4u);
  EXPECT_TRUE(run_task(store().read_stream("s", 5, 10)).value().empty());
  EXPECT_TRUE(run_task(store().read_stream("nothing", 0, 10)).value().empty());
  EXPECT_TRUE(run_task(store().read_stream("s", 0, 0)).value().empty());
}

TEST_P(StoreContract, AWrongExpectedVersionIsAConflict) {
  ASSERT_TRUE(commit(append("s", 0)));
  EXPECT_EQ(code(commit(append("s", 0))), ErrorCode::conflict);
  EXPECT_EQ(code(commit(append("s", 2))), ErrorCode::conflict);
  EXPECT_EQ(code(commit(append("unborn", 1))), ErrorCode::conflict);
  EXPECT_EQ(stream("s").size(), 1u);
}

TEST_P(StoreContract, AnAppendWithoutEventsChecksTheVersionOnly) {
  ASSERT_EQ(commit(append("s", 0, 3)).value(), 3u);
  EXPECT_EQ(commit(append("s", 3, 0)).value(), 3u);
  EXPECT_EQ(commit(append("unborn", 0, 0)).value(), 3u);
  EXPECT_EQ(code(commit(append("s", 2, 0))), ErrorCode::conflict);
  EXPECT_EQ(code(commit(append("unborn", 1, 0))), ErrorCode::conflict);
  EXPECT_EQ(code(commit(append("", 0, 0))), ErrorCode::invalid);
}

TEST_P(StoreContract, AGuardThatConflictsUndoesTheWholeTransaction) {
  ASSERT_TRUE(commit(append("guarded", 0)));
  EXPECT_EQ(code(commit(append("s", 0), put("run", "1"), new_job("k"), append("guarded", 0, 0))),
            ErrorCode::conflict);
  EXPECT_TRUE(stream("s").empty());
  EXPECT_FALSE(get("run", "1"));
  EXPECT_FALSE(run_task(store().find_job("k")).value());
  EXPECT_EQ(commit(append("s", 0), put("run", "1"), new_job("k"), append("guarded", 1, 0)).value(),
            2u);
  EXPECT_TRUE(get("run", "1"));
}

TEST_P(StoreContract, OneTransactionMayAppendTwiceToAStream) {
  ASSERT_EQ(commit(append("s", 0), append("t", 0), append("s", 1)).value(), 3u);
  EXPECT_EQ(stream("s").size(), 2u);
}

TEST_P(StoreContract, AConflictUndoesTheWholeTransaction) {
  ASSERT_TRUE(commit(append("s", 0), put("run", "1"), new_job("old")));
  ASSERT_TRUE(claim("worker"));
  auto renamed = put("run", "1");
  renamed.document.state = "changed";
  const auto refused =
      commit(append("s", 1), renamed, put("run", "2"), DeleteDocument{"run", "1"}, new_job("new"),
             CompleteJob{job("old").id, "worker"}, append("s", 99));
  EXPECT_EQ(code(refused), ErrorCode::conflict);
  EXPECT_EQ(stream("s").size(), 1u);
  EXPECT_EQ(get("run", "1")->version, 1u);
  EXPECT_EQ(get("run", "1")->state, "");
  EXPECT_FALSE(get("run", "2"));
  EXPECT_FALSE(run_task(store().find_job("new")).value());
  EXPECT_EQ(job("old").state, "claimed");
  // And what follows is numbered as if it had never been.
  EXPECT_EQ(commit(append("s", 1)).value(), 2u);
}

TEST_P(StoreContract, TransactionsThatCommitTogetherDoNotUndoEachOther) {
  std::vector<Task<Result<std::uint64_t>>> tasks;
  for (int i = 0; i < 60; ++i) {
    Transaction transaction;
    transaction.changes.emplace_back(append("own/" + std::to_string(i), 0));
    // Every third one breaks at its second change, after its first was applied.
    transaction.changes.emplace_back(i % 3 == 0 ? append("own/" + std::to_string(i), 7)
                                                : append("own/" + std::to_string(i), 1));
    tasks.push_back(store().commit(std::move(transaction)));
  }
  const auto results = run_together(std::move(tasks));
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(results[static_cast<std::size_t>(i)].has_value(), i % 3 != 0);
    EXPECT_EQ(stream("own/" + std::to_string(i)).size(), i % 3 == 0 ? 0u : 2u);
  }
  const auto all = events({.types = {}, .limit = 1000});
  ASSERT_EQ(all.size(), 80u);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].position, i + 1);
}

TEST_P(StoreContract, OfManyThatExpectTheSameVersionOneWins) {
  std::vector<Task<Result<std::uint64_t>>> tasks;
  for (int i = 0; i < 40; ++i) {
    Transaction transaction;
    transaction.changes.emplace_back(append("contested", 0));
    tasks.push_back(store().commit(std::move(transaction)));
  }
  int won = 0;
  for (const auto& result : run_together(std::move(tasks))) {
    won += result.has_value();
    if (!result) {
      EXPECT_EQ(result.error().code, ErrorCode::conflict);
    }
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(stream("contested").size(), 1u);
}

TEST_P(StoreContract, AnEmptyTransactionReturnsTheEndOfTheLog) {
  EXPECT_EQ(commit().value(), 0u);
  ASSERT_TRUE(commit(append("s", 0, 4)));
  EXPECT_EQ(commit().value(), 4u);
  EXPECT_EQ(commit(put("run", "1")).value(), 4u);
}

TEST_P(StoreContract, AStreamNeedsAName) {
  EXPECT_EQ(code(commit(append("", 0))), ErrorCode::invalid);
}

TEST_P(StoreContract, JsonSurvivesWhateverIsInIt) {
  Append change = append("s", 0);
  json::value deep = "end";
  for (int i = 0; i < 100; ++i) deep = json::array{deep};
  change.events[0].data =
      json::object{{"text", std::string("nul \0 quote \" newline \n é 🐎 bad \xff\xfe", 34)},
                   {"big", std::uint64_t{18'446'744'073'709'551'615u}},
                   {"small", std::int64_t{-9'223'372'036'854'775'807}},
                   {"fraction", 0.1},
                   {"none", nullptr},
                   {"deep", deep}};
  const json::value expected = change.events[0].data;
  ASSERT_TRUE(commit(std::move(change)));
  EXPECT_EQ(stream("s")[0].data, expected);
}

TEST_P(StoreContract, ALargeEventIsKeptWhole) {
  Append change = append("s", 0);
  change.events[0].data = json::object{{"prompt", std::string(10 << 20, 'p')}};
  ASSERT_TRUE(commit(std::move(change)));
  EXPECT_EQ(stream("s")[0].data.at("prompt").as_string().size(), 10u << 20);
}

inline Task<Result<void>> append_after(Store& store, Duration delay, Append change) {
  co_await SystemClock::instance().sleep(delay);
  Transaction transaction;
  transaction.changes.emplace_back(std::move(change));
  const auto done = co_await store.commit(std::move(transaction));
  if (!done) co_return std::unexpected(done.error());
  co_return Result<void>{};
}

// Elapsed time of running the tasks together.
inline Duration time_together(std::vector<Task<Result<void>>> tasks) {
  const Time begin = SystemClock::instance().now();
  for (const auto& result : run_together(std::move(tasks))) EXPECT_TRUE(result.has_value());
  return SystemClock::instance().now() - begin;
}

TEST_P(StoreContract, WaitersForEventsWakeWhenOneIsAppended) {
  std::vector<Task<Result<void>>> tasks;
  for (int i = 0; i < 20; ++i) tasks.push_back(store().wait_after(0, Duration{30'000}));
  tasks.push_back(append_after(store(), Duration{20}, append("s", 0)));
  EXPECT_LT(time_together(std::move(tasks)), Duration{10'000});
}

TEST_P(StoreContract, AWaitForWhatIsAlreadyThereReturnsAtOnce) {
  ASSERT_TRUE(commit(append("s", 0)));
  std::vector<Task<Result<void>>> tasks;
  tasks.push_back(store().wait_after(0, Duration{30'000}));
  EXPECT_LT(time_together(std::move(tasks)), Duration{10'000});
}

TEST_P(StoreContract, AWaitForEventsEndsAtItsTimeout) {
  ASSERT_TRUE(commit(append("s", 0)));
  std::vector<Task<Result<void>>> tasks;
  tasks.push_back(store().wait_after(1, Duration{30}));
  EXPECT_GE(time_together(std::move(tasks)), Duration{29});
}

}  // namespace corral::ports::contract
