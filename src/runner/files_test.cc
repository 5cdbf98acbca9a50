// The workspace's files, asked for by the server while what is inside does its worst.
#include <sys/stat.h>

#include <fstream>

#include "runner/config.h"
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
