// The log against crashes, full disks, damage and cancellation.
#include <csignal>
#include <fstream>
#include <random>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/log.h"
#include "base/subprocess.h"
#include "base/testing/temporary_folder.h"
#include "ports/contract/run_task.h"
#include "ports/contract/small_disk.h"
#include "session/file_log.h"
#include "session/log_store.h"
#include "session/record.h"

namespace corral::session {
namespace {

using ports::contract::run_task;
using ports::contract::run_together;

class LogFaults : public testing::Test {
 protected:
  LogFaults() {
    log::set_level(log::Level::error);  // cuts are expected here by the hundred
  }
  ~LogFaults() override { log::set_level(log::Level::info); }

  std::unique_ptr<LogStore> store(std::uint64_t segment_bytes = 64u << 20) {
    return make_file_log_store(folder_.path(), pool_, asio::system_executor(), segment_bytes);
  }
  static std::shared_ptr<Log> open(LogStore& logs, const std::string& name = "log") {
    return run_task(logs.open(name, LogStore::Open::create)).value();
  }
  static std::string read_all(Log& log, std::size_t step = 10'000) {
    std::string text;
    while (text.size() < log.end()) text += run_task(log.read(text.size(), step)).value();
    return text;
  }

  TemporaryFolder folder_;
  BlockingPool pool_{2};
};

// Bytes of a source that tell where they belong.
std::string bytes_of(char source, std::uint64_t from, std::size_t count) {
  std::string bytes(count, source);
  for (std::size_t i = 0; i < count; ++i)
    if ((from + i) % 7 == 0) bytes[i] = static_cast<char>('0' + (from + i) / 7 % 10);
  return bytes;
}

TEST_F(LogFaults, CutAnywhereInItsLastRecordsItOpensKeepsWhatIsWholeAndGoesOnWithoutGapOrRepeat) {
  std::mt19937 dice(11);
  std::string expected;
  std::map<char, std::uint64_t> sent;
  std::vector<std::size_t> whole_at{0};  // the file's size and the log's end after each record
  std::vector<std::map<char, std::uint64_t>> sent_at{sent};
  std::size_t file_bytes = 0;
  {
    auto logs = store();
    auto log = open(*logs);
    for (int i = 0; i < 40; ++i) {
      const char source = static_cast<char>('a' + dice() % 3);
      const std::size_t count = 1 + dice() % 30;
      ASSERT_TRUE(run_task(log->append(std::string("source-") + source, sent[source],
                                       bytes_of(source, sent[source], count))));
      sent[source] += count;
      file_bytes += record_bytes("source-x", count);
      whole_at.push_back(file_bytes);
      sent_at.push_back(sent);
    }
    expected = read_all(*log);
  }
  const auto file = folder_ / "log" / Segment::file_name(0);
  const std::string whole = read_file(file).value();
  ASSERT_EQ(whole.size(), file_bytes);
  for (std::size_t cut = whole_at[whole_at.size() - 6]; cut <= whole.size(); ++cut) {
    {
      std::ofstream(file, std::ios::binary | std::ios::trunc) << whole.substr(0, cut);
    }
    // What the sources may have had acknowledged is all that is whole.
    const auto kept =
        static_cast<std::size_t>(std::ranges::upper_bound(whole_at, cut) - whole_at.begin() - 1);
    auto logs = store();
    auto log = open(*logs);
    std::uint64_t end = 0;
    for (const auto& [source, count] : sent_at[kept]) {
      ASSERT_EQ(log->source_end(std::string("source-") + source), count) << "cut at " << cut;
      end += count;
    }
    ASSERT_EQ(log->end(), end);
    ASSERT_EQ(read_all(*log), expected.substr(0, end));
    // Every source sends everything again, as after a crash; the log takes what it lacks.
    std::string after = expected.substr(0, end);
    for (auto [source, count] : sent) {
      ASSERT_TRUE(
          run_task(log->append(std::string("source-") + source, 0, bytes_of(source, 0, count))));
      const std::uint64_t had = sent_at[kept][source];
      after += bytes_of(source, had, count - had);
    }
    ASSERT_EQ(read_all(*log), after);
  }
}

TEST_F(LogFaults, GarbageBehindTheLastRecordIsCut) {
  std::mt19937 dice(5);
  {
    auto logs = store();
    ASSERT_TRUE(run_task(open(*logs)->append("s", 0, "kept")));
  }
  const auto file = folder_ / "log" / Segment::file_name(0);
  const std::string good = read_file(file).value();
  for (int round = 0; round < 200; ++round) {
    std::string garbage(1 + dice() % 100, '\0');
    for (auto& byte : garbage) byte = round % 4 == 0 ? '\0' : static_cast<char>(dice());
    {
      std::ofstream(file, std::ios::binary | std::ios::trunc) << good << garbage;
    }
    auto logs = store();
    auto log = open(*logs);
    ASSERT_EQ(read_all(*log), "kept");
    ASSERT_EQ(std::filesystem::file_size(file), good.size());
  }
}

TEST_F(LogFaults, ReadsAnyRangeOverManySegments) {
  std::mt19937 dice(17);
  std::string expected;
  {
    auto logs = store(20'000);
    auto log = open(*logs);
    while (expected.size() < 600'000) {
      const std::string bytes = bytes_of('x', expected.size(), 1 + dice() % 5000);
      ASSERT_TRUE(run_task(log->append("s", expected.size(), bytes)));
      expected += bytes;
    }
  }
  auto logs = store(20'000);
  auto log = open(*logs);
  ASSERT_EQ(log->end(), expected.size());
  for (int i = 0; i < 300; ++i) {
    const std::size_t offset = dice() % expected.size(), most = 1 + dice() % 30'000;
    const auto got = run_task(log->read(offset, most)).value();
    ASSERT_FALSE(got.empty());
    ASSERT_LE(got.size(), most);
    ASSERT_EQ(got, expected.substr(offset, got.size()));
  }
  EXPECT_EQ(run_task(log->read(expected.size(), 10)).value(), "");
  EXPECT_EQ(run_task(log->read(0, 0)).value(), "");
}

TEST_F(LogFaults, DamageInAnOlderSegmentIsReportedAndNothingIsCutAway) {
  {
    auto logs = store(3000);
    auto log = open(*logs);
    for (std::uint64_t i = 0; i < 10; ++i)
      ASSERT_TRUE(run_task(log->append("s", i * 1000, std::string(1000, 'z'))));
  }
  const auto first = folder_ / "log" / Segment::file_name(0);
  const auto size = std::filesystem::file_size(first);
  std::filesystem::resize_file(first, size - 1);
  auto logs = store(3000);
  const auto refused = run_task(logs->open("log", LogStore::Open::existing));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::corrupt);
  EXPECT_EQ(std::filesystem::file_size(first), size - 1);
}

TEST_F(LogFaults, ManyWhoAppendAtOnceKeepTheirOwnOrder) {
  auto logs = store(50'000);
  auto log = open(*logs);
  const auto produce = [](std::shared_ptr<Log> to, int source) -> Task<Result<void>> {
    for (std::uint64_t i = 0; i < 20; ++i)
      CORRAL_CO_CHECK(co_await to->append("s" + std::to_string(source), i * 100,
                                          std::string(99, static_cast<char>('A' + i)) + "\n"));
    co_return Result<void>{};
  };
  std::vector<Task<Result<void>>> tasks;
  for (int source = 0; source < 50; ++source) tasks.push_back(produce(log, source));
  for (const auto& result : run_together(std::move(tasks))) ASSERT_TRUE(result.has_value());
  EXPECT_EQ(log->end(), 50u * 20 * 100);
  // Lines are whole and each letter comes fifty times.
  const std::string text = read_all(*log);
  std::map<char, int> lines;
  for (std::size_t at = 0; at < text.size(); at += 100) {
    ASSERT_EQ(text[at + 99], '\n');
    ASSERT_EQ(text.substr(at, 99), std::string(99, text[at]));
    ++lines[text[at]];
  }
  for (const auto& [letter, count] : lines) EXPECT_EQ(count, 50) << letter;
}

TEST_F(LogFaults, AnAppendThatIsCancelledStopsNobodyElse) {
  auto logs = store();
  auto log = open(*logs);
  const auto append = [](std::shared_ptr<Log> to, std::string source) -> Task<void> {
    (void)co_await to->append(source, 0, std::string(100, 'x'));
  };
  const auto stop = [](TaskScope* scope) -> Task<bool> {
    co_await scope->stop();
    co_return true;
  };
  for (int round = 0; round < 50; ++round) {
    asio::io_context& context = ports::contract::test_context();
    context.restart();
    TaskScope scope(context.get_executor());
    for (int i = 0; i < 4; ++i)
      scope.start("append", append(log, std::to_string(round) + "-" + std::to_string(i)));
    for (int step = 0; step < round % 12; ++step)
      context.run_one_for(std::chrono::milliseconds(20));
    bool stopped = false;
    asio::co_spawn(context, stop(&scope), [&](std::exception_ptr, bool) { stopped = true; });
    ports::contract::run_context(context);
    ASSERT_TRUE(stopped);
    ASSERT_TRUE(run_task(log->append("after", log->source_end("after"), "y")));
  }
  EXPECT_EQ(log->source_end("after"), 50u);
}

TEST_F(LogFaults, ALogThatIsGoneSaysSo) {
  auto logs = store(1000);
  auto log = open(*logs, "gone");
  ASSERT_TRUE(run_task(log->append("s", 0, std::string(200'000, 'x'))));
  ASSERT_TRUE(run_task(logs->remove("gone")));
  EXPECT_EQ(run_task(log->read(0, 10)).error().code, ErrorCode::not_found);
  EXPECT_EQ(run_task(log->append("s", 200'000, "y")).error().code, ErrorCode::not_found)
      << "its next segment has no folder";
  EXPECT_EQ(run_task(logs->open("gone", LogStore::Open::existing)).error().code,
            ErrorCode::not_found);
}

TEST_F(LogFaults, AfterAFailedSyncNothingIsTakenAnyMore) {
  LogFiles files;
  files.folder = folder_.path();
  files.segments.push_back({.path = folder_ / Segment::file_name(0), .index = {}});
  files.active = Fd(::open("/dev/null", O_RDWR | O_CLOEXEC));  // takes bytes, and cannot be synced
  const auto log =
      std::make_shared<FileLog>(std::move(files), pool_, 1u << 20, SystemClock::instance());
  const auto first = run_task(log->append("s", 0, "bytes"));
  ASSERT_FALSE(first);
  EXPECT_NE(first.error().message.find("cannot sync"), std::string::npos) << first.error().message;
  // A second sync might succeed, and would say nothing about the first one's bytes.
  EXPECT_EQ(run_task(log->append("s", 5, "more")).error().message, first.error().message);
  EXPECT_EQ(run_task(log->close()).error().message, first.error().message);
}

TEST_F(LogFaults, AFolderThatIsNoneIsNamed) {
  std::ofstream(folder_ / "file") << "in the way";
  auto logs = store();
  const auto refused = run_task(logs->open("file/log", LogStore::Open::create));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("file"), std::string::npos);
  std::filesystem::create_directory(folder_ / "odd");
  std::ofstream(folder_ / "odd" / "not-a-number.seg") << "x";
  EXPECT_EQ(run_task(logs->open("odd", LogStore::Open::existing)).error().code, ErrorCode::corrupt);
}

// Lets a child append from several sources, kills it after some acknowledgements, and notes what
// was acknowledged.
void append_and_kill(const std::filesystem::path& folder, std::size_t after,
                     std::map<char, std::uint64_t>& acknowledged) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  Fd out(ends[0]), in(ends[1]);
  const auto child = spawn({.argv = {CORRAL_LOG_CRASH_CHILD, folder.string()},
                            .env = inherited_env(),
                            .stdout_fd = in.get(),
                            .stderr_fd = STDERR_FILENO});
  ASSERT_TRUE(child) << child.error().message;
  in.reset();
  struct {
    std::uint64_t source, end;
  } line{};
  std::size_t lines = 0;
  for (; lines < after && ::read(out.get(), &line, sizeof line) == sizeof line; ++lines)
    acknowledged[static_cast<char>(line.source)] = line.end;
  ASSERT_EQ(lines, after) << "the child ended by itself";
  ASSERT_EQ(::kill(*child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(*child, nullptr, 0), *child);
  while (::read(out.get(), &line, sizeof line) == sizeof line)
    acknowledged[static_cast<char>(line.source)] = line.end;
}

TEST_F(LogFaults, KilledAgainAndAgainItLosesNothingThatWasAcknowledgedAndRepeatsNothing) {
  std::mt19937 dice(20261121);
  std::map<char, std::uint64_t> acknowledged;
  for (int round = 0; round < 10; ++round) {
    append_and_kill(folder_.path(), 1 + dice() % 150, acknowledged);
    if (HasFatalFailure()) return;
    auto logs = store();
    auto log = run_task(logs->open("log", LogStore::Open::existing)).value();
    std::uint64_t total = 0;
    std::map<char, std::string> parts;
    for (const char byte : read_all(*log)) parts[byte] += byte;
    for (const auto& [source, end] : acknowledged) {
      const auto has = log->source_end(std::string(1, source));
      EXPECT_GE(has, end) << source << " in round " << round;
      // A source writes its letter only, so that each letter is there as often as the log says it
      // has bytes.
      EXPECT_EQ(parts[source].size(), has);
      total += has;
    }
    EXPECT_EQ(log->end(), total);
  }
}

TEST(LogFullDisk, AnAppendThatDoesNotFitLeavesNothingAndTheNextOneThatDoesIsTaken) {
  ports::contract::on_small_disk(4, [](const std::filesystem::path& folder) {
    BlockingPool pool(2);
    auto logs = make_file_log_store(folder, pool, asio::system_executor(), 1u << 20);
    auto log = run_task(logs->open("log", LogStore::Open::create)).value();
    std::uint64_t end = 0;
    for (;;) {
      const auto appended = run_task(log->append("s", end, std::string(300'000, 'x')));
      if (!appended) {
        EXPECT_EQ(appended.error().code, ErrorCode::exhausted) << appended.error().describe();
        break;
      }
      end += 300'000;
      ASSERT_LT(end, 5'000'000u);
    }
    EXPECT_GT(end, 2'000'000u);
    EXPECT_EQ(log->end(), end);
    EXPECT_EQ(log->source_end("s"), end);
    EXPECT_EQ(run_task(log->append("s", end, std::string(3'000'000, 'x'))).error().code,
              ErrorCode::exhausted);
    EXPECT_EQ(log->end(), end);

    ASSERT_TRUE(run_task(log->append("s", end, "small"))) << "there is room for this one";
    EXPECT_EQ(run_task(log->read(end, 100)).value(), "small");
    log.reset();
    log = run_task(make_file_log_store(folder, pool, asio::system_executor())
                       ->open("log", LogStore::Open::existing))
              .value();
    EXPECT_EQ(log->end(), end + 5);
    EXPECT_EQ(run_task(log->read(end - 3, 100)).value(), "xxxsmall");
  });
}

}  // namespace
}  // namespace corral::session
