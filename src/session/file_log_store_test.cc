#include <gtest/gtest.h>

#include <random>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/files.h"
#include "base/testing/temporary_folder.h"
#include "session/log_store.h"
#include "session/record.h"
#include "session/segment.h"

namespace corral::session {
namespace {

class FileLogStore : public ::testing::Test {
 protected:
  FileLogStore() { reopen(); }

  void reopen(std::uint64_t segment_bytes = 4096) {
    store_.reset();
    store_ = make_file_log_store(folder_.path(), pool_, context_.get_executor(), segment_bytes);
  }

  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    asio::co_spawn(context_, std::move(task), [&](std::exception_ptr thrown, T value) {
      ASSERT_FALSE(thrown);
      result.emplace(std::move(value));
    });
    context_.restart();
    context_.run();
    return std::move(*result);
  }

  std::shared_ptr<Log> open(const std::string& name = "a/log",
                            LogStore::Open mode = LogStore::Open::create) {
    return run(store_->open(name, mode)).value();
  }
  std::string all(Log& log) {
    std::string text;
    while (text.size() < log.end()) {
      auto more = run(log.read(text.size(), 777)).value();
      EXPECT_FALSE(more.empty());
      text += more;
    }
    return text;
  }

  asio::io_context context_;
  BlockingPool pool_{2};
  TemporaryFolder folder_;
  std::unique_ptr<LogStore> store_;
};

TEST_F(FileLogStore, KeepsSeveralSourcesInOrderOfArrivalOverSegmentsAndReopening) {
  std::mt19937 dice(7);
  std::string expected;
  std::map<std::string, std::uint64_t> sent;
  for (int round = 0; round < 4; ++round) {
    auto log = open();
    EXPECT_EQ(all(*log), expected);
    for (int i = 0; i < 100; ++i) {
      const std::string source(1, static_cast<char>('a' + dice() % 3));
      const std::string bytes(dice() % 400, static_cast<char>('A' + dice() % 26));
      ASSERT_EQ(log->source_end(source), sent[source]);
      ASSERT_TRUE(run(log->append(source, sent[source], bytes)));
      sent[source] += bytes.size();
      expected += bytes;
    }
    EXPECT_EQ(all(*log), expected);
    log.reset();
    reopen();
  }
  EXPECT_GT(std::distance(std::filesystem::directory_iterator(folder_ / "a/log"), {}), 10);
}

TEST_F(FileLogStore, DropsWhatItHasAndRefusesAGap) {
  auto log = open();
  ASSERT_TRUE(run(log->append("s", 0, "hello ")));
  ASSERT_TRUE(run(log->append("s", 0, "hello ")));
  ASSERT_TRUE(run(log->append("s", 3, "lo world")));
  EXPECT_EQ(all(*log), "hello world");
  EXPECT_EQ(run(log->append("s", 12, "x")).error().code, ErrorCode::invalid);
  EXPECT_EQ(run(log->append("S p a c e", 0, "x")).error().code, ErrorCode::invalid);
  EXPECT_EQ(run(log->read(99, 1)).error().code, ErrorCode::invalid);
}

TEST_F(FileLogStore, WhatIsNotSyncedIsPartOfTheLogAllTheSame) {
  auto log = open();
  std::string text;
  for (int i = 0; i < 200; ++i) {
    const auto line = fmt::format("line {}\n", i);
    // Now and again one that is: over several segments.
    ASSERT_TRUE(run(i % 10 == 0 ? log->append("s", text.size(), line)
                                : log->append_unsynced("s", text.size(), line)));
    text += line;
    ASSERT_EQ(log->end(), text.size());
  }
  ASSERT_TRUE(run(log->append_unsynced("s", text.size() - 4, text.substr(text.size() - 4))));
  EXPECT_EQ(run(log->append_unsynced("s", text.size() + 1, "x")).error().code, ErrorCode::invalid);
  EXPECT_EQ(all(*log), text);
  ASSERT_TRUE(run(log->close()));
  EXPECT_EQ(run(log->append_unsynced("s", text.size(), "x")).error().code, ErrorCode::conflict);
  log.reset();
  reopen();
  log = open();
  EXPECT_EQ(all(*log), text);
  EXPECT_EQ(log->source_end("s"), text.size());
}

TEST_F(FileLogStore, CutsATornEndAtEveryByteAndLosesNoWholeRecord) {
  reopen(1 << 20);
  auto log = open();
  ASSERT_TRUE(run(log->append("s", 0, "first.")));
  ASSERT_TRUE(run(log->append("s", 6, "second.")));
  log.reset();
  reopen();
  const auto file = folder_ / "a/log" / Segment::file_name(0);
  const std::string whole = read_file(file).value();
  const std::size_t first = record_bytes("s", 6);
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    ASSERT_TRUE(write_file_atomically(file, whole.substr(0, cut)));
    reopen();
    auto reopened = open();
    const std::string expected = cut == whole.size() ? "first.second."
                                 : cut >= first      ? "first."
                                                     : "";
    ASSERT_EQ(all(*reopened), expected) << "cut at " << cut;
    ASSERT_EQ(reopened->source_end("s"), expected.size());
    // The source sends again from where the log ends.
    ASSERT_TRUE(run(reopened->append("s", expected.size(),
                                     std::string("first.second.").substr(expected.size()))));
    ASSERT_EQ(all(*reopened), "first.second.");
  }
}

TEST_F(FileLogStore, MakesADamagedIndexAgainAndReportsDamagedBytes) {
  auto log = open();
  std::string text(20'000, 'x');
  for (std::size_t at = 0; at < text.size(); at += 1000)
    ASSERT_TRUE(run(log->append("s", at, text.substr(at, 1000))));
  log.reset();
  reopen();
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "a/log"))
    if (entry.path().extension() == ".idx")
      ASSERT_TRUE(write_file_atomically(entry.path(), "{garbage"));
  EXPECT_EQ(all(*open()), text);
  reopen();
  const auto first = folder_ / "a/log" / Segment::file_name(0);
  {
    SourceEnds ends;
    const auto segment = open_segment(first, Age::older, ends).value();
    const auto file = open_for_appending(segment).value();
    ASSERT_TRUE(seal_segment(file.get(), segment, ends));
    ASSERT_EQ(::pwrite(file.get(), "Y", 1, 500), 1);
  }
  EXPECT_EQ(run(open()->read(0, 100)).error().code, ErrorCode::corrupt);
}

TEST_F(FileLogStore, TellsWhoWaitsAndEndsWhenClosed) {
  auto log = open();
  std::string seen;
  const auto follow = [](std::shared_ptr<Log> at, std::string* into) -> Task<bool> {
    for (;;) {
      co_await at->wait_beyond(into->size(), Duration(10'000));
      if (at->end() == into->size()) co_return at->closed();
      *into += (co_await at->read(into->size(), 100)).value();
    }
  };
  const auto produce = [](std::shared_ptr<Log> at) -> Task<bool> {
    for (std::uint64_t i = 0; i < 50; ++i) (co_await at->append("s", i * 2, "ab")).value();
    co_return (co_await at->close()).has_value();
  };
  std::string second;
  bool one = false, two = false;
  const auto note = [](bool* into) {
    return [into](std::exception_ptr, bool value) { *into = value; };
  };
  asio::co_spawn(context_, follow(log, &seen), note(&one));
  asio::co_spawn(context_, follow(log, &second), note(&two));
  ASSERT_TRUE(run(produce(log)));
  EXPECT_TRUE(one && two);
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_EQ(seen, second);
  EXPECT_EQ(run(log->append("s", 100, "x")).error().code, ErrorCode::conflict);
  log.reset();
  reopen();
  EXPECT_TRUE(open()->closed());
}

TEST_F(FileLogStore, WaitsNoLongerThanAsked) {
  auto log = open();
  const auto wait = [](std::shared_ptr<Log> at) -> Task<bool> {
    co_await at->wait_beyond(0, Duration(20));
    co_return true;
  };
  EXPECT_TRUE(run(wait(log)));
}

TEST_F(FileLogStore, OpensOnlyGoodNamesAndWhatExists) {
  EXPECT_EQ(run(store_->open("../x", LogStore::Open::create)).error().code, ErrorCode::invalid);
  EXPECT_EQ(run(store_->open("UP", LogStore::Open::create)).error().code, ErrorCode::invalid);
  EXPECT_EQ(run(store_->open("none", LogStore::Open::existing)).error().code, ErrorCode::not_found);
  auto log = open("runs/1/log");
  EXPECT_EQ(log, open("runs/1/log"));
  ASSERT_TRUE(run(log->append("s", 0, "x")));
  ASSERT_TRUE(run(store_->remove("runs/1")));
  EXPECT_EQ(run(store_->open("runs/1/log", LogStore::Open::existing)).error().code,
            ErrorCode::not_found);
  EXPECT_EQ(run(store_->remove("..")).error().code, ErrorCode::invalid);
}

TEST_F(FileLogStore, MissingSegmentIsCorrupt) {
  auto log = open();
  for (std::uint64_t i = 0; i < 12; ++i)
    ASSERT_TRUE(run(log->append("s", i * 1000, std::string(1000, 'z'))));
  log.reset();
  reopen();
  std::filesystem::remove(folder_ / "a/log" / Segment::file_name(0));
  EXPECT_EQ(run(store_->open("a/log", LogStore::Open::existing)).error().code, ErrorCode::corrupt);
}

TEST_F(FileLogStore, PayloadsLargerThanARecordAreSplit) {
  reopen(8u << 20);
  auto log = open();
  std::string large(3 * kMaxPayloadBytes + 17, 'q');
  ASSERT_TRUE(run(log->append("s", 0, large)));
  EXPECT_EQ(log->end(), large.size());
  EXPECT_EQ(run(log->read(0, 100)).value(), std::string(100, 'q'));
  EXPECT_EQ(log->source_end("s"), large.size());
}

}  // namespace
}  // namespace corral::session
