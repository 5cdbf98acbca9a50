// What becomes of calls whose connection breaks.
#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <thread>

#include "adapters/store/postgres/testing/lossy_proxy.h"
#include "adapters/store/postgres/testing/test_server.h"
#include "ports/contract/run_task.h"

namespace corral::adapters::store::postgres {
namespace {

using ports::contract::run_task;
using testing::LossyProxy;
using testing::shared_server;
using testing::TestDatabase;
using testing::TestServer;

ports::Append append(std::string stream, std::uint64_t version,
                     std::string type = "test.happened") {
  return {.stream = std::move(stream),
          .expected_version = version,
          .events = {{std::move(type), json::object{{"n", version + 1}}, {}}}};
}
ports::NewJob new_job(std::string key) {
  return {.kind = "run", .key = std::move(key), .payload = {}, .max_attempts = 1'000, .slots = {}};
}
template <class... Changes>
ports::Transaction all_of(Changes... changes) {
  ports::Transaction transaction;
  (transaction.changes.emplace_back(std::move(changes)), ...);
  return transaction;
}

// ---- one message lost, on purpose ----

class Loss : public ::testing::TestWithParam<LossyProxy::Lost> {
 protected:
  void SetUp() override {
    if (shared_server() == nullptr)
      GTEST_SKIP() << "no PostgreSQL server here: install the package postgresql";
    database_ = std::make_unique<TestDatabase>(*shared_server());
    proxy_ = std::make_unique<LossyProxy>(shared_server()->socket());
    store_ = open_postgres_store(Secret(proxy_->url(database_->name()))).value();
    ASSERT_TRUE(
        run_task(store_->commit(all_of(append("before", 0), append("before", 1), new_job("k")))));
  }
  std::uint64_t version_of(const std::string& stream) {
    return run_task(store_->read_stream(stream, 0, 100)).value().size();
  }

  std::unique_ptr<TestDatabase> database_;
  std::unique_ptr<LossyProxy> proxy_;
  std::unique_ptr<ports::Store> store_;
};

TEST_P(Loss, ACommitIsMadeOnceAndAnswered) {
  proxy_->lose(GetParam(), "marked.event");
  EXPECT_EQ(
      run_task(store_->commit(all_of(append("s", 0, "marked.event"), append("s", 1)))).value(), 4u);
  EXPECT_EQ(proxy_->lost(), 1);
  EXPECT_EQ(version_of("s"), 2u);
  EXPECT_EQ(run_task(store_->commit(all_of(append("s", 2)))).value(), 5u);
}

TEST_P(Loss, CommitsThatWentTogetherAreEachMadeOnce) {
  proxy_->lose(GetParam(), "marked.event");
  std::vector<Task<Result<std::uint64_t>>> tasks;
  for (int i = 0; i < 10; ++i)
    tasks.push_back(store_->commit(all_of(append(fmt::format("s/{}", i), 0, "marked.event"))));
  std::set<std::uint64_t> positions;
  for (const auto& done : ports::contract::run_together(std::move(tasks)))
    positions.insert(done.value());
  EXPECT_EQ(proxy_->lost(), 1);
  EXPECT_EQ(positions, (std::set<std::uint64_t>{3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  for (const auto& event : run_task(store_->read_all({.after_position = 2, .types = {}})).value())
    EXPECT_TRUE(positions.contains(event.position));
}

TEST_P(Loss, AClaimIsMadeOnceAndItsJobsAreNotForgotten) {
  proxy_->lose(GetParam(), "marked-owner");
  const auto jobs = run_task(store_->claim({.owner = "marked-owner",
                                            .now = SystemClock::instance().now(),
                                            .lease = Duration{60'000},
                                            .most = 5}))
                        .value();
  EXPECT_EQ(proxy_->lost(), 1);
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs[0].key, "k");
  EXPECT_EQ(jobs[0].attempt, 1u);
  EXPECT_TRUE(run_task(store_->heartbeat(jobs[0].id, "marked-owner",
                                         SystemClock::instance().now() + Duration{60'000})));
  proxy_->lose(GetParam(), "marked-owner");
  EXPECT_TRUE(run_task(store_->commit(all_of(ports::CompleteJob{jobs[0].id, "marked-owner"}))))
      << "not refused because it was done already";
}

TEST_P(Loss, TheEndOfAJobAndTheClaimOfTheNextAreMadeOnceTogether) {
  const Time now = SystemClock::instance().now();
  const ports::ClaimQuery query{.owner = "marked-owner", .now = now, .lease = Duration{60'000}};
  const auto first = run_task(store_->claim(query)).value();
  ASSERT_EQ(first.size(), 1u);
  ASSERT_TRUE(run_task(store_->commit(
      all_of(ports::NewJob{.kind = "run", .key = "next", .payload = {}, .slots = {}}))));
  const auto end = run_task(store_->commit({})).value();
  proxy_->lose(GetParam(), "marked-owner");
  const auto done =
      run_task(store_->commit_and_claim(all_of(append("done", 0, "test.happened"),
                                               ports::CompleteJob{first[0].id, "marked-owner"}),
                                        query))
          .value();
  EXPECT_EQ(proxy_->lost(), 1);
  EXPECT_EQ(done.position, end + 1);
  ASSERT_EQ(done.jobs.size(), 1u);
  EXPECT_EQ(done.jobs[0].key, "next");
  EXPECT_EQ(done.jobs[0].attempt, 1u);
  EXPECT_EQ(run_task(store_->read_stream("done", 0, 10)).value().size(), 1u);
}

TEST_P(Loss, ARefusalStaysOne) {
  proxy_->lose(GetParam(), "marked.event");
  const auto refused = run_task(store_->commit(all_of(append("before", 7, "marked.event"))));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
}

TEST_P(Loss, AReadIsAskedAgain) {
  proxy_->lose(GetParam(), "marked-stream");
  EXPECT_TRUE(run_task(store_->read_stream("marked-stream", 0, 10)));
  EXPECT_EQ(proxy_->lost(), 1);
}

INSTANTIATE_TEST_SUITE_P(Postgres, Loss,
                         ::testing::Values(LossyProxy::Lost::request, LossyProxy::Lost::answer),
                         [](const auto& what) {
                           return what.param == LossyProxy::Lost::request ? "Request" : "Answer";
                         });

// ---- the server gone for good ----

TEST(PostgresLoss, AServerThatStaysAwayIsUnavailableAndMayComeBack) {
  if (TestServer::programs().empty())
    GTEST_SKIP() << "no PostgreSQL server here: install the package postgresql";
  TestServer server;
  server.create_database("d");
  const auto store =
      open_postgres_store(Secret(server.url("d")), {.patience = Duration{300}}).value();
  ASSERT_TRUE(run_task(store->commit(all_of(append("s", 0)))));
  server.crash();
  const auto written = run_task(store->commit(all_of(append("s", 1))));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::unavailable);
  EXPECT_NE(written.error().message.find("not known"), std::string::npos)
      << written.error().message;
  const auto again = run_task(store->commit(all_of(append("s", 1))));
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("nothing was changed"), std::string::npos)
      << again.error().message;
  const auto read = run_task(store->read_stream("s", 0, 10));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::unavailable);
  server.start();
  EXPECT_TRUE(run_task(store->commit(all_of(append("s", 1)))));
  EXPECT_EQ(run_task(store->read_stream("s", 0, 10)).value().size(), 2u);
}

// ---- a server that dies again and again under load ----

// Counts what was done, for the one who ends the server each time that much has been.
class Progress {
 public:
  void made() {
    std::scoped_lock lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  // False when nothing more came for a minute.
  bool wait_for_more(int more) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(1),
                             [this, goal = count_ + more] { return count_ >= goal || over_; });
  }
  void over() {
    std::scoped_lock lock(mutex_);
    over_ = true;
    changed_.notify_all();
  }
  bool is_over() {
    std::scoped_lock lock(mutex_);
    return over_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
  bool over_ = false;
};

// Appends one event after another and enqueues a job with each, repeating what failed as any caller
// may: with the same expected version. A conflict then says that it was done after all.
Task<Result<void>> append_and_enqueue(ports::Store& store, std::string name, std::uint64_t count,
                                      Progress& progress) {
  for (std::uint64_t version = 0; version < count;) {
    const auto done = co_await store.commit(
        all_of(append("s/" + name, version), new_job(fmt::format("{}-{}", name, version))));
    if (!done && done.error().code == ErrorCode::unavailable) continue;
    if (!done && done.error().code != ErrorCode::conflict) co_return std::unexpected(done.error());
    ++version;
    progress.made();
  }
  co_return Result<void>{};
}

// Does jobs: the event that says so and the job's completion are one transaction.
Task<Result<void>> work(ports::Store& store, std::string owner, std::size_t jobs,
                        Progress& progress) {
  for (;;) {
    const Time now = SystemClock::instance().now();
    const auto counts = co_await store.queue_counts(now);
    if (counts && counts->completed == jobs) co_return Result<void>{};
    const auto claimed = co_await store.claim(
        {.owner = owner, .now = now, .lease = Duration{2'000}, .limits = {100, 100}, .most = 4});
    if (!claimed && claimed.error().code != ErrorCode::unavailable)
      co_return std::unexpected(claimed.error());
    if (!claimed || claimed->empty()) {
      CORRAL_CO_CHECK(co_await store.wait_for_job(Duration{50}));
      continue;
    }
    for (const auto& job : *claimed) {
      const auto done = co_await store.commit(
          all_of(append("done/" + job.key, 0), ports::CompleteJob{job.id, owner}));
      if (done) progress.made();
      // Refused where the lease ran out meanwhile, or the first try was committed after all.
      else if (done.error().code != ErrorCode::unavailable &&
               done.error().code != ErrorCode::conflict)
        co_return std::unexpected(done.error());
    }
  }
}

// What a subscriber sees, by position.
Task<Result<std::map<std::uint64_t, std::string>>> subscribe(ports::Store& store,
                                                             Progress& progress) {
  std::map<std::uint64_t, std::string> seen;
  for (;;) {
    const bool last = progress.is_over();
    const std::uint64_t end = seen.empty() ? 0 : seen.rbegin()->first;
    const auto events = co_await store.read_all({.after_position = end, .types = {}, .limit = 20});
    if (!events && events.error().code != ErrorCode::unavailable)
      co_return std::unexpected(events.error());
    if (!events) continue;
    for (const auto& event : *events) {
      if (event.position != (seen.empty() ? 0 : seen.rbegin()->first) + 1)
        co_return fail(ErrorCode::corrupt, "position {} came out of order", event.position);
      seen[event.position] = fmt::format("{}@{}", event.stream, event.version);
    }
    if (events->empty() && last) co_return seen;
    if (events->empty()) CORRAL_CO_CHECK(co_await store.wait_after(end, Duration{50}));
  }
}

TEST(PostgresLoss, NothingIsLostOrDoubledWhenTheServerDiesAgainAndAgain) {
  if (TestServer::programs().empty())
    GTEST_SKIP() << "no PostgreSQL server here: install the package postgresql";
  constexpr std::uint64_t kEvents = 150;
  constexpr std::size_t kWriters = 4;
  TestServer server;
  server.create_database("d");
  std::array<std::unique_ptr<ports::Store>, 2> stores;
  for (auto& store : stores) store = open_postgres_store(Secret(server.url("d"))).value();
  const auto store_of = [&](std::size_t i) -> ports::Store& { return *stores.at(i % 2); };

  Progress progress;
  std::array<Result<void>, kWriters> written, worked;
  std::array<Result<std::map<std::uint64_t, std::string>>, 2> subscribed;
  {
    std::vector<std::jthread> subscribers, threads;
    for (std::size_t i = 0; i < 2; ++i)
      subscribers.emplace_back(
          [&, i] { subscribed.at(i) = run_task(subscribe(store_of(i), progress)); });
    for (std::size_t i = 0; i < kWriters; ++i) {
      threads.emplace_back([&, i] {
        written.at(i) =
            run_task(append_and_enqueue(store_of(i), fmt::format("{}", i), kEvents, progress));
      });
      threads.emplace_back([&, i] {
        worked.at(i) =
            run_task(work(store_of(i), fmt::format("worker-{}", i), kWriters * kEvents, progress));
      });
    }
    for (int times = 0; times < 5; ++times) {
      EXPECT_TRUE(progress.wait_for_more(60)) << "nothing goes on";
      server.crash();
      server.start();
    }
    threads.clear();
    progress.over();
  }
  for (const auto& done : written) EXPECT_TRUE(done) << done.error().describe();
  for (const auto& done : worked) EXPECT_TRUE(done) << done.error().describe();

  std::map<std::uint64_t, std::string> log;
  for (;;) {
    const auto page =
        run_task(store_of(0).read_all({.after_position = log.size(), .types = {}, .limit = 1'000}))
            .value();
    if (page.empty()) break;
    for (const auto& event : page)
      log[event.position] = fmt::format("{}@{}", event.stream, event.version);
  }
  EXPECT_EQ(log.size(), 2 * kWriters * kEvents) << "an event for each append and each job";
  for (const auto& seen : subscribed)
    EXPECT_TRUE(seen.value() == log) << "a subscriber saw what is not so";
  for (std::size_t i = 0; i < kWriters; ++i)
    EXPECT_EQ(run_task(store_of(i).read_stream(fmt::format("s/{}", i), 0, 1'000)).value().size(),
              kEvents);
  EXPECT_EQ(run_task(store_of(0).queue_counts(SystemClock::instance().now())).value().completed,
            kWriters * kEvents);
}

}  // namespace
}  // namespace corral::adapters::store::postgres
