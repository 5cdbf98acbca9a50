// Compressed segments: the same bytes as before, whatever happens on the way there, and damage that
// is told.
#include "session/compressed_segment.h"

#include <cstring>
#include <fstream>
#include <random>

#include <gtest/gtest.h>
#include <zstd.h>

#include <boost/asio/post.hpp>

#include "base/crc32c.h"
#include "base/files.h"
#include "base/log.h"
#include "base/testing/temporary_folder.h"
#include "ports/contract/run_task.h"
#include "ports/contract/small_disk.h"
#include "ports/fakes/fake_clock.h"
#include "session/file_log.h"
#include "session/record.h"

namespace corral::session {
namespace {

using ports::contract::run_task;
using ports::contract::run_together;

constexpr Duration kAtOnce{0};

class CompressedSegment : public testing::Test {
 protected:
  CompressedSegment() { log::set_level(log::Level::error); }
  ~CompressedSegment() override { log::set_level(log::Level::info); }

  std::unique_ptr<LogStore> store(std::uint64_t segment_bytes = 20'000) {
    return make_file_log_store(folder_.path(), pool_, asio::system_executor(), segment_bytes,
                               clock_);
  }
  static std::shared_ptr<Log> open(LogStore& logs, const std::string& name = "log") {
    return run_task(logs.open(name, LogStore::Open::create)).value();
  }
  // In pieces, and closed again.
  static void append_all(LogStore& logs, const std::string& text) {
    const auto log = open(logs);
    for (std::size_t at = 0; at < text.size(); at += 5000)
      ASSERT_TRUE(run_task(log->append("s", at, text.substr(at, 5000))));
  }
  static std::string read_all(Log& log, std::size_t step = 50'000) {
    std::string text;
    while (text.size() < log.end()) text += run_task(log.read(text.size(), step)).value();
    return text;
  }
  std::size_t files(const std::string& extension, const std::string& name = "log") const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / name))
      count += entry.path().extension() == extension ? 1 : 0;
    return count;
  }
  // What a terminal is sent: much the same again and again, and at times something else.
  std::string printed(std::size_t count) {
    std::string bytes;
    while (bytes.size() < count) {
      if (dice_() % 4 == 0) bytes += static_cast<char>(dice_());
      bytes += fmt::format("\x1b[3{}mline {}\x1b[0m\r\n", dice_() % 8, dice_() % 1000);
    }
    bytes.resize(count);
    return bytes;
  }
  // One segment, compressed, of so many bytes; what they are.
  std::string make(std::size_t bytes) {
    auto text = printed(bytes);
    auto logs = store(64u << 20);
    auto log = open(*logs);
    for (std::size_t at = 0; at < bytes; at += 30'000)
      EXPECT_TRUE(run_task(log->append("s", at, text.substr(at, 30'000))));
    EXPECT_TRUE(run_task(logs->compress(kAtOnce)));
    EXPECT_EQ(files(".zst"), 1u);
    return text;
  }
  std::filesystem::path first() const { return folder_ / "log/00000000000000000000.zst"; }

  TemporaryFolder folder_;
  std::mt19937 dice_{20261121};
  ports::fakes::FakeClock clock_;
  BlockingPool pool_{2};
};

TEST_F(CompressedSegment, WhateverIsAppendedCompressedCrashedAndReadIsWhatTheModelSays) {
  std::string model;
  std::map<std::string, std::uint64_t> sent;
  auto logs = store();
  auto log = open(*logs);
  for (int round = 0; round < 250; ++round) {
    switch (dice_() % 8) {
      case 0: ASSERT_TRUE(run_task(logs->compress(kAtOnce))); break;
      case 1:
        ASSERT_TRUE(run_task(logs->compress(std::chrono::hours(1)))) << "leaves the newest";
        break;
      case 2: {
        // As after a crash: nothing is closed, and what was begun lies about.
        log.reset();
        logs.reset();
        std::ofstream(folder_ / "log/00000000000000000000.zst.part") << "half of a frame";
        logs = store();
        log = open(*logs);
        break;
      }
      default: {
        const std::string source(1, static_cast<char>('a' + dice_() % 3));
        const auto bytes = printed(dice_() % 9000);
        ASSERT_TRUE(run_task(log->append(source, sent[source], bytes)));
        sent[source] += bytes.size();
        model += bytes;
      }
    }
    ASSERT_EQ(log->end(), model.size());
    for (const auto& [source, end] : sent) ASSERT_EQ(log->source_end(source), end);
    for (int i = 0; i < 3 && !model.empty(); ++i) {
      const std::size_t offset = dice_() % model.size(), most = 1 + dice_() % 100'000;
      const auto got = run_task(log->read(offset, most)).value();
      ASSERT_FALSE(got.empty());
      ASSERT_EQ(got, model.substr(offset, got.size())) << "at " << offset;
    }
  }
  ASSERT_TRUE(run_task(logs->compress(kAtOnce)));
  EXPECT_EQ(read_all(*log), model);
  EXPECT_GT(files(".zst"), 10u);
  EXPECT_LE(files(".seg"), 1u) << "but for a last one that is too small";
}

TEST_F(CompressedSegment, AnyToolReadsTheLogsBytesOutOfIt) {
  const auto text = make(300'000);
  const auto file = read_file(first()).value();
  EXPECT_LT(file.size(), text.size() / 2);
  std::string plain(text.size() + 1, '\0');
  EXPECT_EQ(ZSTD_decompress(plain.data(), plain.size(), file.data(), file.size()), text.size());
  plain.pop_back();
  EXPECT_EQ(plain, text);
}

TEST_F(CompressedSegment, AReadDecodesTheFramesItNeedsAndNoMore) {
  const auto text = make(300'000);
  SourceEnds ends;
  const auto segment = open_compressed(first(), ends).value();
  EXPECT_EQ(ends, (SourceEnds{{"s", 300'000}}));
  EXPECT_EQ(segment.index.size(), 5u);
  for (const std::uint64_t offset : {0u, 1u, 65'535u, 65'536u, 131'000u, 299'999u}) {
    const auto one = frames_of(segment, offset, offset + 1);
    ASSERT_EQ(one.points.size(), 2u) << offset;
    EXPECT_LE(one.points[0].offset, offset);
    EXPECT_GT(one.points[1].offset, offset);
    EXPECT_EQ(read_frames(one, offset, 1).value(), text.substr(offset, 1));
  }
  EXPECT_EQ(frames_of(segment, 65'535, 65'537).points.size(), 3u);
  EXPECT_EQ(frames_of(segment, 0, 1u << 30).points.size(), 6u);
}

TEST_F(CompressedSegment, DamageAnywhereIsToldWithFileAndPlaceAndNeverReturnedAsBytes) {
  const auto text = make(200'000);
  const auto good = read_file(first()).value();
  SourceEnds none;
  const auto frames = open_compressed(first(), none).value().file_bytes;
  int told = 0;
  for (std::size_t at = 0; at < good.size(); at += 1 + dice_() % (good.size() / 100)) {
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << dice_() % 8));
    std::ofstream(first(), std::ios::binary | std::ios::trunc) << bad;
    auto logs = store();
    auto log = run_task(logs->open("log", LogStore::Open::existing));
    if (!log) {
      EXPECT_EQ(log.error().code, ErrorCode::corrupt);
      EXPECT_NE(log.error().message.find(first().string()), std::string::npos);
      EXPECT_GE(at, frames) << log.error().message;
      ++told;
      continue;
    }
    for (std::size_t offset = 0; offset < text.size(); offset += kIndexSpacingBytes) {
      const auto got = run_task((*log)->read(offset, 100));
      if (got) {
        ASSERT_EQ(*got, text.substr(offset, 100)) << "flipped at " << at;
        continue;
      }
      EXPECT_EQ(got.error().code, ErrorCode::corrupt);
      EXPECT_NE(got.error().message.find(first().string() + " is damaged at byte "),
                std::string::npos)
          << got.error().message;
      ++told;
    }
  }
  EXPECT_GT(told, 60);
  // Cut off anywhere, it does not open.
  for (std::size_t size = 0; size < good.size(); size += 1 + dice_() % 1997) {
    std::ofstream(first(), std::ios::binary | std::ios::trunc) << good.substr(0, size);
    SourceEnds ends;
    const auto opened = open_compressed(first(), ends);
    ASSERT_FALSE(opened) << size;
    EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
  }
}

TEST_F(CompressedSegment, AnIndexThatLiesIsRefusedOrItsFramesAre) {
  const auto text = make(200'000);
  SourceEnds ends;
  const auto segment = open_compressed(first(), ends).value();
  // Frames that are said to hold more, or less, than they do.
  for (const std::uint64_t end : {199'999u, 200'001u}) {
    auto range = frames_of(segment, 150'000, 250'000);
    range.points.back().offset = end;
    EXPECT_EQ(read_frames(range, 199'000, 10).error().code, ErrorCode::corrupt);
  }
  auto range = frames_of(segment, 0, 10);
  range.points.back().position -= 1;
  EXPECT_EQ(read_frames(range, 0, 10).error().code, ErrorCode::corrupt);
  range.path = folder_ / "none.zst";
  EXPECT_EQ(read_frames(range, 0, 10).error().code, ErrorCode::not_found);
}

TEST_F(CompressedSegment, WhatACrashLeavesBesideItIsRemoved) {
  const auto text = printed(50'000);
  auto logs = store();
  append_all(*logs, text);
  // Killed after the new name was there, and before the old ones were gone.
  const auto original = folder_ / "log" / Segment::file_name(0);
  const auto index = std::filesystem::path(original).replace_extension(".idx");
  const auto records = read_file(original).value(), points = read_file(index).value();
  ASSERT_TRUE(run_task(logs->compress(kAtOnce)));
  EXPECT_FALSE(std::filesystem::exists(original));
  EXPECT_FALSE(std::filesystem::exists(index));
  ASSERT_TRUE(write_file_atomically(original, records));
  ASSERT_TRUE(write_file_atomically(index, points));
  logs = store();
  EXPECT_EQ(read_all(*open(*logs)), text);
  EXPECT_FALSE(std::filesystem::exists(original));
  EXPECT_FALSE(std::filesystem::exists(index));
}

TEST_F(CompressedSegment, ALogOfAnOlderVersionOpensAndIsCompressed) {
  // Records without times, and an index of pairs.
  const auto append_old = [](std::string& into, std::uint64_t offset, std::string_view payload) {
    std::string record;
    encode_record(record, {.source = "s", .source_offset = offset, .payload = payload});
    record.erase(kRecordHeaderBytes, kRecordTimeBytes);
    record[16] = 1;
    const auto crc = crc32c(std::string_view(record).substr(8));
    std::memcpy(record.data() + 4, &crc, sizeof crc);
    into += record;
  };
  const auto text = printed(9000);
  std::string one, two;
  append_old(one, 0, std::string_view(text).substr(0, 5000));
  append_old(two, 5000, std::string_view(text).substr(5000));
  const auto path = folder_ / "log";
  std::filesystem::create_directory(path);
  ASSERT_TRUE(write_file_atomically(path / Segment::file_name(0), one));
  ASSERT_TRUE(write_file_atomically(
      path / "00000000000000000000.idx",
      fmt::format(R"({{"end":5000,"file_bytes":{},"sources":{{"s":5000}},"index":[[0,0]]}})",
                  one.size())));
  ASSERT_TRUE(write_file_atomically(path / Segment::file_name(5000), two));
  auto logs = store();
  {
    auto log = open(*logs);
    EXPECT_EQ(read_all(*log), text);
    EXPECT_EQ(log->source_end("s"), 9000u);
    EXPECT_EQ(log->time_of(100), std::nullopt);
  }
  ASSERT_TRUE(run_task(logs->compress(std::chrono::hours(1))));
  EXPECT_EQ(files(".zst"), 1u);
  ASSERT_TRUE(run_task(logs->compress(kAtOnce)));
  EXPECT_EQ(files(".seg"), 1u) << "4018 bytes are not worth it";
  logs = store();
  auto log = open(*logs);
  EXPECT_EQ(read_all(*log), text);
  ASSERT_TRUE(run_task(log->append("s", 9000, "more")));
  EXPECT_EQ(log->time_of(100), std::nullopt);
}

TEST_F(CompressedSegment, KnowsWhenItsBytesCameAlsoOnceCompressedAndReopened) {
  auto logs = store(200'000);
  auto log = open(*logs);
  const Time begin = clock_.now();
  const auto late = [&](int seconds) { return begin + std::chrono::seconds(seconds); };
  EXPECT_EQ(log->time_of(0), std::nullopt);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(run_task(log->append("s", log->end(), printed(10'000))));
    clock_.advance(std::chrono::seconds(1));
  }
  for (int i = 0; i < 3; ++i) {
    for (int at = 0; at < 50; ++at) {
      const auto time = log->time_of(static_cast<std::uint64_t>(at) * 10'000);
      ASSERT_TRUE(time);
      EXPECT_LE(*time, late(at)) << "never later than it was";
      EXPECT_GE(*time, late(at - 8)) << "to 64 KiB and a record";
    }
    if (i == 1) ASSERT_TRUE(run_task(logs->compress(kAtOnce)));
    log.reset();
    logs = store(200'000);
    log = open(*logs);
  }
  EXPECT_EQ(files(".seg"), 0u);
}

TEST_F(CompressedSegment, AClosedLogIsCompressedToItsEndAndASmallOneNot) {
  auto logs = store();
  auto log = open(*logs);
  ASSERT_TRUE(run_task(log->append("s", 0, printed(10'000))));
  ASSERT_TRUE(run_task(open(*logs, "small")->append("s", 0, printed(3000))));
  ASSERT_TRUE(run_task(logs->compress(std::chrono::hours(1))));
  EXPECT_EQ(files(".zst"), 0u) << "more may come";
  const auto text = read_all(*log);
  ASSERT_TRUE(run_task(log->close()));
  ASSERT_TRUE(run_task(logs->compress(std::chrono::hours(1))));
  EXPECT_EQ(files(".zst"), 1u);
  EXPECT_EQ(files(".seg"), 0u);
  EXPECT_EQ(files(".zst", "small"), 0u);
  EXPECT_EQ(run_task(log->append("s", 10'000, "x")).error().code, ErrorCode::conflict);
  log.reset();
  logs = store();
  log = run_task(logs->open("log", LogStore::Open::existing)).value();
  EXPECT_TRUE(log->closed());
  EXPECT_EQ(read_all(*log), text);
  ASSERT_TRUE(run_task(log->close())) << "again";
}

TEST_F(CompressedSegment, AppendsAndReadsGoOnMeanwhile) {
  auto logs = store(30'000);
  auto log = open(*logs);
  const auto text = printed(400'000);
  const auto produce = [](std::shared_ptr<Log> to, const std::string* all) -> Task<Result<void>> {
    for (std::size_t at = 0; at < all->size(); at += 2000)
      CORRAL_CO_CHECK(co_await to->append("s", at, all->substr(at, 2000)));
    co_return Result<void>{};
  };
  const auto compress = [](LogStore* of, std::shared_ptr<Log> until,
                           std::size_t size) -> Task<Result<void>> {
    while (until->end() < size) CORRAL_CO_CHECK(co_await of->compress(kAtOnce));
    co_return co_await of->compress(kAtOnce);
  };
  const auto consume = [](std::shared_ptr<Log> from, const std::string* all,
                          std::size_t seed) -> Task<Result<void>> {
    std::mt19937 dice(static_cast<unsigned>(seed));
    while (from->end() < all->size()) {
      // What is in memory is answered at once; the others shall have their turn.
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      const std::size_t offset = from->end() == 0 ? 0 : dice() % from->end();
      CORRAL_CO_TRY(const auto bytes, co_await from->read(offset, 5000));
      if (bytes != std::string_view(*all).substr(offset, bytes.size()))
        co_return fail(ErrorCode::corrupt, "other bytes at {}", offset);
    }
    co_return Result<void>{};
  };
  std::vector<Task<Result<void>>> tasks;
  tasks.push_back(produce(log, &text));
  tasks.push_back(compress(logs.get(), log, text.size()));
  for (std::size_t i = 0; i < 4; ++i) tasks.push_back(consume(log, &text, i));
  for (const auto& result : run_together(std::move(tasks)))
    ASSERT_TRUE(result) << result.error().describe();
  EXPECT_EQ(read_all(*log), text);
  EXPECT_GT(files(".zst"), 10u);
}

TEST_F(CompressedSegment, WhatCannotBeCompressedStaysAndIsNamed) {
  const auto text = printed(50'000);
  auto logs = store();
  append_all(*logs, text);
  const auto original = folder_ / "log" / Segment::file_name(0);
  {
    const auto file = open_for_appending({.path = original, .index = {}}).value();
    ASSERT_EQ(::pwrite(file.get(), "Y", 1, 500), 1);
  }
  const auto damaged = read_file(original).value();
  ASSERT_TRUE(run_task(logs->compress(kAtOnce)));
  EXPECT_EQ(read_file(original).value(), damaged);
  EXPECT_EQ(files(".part"), 0u);
  SourceEnds ends;
  const auto segment = open_segment(original, Age::older, ends).value();
  const auto refused = compress_segment(segment);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::corrupt);
  EXPECT_NE(refused.error().message.find(original.string() + " is damaged at byte 0"),
            std::string::npos)
      << refused.error().message;
  auto shorter = segment;
  shorter.path = folder_ / "gone.seg";
  EXPECT_EQ(compress_segment(shorter).error().code, ErrorCode::not_found);
}

TEST_F(CompressedSegment, SegmentIndexesAreReadAsTheyWereWrittenAndNoOthers) {
  const SegmentIndex index{
      300,
      90,
      {{"a", 100}, {"b", 200}},
      {{0, 0, Time(Duration(5))}, {100, 40, Time(Duration(1'795'000'000'000))}}};
  EXPECT_EQ(parse_segment_index(to_json(index)).value(), index);
  for (const char* bad :
       {"", "[]", "{}", R"({"end":1,"file_bytes":1,"sources":[],"index":[]})",
        R"({"end":-1,"file_bytes":1,"sources":{},"index":[]})",
        R"({"end":1,"file_bytes":"x","sources":{},"index":[]})",
        R"({"end":1,"file_bytes":1,"sources":{"a":-1},"index":[]})",
        R"({"end":1,"file_bytes":1,"sources":{},"index":{}})",
        R"({"end":1,"file_bytes":1,"sources":{},"index":[1]})",
        R"({"end":1,"file_bytes":1,"sources":{},"index":[[1]]})",
        R"({"end":1,"file_bytes":1,"sources":{},"index":[[1,1,1,1]]})",
        R"({"end":1,"file_bytes":1,"sources":{},"index":[[0,0,999999999999999999]]})",
        R"({"end":1,"file_bytes":1,"sources":{},"index":[[5,0],[5,9]]})",
        R"({"end":1,"file_bytes":1,"sources":{},"index":[[5,9],[6,9]]})"})
    EXPECT_FALSE(parse_segment_index(bad)) << bad;
}

TEST(CompressedSegmentFullDisk, LeavesTheOriginalWhenThereIsNoRoom) {
  ports::contract::on_small_disk(4, [](const std::filesystem::path& folder) {
    log::set_level(log::Level::error);
    std::mt19937 dice(3);
    std::string noise(1'500'000, '\0');
    for (auto& byte : noise) byte = static_cast<char>(dice());
    BlockingPool pool(2);
    auto logs = make_file_log_store(folder, pool, asio::system_executor());
    auto log = run_task(logs->open("log", LogStore::Open::create)).value();
    ASSERT_TRUE(run_task(log->append("s", 0, noise)));
    ASSERT_TRUE(run_task(log->append("s", noise.size(), noise)));
    ASSERT_TRUE(run_task(logs->compress(kAtOnce)));
    EXPECT_TRUE(std::filesystem::exists(folder / "log" / Segment::file_name(0)));
    EXPECT_FALSE(std::filesystem::exists(folder / "log/00000000000000000000.zst"));
    EXPECT_FALSE(std::filesystem::exists(folder / "log/00000000000000000000.zst.part"));
    EXPECT_EQ(run_task(log->read(noise.size(), 1000)).value(), noise.substr(0, 1000));
    ASSERT_TRUE(run_task(log->append("s", 2 * noise.size(), "more")));
    EXPECT_EQ(log->end(), 2 * noise.size() + 4);
  });
}

}  // namespace
}  // namespace corral::session
