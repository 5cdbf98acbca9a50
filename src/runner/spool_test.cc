#include "runner/spool.h"

#include <filesystem>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/testing/temporary_folder.h"

namespace corral::runner {
namespace {

using Keep = ChannelLog::Keep;

class SpoolTest : public ::testing::Test {
 protected:
  SpoolTest() {
    spool_.emplace(
        Spool::claim(Fd(::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
                     64u << 20, "boot")
            .value());
  }

  static void add(ChannelLog& log, std::string_view bytes, Keep keep) {
    std::size_t taken = 0;
    ASSERT_TRUE(log.append(bytes, taken, keep));
    ASSERT_EQ(taken, bytes.size());
  }
  static std::string rest(ChannelLog& log, std::uint64_t from) {
    std::string text;
    char buffer[1000];
    while (from < log.end()) {
      const auto got = log.read(from, buffer, sizeof buffer).value();
      text.append(buffer, got);
      from += got;
    }
    return text;
  }
  std::uint64_t in_files() const {
    std::uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      if (entry.path().filename() != "boot") bytes += entry.file_size();
    return bytes;
  }

  TemporaryFolder folder_;
  std::optional<Spool> spool_;
};

TEST_F(SpoolTest, WhatIsAcknowledgedSoonReachesNoFile) {
  ChannelLog log(*spool_, 1);
  std::string all;
  for (int i = 0; i < 2000; ++i) {
    const std::string part(static_cast<std::size_t>(i), static_cast<char>('a' + i % 26));
    add(log, part, Keep::memory);
    all += part;
    EXPECT_EQ(rest(log, log.begin()), all.substr(log.begin()));
    ASSERT_TRUE(log.acknowledge(all.size() - all.size() % 1500));
  }
  EXPECT_EQ(in_files(), 0u);
  EXPECT_EQ(spool_->used_bytes(), all.size() % 1500);
  ASSERT_TRUE(log.acknowledge(all.size()));
  EXPECT_EQ(spool_->used_bytes(), 0u);
  EXPECT_EQ(log.acknowledge(all.size() + 1).error().code, ErrorCode::invalid);
}

TEST_F(SpoolTest, MemoryAndFilesHoldOneStream) {
  ChannelLog log(*spool_, 1);
  add(log, "files ", Keep::files);
  add(log, "memory ", Keep::memory);
  EXPECT_EQ(in_files(), 6u);
  EXPECT_EQ(rest(log, 0), "files memory ");
  // Nobody reads along any more: what is in memory goes before what comes.
  add(log, "files again ", Keep::files);
  EXPECT_EQ(in_files(), 25u);
  add(log, "memory again", Keep::memory);
  EXPECT_EQ(rest(log, 3), "es memory files again memory again");
  // Into the middle of what is in memory: the files are past.
  ASSERT_TRUE(log.acknowledge(30));
  EXPECT_EQ(in_files(), 0u);
  EXPECT_EQ(rest(log, 30), "y again");
  add(log, ", files", Keep::files);
  EXPECT_EQ(rest(log, 30), "y again, files");
  ASSERT_TRUE(log.acknowledge(log.end()));
  log.close();
  EXPECT_EQ(in_files(), 0u);
  EXPECT_EQ(spool_->used_bytes(), 0u);
}

TEST_F(SpoolTest, MemoryHasABoundForAChannelAndForAllTogether) {
  constexpr auto kChannels = Spool::kAllMemoryBytes / Spool::kMemoryBytes;
  const std::string most(Spool::kMemoryBytes, 'x');
  std::vector<std::unique_ptr<ChannelLog>> logs;
  for (std::uint32_t i = 0; i <= kChannels; ++i)
    logs.push_back(std::make_unique<ChannelLog>(*spool_, i + 1));
  for (std::uint32_t i = 0; i < kChannels; ++i) add(*logs[i], most, Keep::memory);
  EXPECT_EQ(in_files(), 0u);
  add(*logs.back(), "no room for this", Keep::memory);
  EXPECT_EQ(in_files(), 16u);
  add(*logs[0], "y", Keep::memory);  // all of its channel goes to its file
  EXPECT_EQ(in_files(), 16u + most.size() + 1);
  EXPECT_EQ(rest(*logs[0], most.size() - 1), "xy");
  add(*logs[0], "z", Keep::memory);  // now there is room
  EXPECT_EQ(in_files(), 16u + most.size() + 1);
  EXPECT_EQ(rest(*logs[0], most.size()), "yz");
  EXPECT_EQ(rest(*logs[1], 0), most);
}

}  // namespace
}  // namespace corral::runner
