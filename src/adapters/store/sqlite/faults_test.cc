// What can be wrong with the file or the disk, and what callers are told.
#include <fstream>

#include <gtest/gtest.h>

#include "adapters/store/sqlite/database.h"
#include "adapters/store/sqlite/sqlite_store.h"
#include "base/files.h"
#include "base/testing/temporary_folder.h"
#include "ports/contract/run_task.h"
#include "ports/contract/small_disk.h"

namespace corral::adapters::store {
namespace {

using ports::contract::run_task;
using ports::contract::run_together;
using sqlite::Database;

ports::Transaction append(const std::string& stream, std::uint64_t expected,
                          std::size_t bytes = 10) {
  ports::Transaction transaction;
  transaction.changes.emplace_back(
      ports::Append{stream,
                    expected,
                    {{"filled", json::object{{"x", std::string(bytes, 'x')}}, {.actor = "test"}}}});
  return transaction;
}

class SqliteStoreFaults : public testing::Test {
 protected:
  ErrorCode refusal(SqliteStoreOptions options = {}) {
    const auto opened = open_sqlite_store(file_, options);
    EXPECT_FALSE(opened.has_value());
    if (opened) return ErrorCode::internal;
    EXPECT_NE(opened.error().message.find("database"), std::string::npos) << opened.error().message;
    return opened.error().code;
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "corral.db";
};

TEST_F(SqliteStoreFaults, WhatWasCommittedIsThereAfterReopening) {
  ASSERT_TRUE(run_task(open_sqlite_store(file_).value()->commit(append("s", 0))));
  auto store = open_sqlite_store(file_).value();
  EXPECT_EQ(run_task(store->read_stream("s", 0, 10)).value().size(), 1u);
  EXPECT_EQ(run_task(store->commit(append("s", 1))).value(), 2u);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "corral.db-journal"));
}

TEST_F(SqliteStoreFaults, AFileThatIsNoDatabaseIsCorrupt) {
  std::ofstream(file_) << std::string(8192, 'n');
  EXPECT_EQ(refusal(), ErrorCode::corrupt);
}

TEST_F(SqliteStoreFaults, ADatabaseOfAnotherProgramIsRefusedUntouched) {
  {
    Database other(file_, Database::Mode::read_write, Duration{0});
    other.execute("CREATE TABLE theirs(x)");
  }
  const auto before = read_file(file_).value();
  EXPECT_EQ(refusal(), ErrorCode::corrupt);
  EXPECT_EQ(read_file(file_).value(), before);
}

TEST_F(SqliteStoreFaults, ADatabaseOfANewerCorralIsUnsupported) {
  ASSERT_TRUE(open_sqlite_store(file_));
  {
    Database newer(file_, Database::Mode::read_write, Duration{0});
    newer.execute("PRAGMA user_version = 1000");
  }
  EXPECT_EQ(refusal(), ErrorCode::unsupported);
}

TEST_F(SqliteStoreFaults, ADamagedPageIsCorruptAndTheRestStaysReadable) {
  {
    auto store = open_sqlite_store(file_).value();
    std::vector<Task<Result<std::uint64_t>>> tasks;
    for (int i = 0; i < 200; ++i)
      tasks.push_back(store->commit(append("s" + std::to_string(i), 0, 2000)));
    run_together(std::move(tasks));
  }
  {
    std::fstream file(file_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(file_) / 2));
    file << std::string(8192, '\xee');
  }
  auto store = open_sqlite_store(file_).value();
  const auto all = run_task(store->read_all({.types = {}, .limit = 1000}));
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().code, ErrorCode::corrupt);
  EXPECT_NE(all.error().message.find("backup"), std::string::npos) << all.error().message;
  EXPECT_EQ(run_task(store->read_all({.types = {}, .limit = 1})).value().size(), 1u);
}

TEST_F(SqliteStoreFaults, AFolderThatIsNotThereIsNotFound) {
  file_ = folder_ / "none" / "corral.db";
  EXPECT_EQ(refusal(), ErrorCode::not_found);
}

TEST_F(SqliteStoreFaults, ADatabaseThatAnotherProgramHoldsIsUnavailableUntilItLetsGo) {
  auto store = open_sqlite_store(file_, {.busy_timeout = Duration{20}}).value();
  Database other(file_, Database::Mode::read_write, Duration{0});
  other.execute("BEGIN IMMEDIATE");
  EXPECT_EQ(run_task(store->commit(append("s", 0))).error().code, ErrorCode::unavailable);
  EXPECT_TRUE(run_task(store->read_all({.types = {}, .limit = 10})).value().empty())
      << "readers are not held up";
  other.execute("ROLLBACK");
  EXPECT_TRUE(run_task(store->commit(append("s", 0))));
}

TEST_F(SqliteStoreFaults, MoreCallersThanThereIsRoomForWaitTheirTurn) {
  auto store = open_sqlite_store(file_, {.readers = 1, .max_waiting = 3}).value();
  std::vector<Task<Result<std::uint64_t>>> tasks;
  for (int i = 0; i < 200; ++i) tasks.push_back(store->commit(append("s" + std::to_string(i), 0)));
  for (const auto& result : run_together(std::move(tasks))) EXPECT_TRUE(result.has_value());
  std::vector<Task<Result<std::vector<ports::Event>>>> reads;
  for (int i = 0; i < 200; ++i) reads.push_back(store->read_stream("s" + std::to_string(i), 0, 10));
  for (const auto& result : run_together(std::move(reads))) EXPECT_EQ(result.value().size(), 1u);
}

TEST_F(SqliteStoreFaults, CallersThatAreCancelledWhileTheyWaitGiveTheirPlaceBack) {
  auto store = open_sqlite_store(file_, {.readers = 1, .max_waiting = 2}).value();
  const auto commit = [](ports::Store* to, ports::Transaction transaction) -> Task<void> {
    (void)co_await to->commit(std::move(transaction));
  };
  const auto stop = [](TaskScope* scope) -> Task<bool> {
    co_await scope->stop();
    co_return true;
  };
  for (int round = 0; round < 30; ++round) {
    asio::io_context& context = ports::contract::test_context();
    context.restart();
    TaskScope scope(context.get_executor());
    for (int i = 0; i < 10; ++i)
      scope.start("commit", commit(store.get(), append(fmt::format("{}-{}", round, i), 0)));
    for (int step = 0; step < round; ++step) context.run_one_for(std::chrono::milliseconds(20));
    bool stopped = false;
    asio::co_spawn(context, stop(&scope), [&](std::exception_ptr, bool) { stopped = true; });
    ports::contract::run_context(context);
    ASSERT_TRUE(stopped);
  }
  EXPECT_TRUE(run_task(store->commit(append("after", 0))));
  EXPECT_EQ(run_task(store->read_stream("after", 0, 10)).value().size(), 1u);
}

TEST(SqliteStoreFullDisk, ACommitThatDoesNotFitIsExhaustedAndLeavesEverythingElseWhole) {
  ports::contract::on_small_disk(12, [](const std::filesystem::path& folder) {
    const auto file = folder / "corral.db";
    std::uint64_t version = 0;
    {
      auto store = open_sqlite_store(file).value();
      {
        std::ofstream(folder / "ballast") << std::string(1 << 20, 'b');
      }
      for (;;) {
        const auto committed = run_task(store->commit(append("s", version, 100'000)));
        if (!committed) {
          EXPECT_EQ(committed.error().code, ErrorCode::exhausted) << committed.error().message;
          EXPECT_TRUE(committed.error().disk_full);
          break;
        }
        ASSERT_LT(++version, 120u) << "more than the disk has";
      }
      EXPECT_GT(version, 5u);
      EXPECT_EQ(run_task(store->commit(append("s", version, 100'000))).error().code,
                ErrorCode::exhausted)
          << "again, and still alive";
      EXPECT_EQ(run_task(store->read_stream("s", 0, 1000)).value().size(), version)
          << "reads go on";
      // One that is too large does not take others of its group down with it.
      std::vector<Task<Result<std::uint64_t>>> tasks;
      tasks.push_back(store->commit(append("huge", 0, 8'000'000)));
      std::filesystem::remove(folder / "ballast");
      for (int i = 0; i < 5; ++i)
        tasks.push_back(store->commit(append("small" + std::to_string(i), 0)));
      const auto together = run_together(std::move(tasks));
      EXPECT_EQ(together[0].error().code, ErrorCode::exhausted);
      for (std::size_t i = 1; i < together.size(); ++i)
        EXPECT_TRUE(together[i].has_value()) << together[i].error().message;
      EXPECT_TRUE(run_task(store->commit(append("s", version, 1000)))) << "there is room again";
    }
    auto store = open_sqlite_store(file).value();
    EXPECT_EQ(run_task(store->read_stream("s", 0, 1000)).value().size(), version + 1);
    EXPECT_TRUE(run_task(store->read_stream("huge", 0, 10)).value().empty());
  });
}

}  // namespace
}  // namespace corral::adapters::store
