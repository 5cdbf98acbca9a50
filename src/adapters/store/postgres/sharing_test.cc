// Several servers on one database: each store here is one.
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "adapters/store/postgres/testing/test_server.h"
#include "ports/contract/run_task.h"

namespace corral::adapters::store::postgres {
namespace {

using ports::contract::run_task;
using ports::contract::run_together;
using testing::shared_server;
using testing::TestDatabase;

class Sharing : public ::testing::Test {
 protected:
  void SetUp() override {
    if (shared_server() == nullptr)
      GTEST_SKIP() << "no PostgreSQL server here: install the package postgresql";
    database_ = std::make_unique<TestDatabase>(*shared_server());
    for (auto& store : stores_) store = database_->open();
  }

  std::unique_ptr<TestDatabase> database_;
  std::array<std::unique_ptr<ports::Store>, 2> stores_;
};

ports::Transaction one(ports::Change change) {
  ports::Transaction transaction;
  transaction.changes.push_back(std::move(change));
  return transaction;
}

Task<Result<void>> append_many(ports::Store& store, std::string stream, std::uint64_t count) {
  for (std::uint64_t version = 0; version < count;) {
    ports::Append append{.stream = stream, .expected_version = version, .events = {}};
    for (std::uint64_t i = 0; i <= version % 3; ++i)
      append.events.push_back({"test.happened", json::object{{"n", version + i}}, {}});
    version += append.events.size();
    CORRAL_CO_CHECK(co_await store.commit(one(std::move(append))));
  }
  co_return Result<void>{};
}

// Reads the log while it grows, as a subscriber does; fails when a position is passed over.
Task<Result<std::uint64_t>> follow(ports::Store& store, const std::atomic<bool>& over) {
  std::uint64_t seen = 0;
  for (;;) {
    const bool last = over;
    CORRAL_CO_TRY(const auto events,
                  co_await store.read_all({.after_position = seen, .types = {}, .limit = 7}));
    for (const auto& event : events) {
      if (event.position != seen + 1)
        co_return fail(ErrorCode::corrupt, "after {} comes {}", seen, event.position);
      seen = event.position;
    }
    if (events.empty() && last) co_return seen;
    if (events.empty()) CORRAL_CO_CHECK(co_await store.wait_after(seen, Duration{50}));
  }
}

TEST_F(Sharing, AFollowerSeesEveryPositionInOrderWhileAllWrite) {
  constexpr std::uint64_t kEvents = 120;
  std::atomic<bool> over = false;
  std::atomic<int> failed = 0;
  std::array<Result<std::uint64_t>, 2> followed;
  {
    std::vector<std::jthread> followers;
    for (std::size_t i = 0; i < 2; ++i)
      followers.emplace_back([&, i] { followed.at(i) = run_task(follow(*stores_.at(i), over)); });
    std::vector<std::jthread> writers;
    for (int i = 0; i < 6; ++i)
      writers.emplace_back([&, i] {
        failed += !run_task(append_many(*stores_.at(static_cast<std::size_t>(i) % 2),
                                        fmt::format("s/{}", i), kEvents))
                       .has_value();
      });
    writers.clear();
    over = true;
  }
  EXPECT_EQ(failed, 0);
  std::uint64_t all = 0;
  for (const auto& stream : run_task(stores_[0]->list_streams("s/", "", 10)).value())
    all += stream.version;
  EXPECT_GE(all, 6 * kEvents);
  for (const auto& seen : followed)
    EXPECT_EQ(seen.value(), all) << (seen ? "" : seen.error().message);
}

struct Tally {
  std::mutex mutex;
  std::map<std::string, int> done;
  std::map<std::string, int> running;  // by group, by slot, and in all ("")
  std::map<std::string, int> most;

  void begin(const std::string& what) { most[what] = std::max(most[what], ++running[what]); }
};

Task<Result<void>> drain(ports::Store& store, std::string owner, Tally& tally, std::size_t jobs) {
  for (;;) {
    {
      std::scoped_lock lock(tally.mutex);
      if (tally.done.size() == jobs) co_return Result<void>{};
    }
    CORRAL_CO_TRY(const auto claimed, co_await store.claim({.owner = owner,
                                                            .now = SystemClock::instance().now(),
                                                            .lease = Duration{60'000},
                                                            .limits = {.per_group = 3, .total = 7},
                                                            .most = 2}));
    if (claimed.empty()) CORRAL_CO_CHECK(co_await store.wait_for_job(Duration{20}));
    for (const auto& job : claimed) {
      std::scoped_lock lock(tally.mutex);
      for (const auto& what : {std::string(), job.group, job.slots.front().name}) tally.begin(what);
      ++tally.done[job.key];
    }
    for (const auto& job : claimed) {
      {
        // Counted down before the completion is asked for: from then on another claim may be
        // granted.
        std::scoped_lock lock(tally.mutex);
        for (const auto& what : {std::string(), job.group, job.slots.front().name})
          --tally.running[what];
      }
      CORRAL_CO_CHECK(co_await store.commit(one(ports::CompleteJob{job.id, owner})));
    }
  }
}

TEST_F(Sharing, NoJobIsClaimedTwiceAndTheLimitsHoldOverAllServers) {
  constexpr std::size_t kJobs = 240;
  ports::Transaction transaction;
  for (std::size_t i = 0; i < kJobs; ++i)
    transaction.changes.emplace_back(
        ports::NewJob{.kind = "run",
                      .key = fmt::format("job-{}", i),
                      .payload = {},
                      .group = fmt::format("group-{}", i % 3),
                      .slots = {{i % 2 == 0 ? "narrow" : "wide", i % 2 == 0 ? 2u : 50u}}});
  ASSERT_TRUE(run_task(stores_[0]->commit(std::move(transaction))));
  Tally tally;
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i)
      threads.emplace_back([&, i] {
        failed += !run_task(drain(*stores_.at(static_cast<std::size_t>(i) % 2),
                                  fmt::format("worker-{}", i), tally, kJobs))
                       .has_value();
      });
  }
  EXPECT_EQ(failed, 0);
  ASSERT_EQ(tally.done.size(), kJobs);
  for (const auto& [key, times] : tally.done) EXPECT_EQ(times, 1) << key;
  EXPECT_LE(tally.most.at(""), 7);
  EXPECT_LE(tally.most.at("narrow"), 2);
  for (const char* group : {"group-0", "group-1", "group-2"}) EXPECT_LE(tally.most.at(group), 3);
  EXPECT_EQ(run_task(stores_[1]->queue_counts(SystemClock::instance().now())).value().completed,
            kJobs);
}

// How long the task takes while the transaction is committed on another store, once the task waits.
Task<Result<void>> commit_later(ports::Store& store, ports::Transaction transaction) {
  co_await SystemClock::instance().sleep(Duration{30});
  CORRAL_CO_CHECK(co_await store.commit(std::move(transaction)));
  co_return Result<void>{};
}
Duration time_of(Task<Result<void>> waiting, ports::Store& other, ports::Transaction transaction) {
  const Time begin = SystemClock::instance().now();
  std::vector<Task<Result<void>>> tasks;
  tasks.push_back(std::move(waiting));
  tasks.push_back(commit_later(other, std::move(transaction)));
  for (const auto& done : run_together(std::move(tasks))) EXPECT_TRUE(done.has_value());
  return SystemClock::instance().now() - begin;
}

TEST_F(Sharing, WhatOneServerWritesWakesTheOther) {
  const auto claim = [&] {
    return run_task(
               stores_[1]->claim(
                   {.owner = "w", .now = SystemClock::instance().now(), .lease = Duration{60'000}}))
        .value();
  };
  EXPECT_TRUE(claim().empty());
  EXPECT_LT(time_of(stores_[1]->wait_for_job(Duration{30'000}), *stores_[0],
                    one(ports::NewJob{.kind = "run", .key = "k", .payload = {}, .slots = {}})),
            Duration{10'000});
  EXPECT_EQ(claim().size(), 1u);
  EXPECT_LT(time_of(stores_[1]->wait_after(0, Duration{30'000}), *stores_[0],
                    one(ports::Append{
                        .stream = "s", .expected_version = 0, .events = {{"x", nullptr, {}}}})),
            Duration{10'000});
}

Task<Result<std::uint64_t>> put(ports::Store& store, std::string id, std::string name) {
  co_return co_await store.commit(one(ports::PutDocument{.document = {.kind = "project",
                                                                      .id = std::move(id),
                                                                      .parent = "",
                                                                      .state = "",
                                                                      .name = std::move(name),
                                                                      .body = {},
                                                                      .created = {},
                                                                      .updated = {}}}));
}

TEST_F(Sharing, ServersThatPutTheSameDocumentOrNameAtOnceAgree) {
  for (int round = 0; round < 20; ++round) {
    std::array<Result<std::uint64_t>, 4> done;
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < 4; ++i)
        threads.emplace_back([&, i] {
          // Two put one document, two others contend for a name.
          const bool same = i < 2;
          done.at(i) = run_task(
              put(*stores_.at(i % 2),
                  same ? fmt::format("same-{}", round) : fmt::format("own-{}-{}", round, i),
                  same ? "" : fmt::format("name-{}", round)));
        });
    }
    EXPECT_TRUE(done[0] && done[1])
        << (done[0] ? done[1].error().message : done[0].error().message);
    EXPECT_EQ(run_task(stores_[0]->get("project", fmt::format("same-{}", round))).value()->version,
              2u);
    ASSERT_EQ(done[2].has_value() + done[3].has_value(), 1);
    const auto& refused = done[2] ? done[3].error() : done[2].error();
    EXPECT_EQ(refused.code, ErrorCode::conflict);
    EXPECT_EQ(refused.message, fmt::format("a project named \"name-{}\" is already there", round));
  }
}

}  // namespace
}  // namespace corral::adapters::store::postgres
