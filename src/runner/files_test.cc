// The workspace's files, asked for by the server while what is inside does its worst.
#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <map>
#include <thread>

#include "runner/config.h"
#include "runner/files.h"
#include "runner/process_tree.h"
#include "runner/testing/runner_test.h"

namespace corral::runner {
namespace {

class FilesTest : public RunnerTest {
 protected:
  void SetUp() override { start_all(); }
  Result<std::string> get(const std::string& path, std::size_t most = 1 << 20) {
    return run(client_->read_file(path, most));
  }
  Result<void> put(const std::string& path, const std::string& bytes, unsigned mode = 0644) {
    return run(client_->write_file(path, bytes, mode));
  }
  ErrorCode refusal(const std::string& path) {
    const auto result = get(path);
    return result ? ErrorCode::internal : result.error().code;
  }
};

TEST_F(FilesTest, WritesAndReadsBelowWorkspaceAndHome) {
  ASSERT_TRUE(put("/workspace/a/b/c.txt", "hello"));
  EXPECT_EQ(get("/workspace/a/b/c.txt").value(), "hello");
  EXPECT_EQ(corral::read_file(folder_ / "work/a/b/c.txt").value(), "hello");
  ASSERT_TRUE(put("/home/agent/.config/x", "secret", 0600));
  struct stat info{};
  ASSERT_EQ(::stat((folder_ / "home/.config/x").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_TRUE(put("/workspace/a/b/c.txt", "", 0755));
  EXPECT_EQ(get("/workspace/a/b/c.txt").value(), "");
  const std::string big(16u << 20, 'x');
  ASSERT_TRUE(put("/workspace/big", big));
  EXPECT_TRUE(get("/workspace/big", 1u << 30).value() == big);
  EXPECT_EQ(get("/workspace/big", 1000).error().code, ErrorCode::exhausted);
  EXPECT_EQ(get("/workspace/none").error().code, ErrorCode::not_found);
}

TEST_F(FilesTest, StaysInside) {
  for (const char* path :
       {"/etc/passwd", "/workspace/../../../etc/passwd", "/workspacex/a", "/workspace",
        "/workspace/", "etc/passwd", "/home/agent/../x", "/proc/self/environ", ""})
    EXPECT_TRUE(refusal(path) == ErrorCode::forbidden || refusal(path) == ErrorCode::invalid)
        << path << " " << to_string(refusal(path));
  std::filesystem::create_symlink("/etc/passwd", folder_ / "work/absolute");
  std::filesystem::create_symlink("../home", folder_ / "work/relative");
  std::filesystem::create_symlink("/proc/self/root/etc/passwd", folder_ / "work/magic");
  std::filesystem::create_symlink("loop", folder_ / "work/loop");
  std::ofstream(folder_ / "home/x") << "x";
  for (const char* path :
       {"/workspace/absolute", "/workspace/relative/x", "/workspace/magic", "/workspace/loop"})
    EXPECT_EQ(refusal(path), ErrorCode::forbidden) << path;
  EXPECT_EQ(put("/workspace/relative/y", "y").error().code, ErrorCode::forbidden);
  EXPECT_EQ(put("/workspace/new/../../y", "y").error().code, ErrorCode::forbidden);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "home/y"));
  // A link inside is followed; one at the end is replaced, not written through.
  std::filesystem::create_directory(folder_ / "work/real");
  std::filesystem::create_symlink("real", folder_ / "work/inside");
  ASSERT_TRUE(put("/workspace/inside/z", "z"));
  EXPECT_EQ(get("/workspace/real/z").value(), "z");
  ASSERT_TRUE(put("/workspace/absolute", "mine"));
  EXPECT_EQ(get("/workspace/absolute").value(), "mine");
}

TEST_F(FilesTest, IsNotBlockedByWhatIsNotAFile) {
  ASSERT_EQ(::mkfifo((folder_ / "work/fifo").c_str(), 0600), 0);
  std::filesystem::create_directory(folder_ / "work/folder");
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(refusal("/workspace/fifo"), ErrorCode::forbidden);
  EXPECT_EQ(refusal("/workspace/folder"), ErrorCode::forbidden);
  EXPECT_EQ(put("/workspace/fifo", "x").error().code, ErrorCode::forbidden);
  EXPECT_EQ(put("/workspace/folder", "x").error().code, ErrorCode::forbidden);
  EXPECT_EQ(put("/workspace/folder/", "x").error().code, ErrorCode::invalid);
  if (::mknod((folder_ / "work/zero").c_str(), S_IFCHR | 0666, 0x105) == 0) {
    EXPECT_EQ(refusal("/workspace/zero"), ErrorCode::forbidden);
  }
}

TEST_F(FilesTest, KeepsTheModeOfAFileThatItReplaces) {
  const auto mode_of = [&](const char* name) {
    struct stat info{};
    EXPECT_EQ(::lstat((folder_ / "work" / name).c_str(), &info), 0);
    return info.st_mode & 07777;
  };
  ASSERT_TRUE(put("/workspace/tool", "one", 0755));
  ASSERT_TRUE(run(client_->write_file("/workspace/tool", "two", std::nullopt)));
  EXPECT_EQ(mode_of("tool"), 0755u);
  ASSERT_TRUE(run(client_->write_file("/workspace/new", "two", std::nullopt)));
  EXPECT_EQ(mode_of("new"), 0644u);
  // Not that of what a link leads to; and no set-user-id bit.
  ASSERT_EQ(::chmod((folder_ / "work/tool").c_str(), 06755), 0);
  std::filesystem::create_symlink("tool", folder_ / "work/link");
  ASSERT_TRUE(run(client_->write_file("/workspace/link", "three", std::nullopt)));
  EXPECT_EQ(mode_of("link"), 0644u);
  ASSERT_TRUE(run(client_->write_file("/workspace/tool", "three", std::nullopt)));
  EXPECT_EQ(mode_of("tool"), 0755u);
}

class FoldersTest : public FilesTest {
 protected:
  Result<ports::FolderListing> list(const std::string& path, std::size_t most = 5000) {
    return run(client_->list_folder(path, most));
  }
  ErrorCode list_refusal(const std::string& path) {
    const auto result = list(path);
    return result ? ErrorCode::internal : result.error().code;
  }
};

TEST_F(FoldersTest, SaysWhatIsThere) {
  using Type = ports::FolderEntry::Type;
  ASSERT_TRUE(put("/workspace/file", "hello"));
  ASSERT_TRUE(put("/workspace/folder/below", ""));
  std::filesystem::create_symlink("/etc/passwd", folder_ / "work/link");
  ASSERT_EQ(::mkfifo((folder_ / "work/fifo").c_str(), 0600), 0);
  const timespec times[] = {{0, 0}, {1'000'000'000, 7'000'000}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (folder_ / "work/file").c_str(), times, 0), 0);
  for (const auto* name : {"/workspace", "/workspace/."}) {
    const auto listing = list(name).value();
    EXPECT_FALSE(listing.truncated);
    std::map<std::string, ports::FolderEntry> found;
    for (const auto& entry : listing.entries) found[entry.name] = entry;
    ASSERT_EQ(found.size(), 4u) << name;
    EXPECT_EQ(found["file"].type, Type::file);
    EXPECT_EQ(found["file"].size_bytes, 5u);
    EXPECT_EQ(found["file"].modified, Time(Duration(1'000'000'000'007)));
    EXPECT_EQ(found["folder"].type, Type::folder);
    EXPECT_EQ(found["link"].type, Type::link);
    EXPECT_EQ(found["link"].target, "/etc/passwd");
    EXPECT_EQ(found["fifo"].type, Type::other);
  }
  EXPECT_EQ(list("/workspace/folder").value().entries.at(0).name, "below");
  EXPECT_TRUE(list("/home/agent").value().entries.empty());
}

TEST_F(FoldersTest, StaysInsideAndIsNotBlocked) {
  std::ofstream(folder_ / "home/secret") << "x";
  std::filesystem::create_symlink("../home", folder_ / "work/out");
  std::filesystem::create_symlink("/proc/self/cwd", folder_ / "work/magic");
  std::filesystem::create_symlink("loop", folder_ / "work/loop");
  std::filesystem::create_directories(folder_ / "work/real/x");
  std::filesystem::create_symlink("real", folder_ / "work/inside");
  ASSERT_EQ(::mkfifo((folder_ / "work/fifo").c_str(), 0600), 0);
  for (const char* path : {"/workspace/out", "/workspace/magic", "/workspace/loop", "/etc",
                           "/workspacex", "/workspace/../..", "", "workspace"})
    EXPECT_EQ(list_refusal(path), ErrorCode::forbidden) << path;
  EXPECT_EQ(list_refusal("/workspace/fifo"), ErrorCode::invalid);
  ASSERT_TRUE(put("/workspace/file", "x"));
  EXPECT_EQ(list_refusal("/workspace/file"), ErrorCode::invalid);
  EXPECT_EQ(list_refusal("/workspace/none"), ErrorCode::not_found);
  EXPECT_EQ(list("/workspace/inside").value().entries.at(0).name, "x");
}

// In memory where that can be: a disk takes minutes to make so many files.
class LargeFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* place = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    std::string pattern = std::string(place) + "/corral-runner-folder-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    folder_ = Fd(::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void make_file(const std::string& name) {
    ASSERT_EQ(::mknodat(folder_.get(), name.c_str(), S_IFREG | 0600, 0), 0) << errno;
  }
  static std::size_t entries_of(const json::object& answer) {
    return answer.at("entries").as_array().size();
  }
  std::string root_;
  Fd folder_;
};

TEST_F(LargeFolderTest, LooksAtSoManyNamesHoweverManyThereAre) {
  for (int i = 0; i < 100'000; ++i) make_file(std::to_string(i));
  for (const std::size_t most : {1u, 7u, 5000u}) {
    const auto answer = list_folder_below(root_, "", most, 2u << 20).value();
    EXPECT_EQ(entries_of(answer), most);
    EXPECT_EQ(answer.at("truncated"), true);
  }
  EXPECT_EQ(entries_of(list_folder_below(root_, "", 100'000, 64u << 20).value()), 100'000u);
}

TEST_F(LargeFolderTest, AnAnswerIsBoundedInBytesToo) {
  for (int i = 0; i < 3000; ++i)  // each character is six in JSON
    make_file(fmt::format("{:04}", i) + std::string(250, '\x01'));
  const auto answer = list_folder_below(root_, "", 5000, 2u << 20).value();
  EXPECT_EQ(answer.at("truncated"), true);
  EXPECT_GT(entries_of(answer), 1000u);
  EXPECT_LT(entries_of(answer), 2000u);
  EXPECT_LT(json::serialize(answer).size(), (2u << 20) + 100);
}

TEST_F(FoldersTest, CountsNamesThatItCannotSay) {
  std::filesystem::create_directory(folder_ / "work/odd");
  std::ofstream(folder_ / "work/odd/\xff\xfe") << "x";
  std::ofstream(folder_ / "work/odd/\"\n\\") << "x";
  std::filesystem::create_symlink("\xff", folder_ / "work/odd/link");
  const timespec past[] = {{-5, 0}, {-5, 0}};
  ::utimensat(AT_FDCWD, (folder_ / "work/odd/link").c_str(), past, AT_SYMLINK_NOFOLLOW);
  const auto listing = list("/workspace/odd").value();
  EXPECT_EQ(listing.left_out, 1u);
  ASSERT_EQ(listing.entries.size(), 2u);
  for (const auto& entry : listing.entries) {
    if (entry.name != "link") EXPECT_EQ(entry.name, "\"\n\\");
    if (entry.name == "link") EXPECT_EQ(entry.target, "\xef\xbf\xbd");
    EXPECT_GE(entry.modified, Time{});
  }
}

TEST_F(FoldersTest, IsNotLedOutByARename) {
  std::ofstream(folder_ / "home/secret") << "x";
  std::filesystem::create_directory(folder_ / "work/place");
  std::ofstream(folder_ / "work/place/mine") << "x";
  std::filesystem::create_symlink("../home", folder_ / "work/trap");
  std::atomic<bool> over = false;
  std::atomic<int> swaps = 0;
  std::thread attacker([&] {
    const auto place = folder_ / "work/place", trap = folder_ / "work/trap";
    for (; !over; ++swaps)
      ::renameat2(AT_FDCWD, place.c_str(), AT_FDCWD, trap.c_str(), RENAME_EXCHANGE);
  });
  int listed = 0, refused = 0;
  for (int i = 0; (i < 300 || listed == 0 || refused == 0) && i < 20'000; ++i) {
    const auto listing = list("/workspace/place");
    ++(listing ? listed : refused);
    if (!listing)
      EXPECT_EQ(listing.error().code, ErrorCode::forbidden) << listing.error().message;
    else
      for (const auto& entry : listing->entries) EXPECT_EQ(entry.name, "mine");
  }
  over = true;
  attacker.join();
  EXPECT_GT(listed, 0);
  EXPECT_GT(refused, 0);
  EXPECT_GT(swaps, 0);
}

TEST(Config, MapsTheTwoNames) {
  const Config config{.root = "/data/w", .home = "/data/h"};
  EXPECT_EQ(map_path(config, "/workspace"), "/data/w");
  EXPECT_EQ(map_path(config, "/workspace/a"), "/data/w/a");
  EXPECT_EQ(map_path(config, "/workspaces/a"), "/workspaces/a");
  EXPECT_EQ(map_path(config, "/home/agent/.x"), "/data/h/.x");
  EXPECT_EQ(map_path(config, "/tmp"), "/tmp");
}

TEST(Config, NamesTheFieldThatIsWrong) {
  const auto why = [](std::string_view line) { return parse_config(line).error().message; };
  EXPECT_EQ(why("{}"), "runner configuration: \"workspace\" is required");
  EXPECT_EQ(why(R"({"workspace":"x","token":"y","gateway_port":70000})"),
            "runner configuration: \"gateway_port\" must be from 0 to 65535");
  EXPECT_EQ(why(R"({"workspace":"x","token":"y","root":"here"})"),
            "runner configuration: \"root\" must be an absolute path");
  EXPECT_EQ(why(R"({"workspace":"x","token":"y","env":{"A":1}})"),
            "runner configuration: \"env.A\" must be a string");
  EXPECT_EQ(why(R"({"workspace":"x","token":"y","spool":1})"),
            "runner configuration: unknown field \"spool\"");
}

TEST(ProcessTree, FindsChildrenAndTheirEnvironment) {
  const auto pid = spawn({.argv = {"sh", "-c", "sleep 300 & wait"},
                          .env = {{"PATH", "/usr/bin:/bin"}, {"MARK", "x y"}}})
                       .value();
  std::vector<ProcessEntry> found;
  while (found.size() < 2 || initial_environment_value(found[1].pid, "MARK").empty())
    found = descendants();
  EXPECT_EQ(found[0].pid, pid);
  EXPECT_EQ(found[1].parent, pid);
  EXPECT_EQ(found[1].session, pid);
  EXPECT_EQ(initial_environment_value(found[1].pid, "MARK"), "x y");
  EXPECT_EQ(initial_environment_value(found[1].pid, "MAR"), "");
  ::kill(-pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

}  // namespace
}  // namespace corral::runner
