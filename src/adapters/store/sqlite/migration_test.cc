// Files of older versions, with what was in them.

#include <gtest/gtest.h>

#include "adapters/store/sqlite/database.h"
#include "adapters/store/sqlite/schema.h"
#include "adapters/store/sqlite/sqlite_store.h"
#include "base/files.h"
#include "base/testing/temporary_folder.h"
#include "ports/contract/run_task.h"

namespace corral::adapters::store {
namespace {

using ports::contract::run_task;
using sqlite::Database;

class SqliteStoreMigration : public testing::Test {
 protected:
  // A file of that version, with these rows.
  void make(std::size_t version, const char* rows) {
    Database database(file_, Database::Mode::read_write, Duration{0});
    sqlite::prepare_database(database, version);
    database.execute(rows);
  }

  TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_ / "corral.db";
};

// What the first version wrote: jobs of two groups, in each state.
constexpr const char* kFirstVersion = R"sql(
INSERT INTO streams(id, name, version) VALUES (1, 'run/a', 2), (2, 'run/b', 1);
INSERT INTO events(position, stream, version, type, data, actor, time) VALUES
  (1, 1, 1, 'run.created', '{"n":1}', 'user:admin', 1000),
  (2, 2, 1, 'run.created', '{"n":2}', 'user:admin', 2000),
  (3, 1, 2, 'run.started', '{}', 'worker', 3000);
INSERT INTO documents(kind, id, parent, state, name, version, created, updated, body) VALUES
  ('run', 'a', 'p', 'running', NULL, 2, 1000, 3000, '{"id":"a"}');
INSERT INTO jobs(id, state, kind, key, grp, priority, due, entry, attempt, max_attempts, owner,
                 lease_until, finished, error, payload) VALUES
  (1, 3, 'run', 'done', 'p', 0, 0, 1000, 1, 3, '', 0, 5000, '', '{}'),
  (2, 4, 'run', 'dead', 'q', 0, 0, 1000, 3, 3, '', 0, 6000, 'broken', '{}'),
  (3, 2, 'run', 'held', 'p', 0, 0, 2000, 1, 3, 'worker', 9000, NULL, '', '{}'),
  (4, 1, 'run', 'low', 'p', 0, 0, 3000, 0, 3, '', 0, NULL, '', '{"run":"low"}'),
  (5, 1, 'run', 'high', 'p', 7, 0, 4000, 0, 3, '', 0, NULL, '', '{"run":"high"}'),
  (6, 1, 'run', 'other', 'q', 0, 0, 5000, 0, 3, '', 0, NULL, '', '{}'),
  (7, 0, 'run', 'later', 'q', 0, 8000, 8000, 0, 3, '', 0, NULL, '', '{}');
)sql";

TEST_F(SqliteStoreMigration, AFileOfTheFirstVersionOpensWithAllThatIsInIt) {
  make(1, kFirstVersion);
  const auto store = open_sqlite_store(file_).value();
  const Time now{Duration{7000}};

  const auto events = run_task(store->read_stream("run/a", 0, 10)).value();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].origin,
            (ports::EventOrigin{.actor = "worker", .cause = "", .correlation = "", .trace = ""}));
  EXPECT_EQ(run_task(store->read_all({.types = {"run.created"}})).value().size(), 2u);
  EXPECT_EQ(run_task(store->read_all({.types = {}, .from = Time{Duration{2000}}})).value().size(),
            2u);
  EXPECT_EQ(run_task(store->get("run", "a")).value()->version, 2u);

  const auto counts = run_task(store->queue_counts(now)).value();
  EXPECT_EQ(counts.ready, 3u);
  EXPECT_EQ(counts.delayed, 1u);
  EXPECT_EQ(counts.claimed, 1u);
  EXPECT_EQ(counts.completed, 1u);
  EXPECT_EQ(counts.failed, 1u);
  EXPECT_EQ(counts.oldest_due, Time{Duration{3000}});
  EXPECT_EQ(run_task(store->find_job("low")).value()->created, Time{Duration{3000}});

  const auto claim = [&](Time at) {
    std::vector<std::string> keys;
    const auto jobs = run_task(store->claim(
        {.owner = "new", .now = at, .lease = Duration{60'000}, .limits = {10, 10}, .most = 10}));
    for (const auto& job : jobs.value()) keys.push_back(job.key);
    return keys;
  };
  EXPECT_EQ(claim(now), (std::vector<std::string>{"high", "other", "low"}));
  EXPECT_EQ(claim(Time{Duration{9000}}), (std::vector<std::string>{"later", "held"}));

  // Appending goes on where it ended.
  ports::Transaction transaction;
  transaction.changes.emplace_back(
      ports::Append{"run/a", 2, {{"run.completed", json::object{}, {.actor = "worker"}}}});
  transaction.changes.emplace_back(ports::RetryJob{2});
  EXPECT_EQ(run_task(store->commit(std::move(transaction))).value(), 4u);
  EXPECT_EQ(claim(Time{Duration{9000}}), (std::vector<std::string>{"dead"}));
}

TEST_F(SqliteStoreMigration, AnEmptyFileOfTheFirstVersionOpens) {
  make(1, "");
  const auto store = open_sqlite_store(file_).value();
  EXPECT_EQ(run_task(store->queue_counts(Time{})).value().ready, 0u);
  EXPECT_TRUE(run_task(store->list_jobs({})).value().empty());
}

}  // namespace
}  // namespace corral::adapters::store
