#include "adapters/sandbox/local/disk_usage.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"

namespace corral::adapters::sandbox {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kNoLimit = 1ull << 60;

class DiskUsageTest : public ::testing::Test {
 protected:
  DiskUsageTest() {
    char folder[] = "/tmp/corral-disk-XXXXXX";
    root_ = fs::path(::mkdtemp(folder)) / "tree";
    fs::create_directory(root_);
  }
  ~DiskUsageTest() override { EXPECT_TRUE(remove_hostile_tree(root_.parent_path())); }

  void file(const std::string& name, std::size_t bytes) {
    const Fd fd(::open((root_ / name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ASSERT_TRUE(write_all(fd.get(), std::string(bytes, 'x')));
  }

  // Relative steps, because no path of that length may be given to the kernel.
  void nest(int depth) {
    Fd here(::open(root_.c_str(), O_PATH | O_CLOEXEC));
    for (int i = 0; i < depth; ++i) {
      ASSERT_EQ(::mkdirat(here.get(), "d", 0700), 0);
      here = Fd(::openat(here.get(), "d", O_PATH | O_CLOEXEC));
      ASSERT_TRUE(here);
    }
  }

  fs::path root_;
};

TEST_F(DiskUsageTest, AddsUpFilesAndFolders) {
  file("a", 100'000);
  fs::create_directory(root_ / "sub");
  file("sub/b", 50'000);
  const auto usage = measure_tree(root_, kNoLimit, kNoLimit).value();
  EXPECT_EQ(usage.files, 4u);
  EXPECT_GE(usage.bytes, 150'000u);
  EXPECT_LE(usage.bytes, 200'000u);
}

TEST_F(DiskUsageTest, AFileWithManyNamesCountsOnce) {
  file("a", 1'000'000);
  for (int i = 0; i < 9; ++i) fs::create_hard_link(root_ / "a", root_ / fmt::format("b{}", i));
  const auto usage = measure_tree(root_, kNoLimit, kNoLimit).value();
  EXPECT_GE(usage.bytes, 990'000u);
  EXPECT_LE(usage.bytes, 1'050'000u);
}

TEST_F(DiskUsageTest, FollowsNoLinkAndCountsHoles) {
  fs::create_symlink("/usr", root_ / "link");
  const Fd sparse(::open((root_ / "sparse").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  ASSERT_EQ(::ftruncate(sparse.get(), 1ll << 30), 0);
  const auto usage = measure_tree(root_, kNoLimit, kNoLimit).value();
  EXPECT_EQ(usage.files, 3u);
  EXPECT_LT(usage.bytes, 100'000u);
}

TEST_F(DiskUsageTest, StopsAtTheLimit) {
  for (int i = 0; i < 100; ++i) file(fmt::format("f{}", i), 1);
  EXPECT_EQ(measure_tree(root_, kNoLimit, 10).value().files, 11u);
}

TEST_F(DiskUsageTest, LooksIntoClosedFoldersAndLeavesThemClosed) {
  fs::create_directory(root_ / "closed");
  file("closed/a", 100'000);
  ASSERT_EQ(::chmod((root_ / "closed").c_str(), 0), 0);
  EXPECT_GE(measure_tree(root_, kNoLimit, kNoLimit).value().bytes, 100'000u);
  struct stat info{};
  ASSERT_EQ(::stat((root_ / "closed").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0u);
}

TEST_F(DiskUsageTest, DeepNestingIsPastEveryLimitButCanBeRemoved) {
  nest(1000);
  const auto usage = measure_tree(root_, kNoLimit, kNoLimit);
  ASSERT_FALSE(usage);
  EXPECT_EQ(usage.error().code, ErrorCode::exhausted);
  ASSERT_TRUE(remove_hostile_tree(root_));
  EXPECT_FALSE(fs::exists(root_));
}

TEST_F(DiskUsageTest, RemovingFollowsNoLinkAndMindsNoPermission) {
  const auto outside = root_.parent_path() / "outside";
  fs::create_directory(outside);
  ASSERT_TRUE(write_file_atomically(outside / "kept", "kept", 0600));
  fs::create_symlink(outside, root_ / "link");
  fs::create_directories(root_ / "a" / "b");
  file("a/b/f", 10);
  ASSERT_EQ(::mkfifo((root_ / "a" / "pipe").c_str(), 0600), 0);
  ASSERT_EQ(::chmod((root_ / "a" / "b").c_str(), 0), 0);
  ASSERT_EQ(::chmod((root_ / "a").c_str(), 0), 0);
  ASSERT_TRUE(remove_hostile_tree(root_));
  EXPECT_FALSE(fs::exists(root_));
  EXPECT_EQ(read_file(outside / "kept").value(), "kept");
  EXPECT_TRUE(remove_hostile_tree(root_));  // absent is fine
}

TEST_F(DiskUsageTest, FilesWithoutANameAreFoundByTheirDescriptors) {
  file("a", 300'000);
  const Fd held(::open((root_ / "a").c_str(), O_RDONLY | O_CLOEXEC)),
      again(::open((root_ / "a").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(measure_unlinked({::getpid()}, root_).bytes, 0u);
  fs::remove(root_ / "a");
  const auto usage = measure_unlinked({::getpid()}, root_);
  EXPECT_EQ(usage.files, 1u);
  EXPECT_GE(usage.bytes, 300'000u);
}

TEST_F(DiskUsageTest, FilesWithoutANameAreFoundByTheirMappings) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may look at the files of mappings";
  constexpr std::size_t kBytes = 300'000;
  void* held = nullptr;
  void* named = nullptr;
  for (auto& [name, at] :
       {std::pair<const char*, void**>("a\nb", &held), {"c (deleted)", &named}}) {
    file(name, kBytes);
    const Fd source(::open((root_ / name).c_str(), O_RDONLY | O_CLOEXEC));
    *at = ::mmap(nullptr, kBytes, PROT_READ, MAP_PRIVATE, source.get(), 0);
    ASSERT_NE(*at, MAP_FAILED);
  }
  EXPECT_EQ(measure_unlinked({::getpid()}, root_).bytes, 0u);
  fs::remove(root_ / "a\nb");
  const auto usage = measure_unlinked({::getpid()}, root_);
  EXPECT_EQ(usage.files, 1u) << "the other one is only called so";
  EXPECT_GE(usage.bytes, kBytes);
  ::munmap(held, kBytes);
  ::munmap(named, kBytes);
}

}  // namespace
}  // namespace corral::adapters::sandbox
