#include "adapters/store/sqlite/syncer.h"

#include <condition_variable>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"

namespace corral::adapters::store::sqlite {
namespace {

// Where a call's answer is noted.
struct Answers {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::optional<Error>> given;

  std::vector<std::optional<Error>> wait_for(std::size_t count) {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(
        changed.wait_for(lock, std::chrono::minutes(1), [&] { return given.size() >= count; }));
    return given;
  }
};

class NotedCall final : public Call<WriteContext> {
 public:
  explicit NotedCall(Answers& answers) : answers_(answers) {}
  bool run(WriteContext&) override { return true; }
  void fail_with(const Error& error) override { failure_ = error; }
  void answer() override {
    std::scoped_lock lock(answers_.mutex);
    answers_.given.push_back(failure_);
    answers_.changed.notify_all();
  }

 private:
  Answers& answers_;
  std::optional<Error> failure_;
};

WriteCalls calls(Answers& answers, int count) {
  WriteCalls made;
  for (int i = 0; i < count; ++i) made.push_back(std::make_unique<NotedCall>(answers));
  return made;
}

TEST(Syncer, AnswersWhatItWasGivenOnceItIsSynced) {
  Gate gate(100);
  Answers answers;
  const auto file =
      std::filesystem::temp_directory_path() / fmt::format("corral-syncer-{}", ::getpid());
  std::ofstream(file) << "log";
  {
    Syncer syncer(file, gate, [] {});
    syncer.push(calls(answers, 3));
    syncer.push(calls(answers, 2));
    for (const auto& failure : answers.wait_for(5)) EXPECT_FALSE(failure);
    EXPECT_FALSE(syncer.broken());
    syncer.push(calls(answers, 4));
  }
  EXPECT_EQ(answers.given.size(), 9u) << "what was handed over is answered before it ends";
  EXPECT_EQ(read_file(file).value().substr(0, 4), std::string("log\0", 4))
      << "what is in the log is left alone";
  std::filesystem::remove(file);
}

TEST(Syncer, AFailedSyncFailsEveryoneFromThereOn) {
  Gate gate(100);
  Answers answers;
  Syncer syncer("/dev/null", gate, [] {});  // which cannot be synced
  syncer.push(calls(answers, 2));
  for (const auto& failure : answers.wait_for(2)) EXPECT_TRUE(failure);
  ASSERT_TRUE(syncer.broken());
  EXPECT_NE(syncer.broken()->message.find("/dev/null"), std::string::npos);
  syncer.push(calls(answers, 1));
  EXPECT_TRUE(answers.wait_for(3).back());
  EXPECT_EQ(log::take_error_count(), 1) << "a person must act: the store takes no more";
}

TEST(Syncer, ALogThatIsNotThereIsAFailure) {
  Gate gate(1);
  EXPECT_THROW(Syncer("/nonexistent/corral.db-wal", gate, [] {}), SqliteFailure);
}

}  // namespace
}  // namespace corral::adapters::store::sqlite
