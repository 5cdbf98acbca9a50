// Logs that are removed because they are kept no longer, and say so.

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/testing/temporary_folder.h"
#include "ports/contract/run_task.h"
#include "session/log_store.h"

namespace corral::session {
namespace {

using ports::contract::run_task;

class RemovedLogs : public testing::Test {
 protected:
  RemovedLogs() { logs_ = make_file_log_store(folder_ / "logs", pool_, asio::system_executor()); }

  std::shared_ptr<Log> open(const std::string& name, LogStore::Open mode = LogStore::Open::create) {
    return run_task(logs_->open(name, mode)).value();
  }
  Error refusal(const std::string& name) {
    return run_task(logs_->open(name, LogStore::Open::existing)).error();
  }
  std::map<std::string, std::uint64_t> list() {
    std::map<std::string, std::uint64_t> all;
    for (const auto& log : run_task(logs_->list()).value()) all[log.name] = log.bytes;
    return all;
  }

  TemporaryFolder folder_;
  BlockingPool pool_{2};
  std::unique_ptr<LogStore> logs_;
};

TEST_F(RemovedLogs, AreListedWithWhatTheyTakeUntilTheyAreRemoved) {
  EXPECT_TRUE(list().empty()) << "no folder yet";
  ASSERT_TRUE(run_task(open("runs/1/log")->append("s", 0, std::string(1000, 'x'))));
  ASSERT_TRUE(run_task(open("runs/1/agent/p")->append("s", 0, std::string(500, 'x'))));
  ASSERT_TRUE(run_task(open("sessions/2/out")->append("s", 0, "y")));
  const auto all = list();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_GT(all.at("runs/1"), 1500u);
  EXPECT_LT(all.at("sessions/2"), 100u);
  ASSERT_TRUE(run_task(logs_->expire("runs/1", "it was old")));
  EXPECT_FALSE(list().contains("runs/1")) << "what says so counts for nothing";
  EXPECT_FALSE(std::filesystem::exists(folder_ / "logs/runs/1/log"));
}

TEST_F(RemovedLogs, SayWhyUntilOneIsMadeThereAgain) {
  ASSERT_TRUE(run_task(logs_->kept("runs/1"))) << "never was";
  ASSERT_TRUE(run_task(open("runs/1/log")->append("s", 0, "old")));
  ASSERT_TRUE(run_task(open("runs/11/log")->append("s", 0, "other")));
  ASSERT_TRUE(run_task(logs_->kept("runs/1")));
  ASSERT_TRUE(run_task(logs_->expire("runs/1", "it was old")));
  for (const auto& error : {refusal("runs/1/log"), refusal("runs/1/agent/p"),
                            run_task(logs_->kept("runs/1")).error()}) {
    EXPECT_EQ(error.code, ErrorCode::not_found);
    EXPECT_EQ(error.message, "it was old");
  }
  EXPECT_EQ(refusal("runs/3/log").message, "there is no log log") << "that one never was";
  EXPECT_EQ(run_task(open("runs/11/log")->read(0, 9)).value(), "other");
  // A run that is tried again begins anew.
  const auto log = open("runs/1/timeline");
  EXPECT_EQ(log->end(), 0u);
  ASSERT_TRUE(run_task(logs_->kept("runs/1")));
  EXPECT_EQ(open("runs/1/log")->end(), 0u);
}

TEST_F(RemovedLogs, NotWhileSomebodyHoldsOne) {
  auto held = open("runs/1/agent/p");
  ASSERT_TRUE(run_task(held->append("s", 0, "bytes")));
  EXPECT_EQ(run_task(logs_->expire("runs/1", "old")).error().code, ErrorCode::conflict);
  EXPECT_EQ(run_task(held->read(0, 9)).value(), "bytes");
  held.reset();
  ASSERT_TRUE(run_task(logs_->expire("runs/1", "old")));
  EXPECT_EQ(run_task(logs_->expire("../x", "old")).error().code, ErrorCode::invalid);
  EXPECT_EQ(run_task(logs_->expire("runs/9", "old")).error().code, ErrorCode::not_found);
  EXPECT_EQ(run_task(logs_->kept("..")).error().code, ErrorCode::invalid);
}

TEST_F(RemovedLogs, AfterACrashOnTheWayTheRestGoesWithTheNextRound) {
  ASSERT_TRUE(run_task(open("runs/1/log")->append("s", 0, "old")));
  ASSERT_TRUE(write_file_atomically(folder_ / "logs/runs/1/removed", "the first reason"));
  EXPECT_EQ(refusal("runs/1/log").message, "the first reason") << "though it is still there";
  EXPECT_EQ(list().count("runs/1"), 1u);
  ASSERT_TRUE(run_task(logs_->expire("runs/1", "another reason")));
  EXPECT_TRUE(list().empty());
  EXPECT_EQ(refusal("runs/1/log").message, "the first reason");
  // Or with the next log that is made there.
  ASSERT_TRUE(run_task(open("runs/2/log")->append("s", 0, "old")));
  ASSERT_TRUE(write_file_atomically(folder_ / "logs/runs/2/removed", "old"));
  EXPECT_EQ(open("runs/2/log")->end(), 0u);
}

}  // namespace
}  // namespace corral::session
