// The small parts: what is handed over and kept as text, /etc, processes by pid and start.
#include <csignal>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/sandbox/local/disk_usage.h"
#include "adapters/sandbox/local/etc_folder.h"
#include "adapters/sandbox/local/host_process.h"
#include "adapters/sandbox/local/launch/confine.h"
#include "adapters/sandbox/local/launch/launch_spec.h"
#include "adapters/sandbox/local/machine.h"
#include "adapters/sandbox/local/workspace_state.h"
#include "base/files.h"

namespace corral::adapters::sandbox {
namespace {

namespace fs = std::filesystem;

class PartsTest : public ::testing::Test {
 protected:
  PartsTest() {
    char folder[] = "/tmp/corral-parts-XXXXXX";
    folder_ = ::mkdtemp(folder);
  }
  ~PartsTest() override { EXPECT_TRUE(remove_hostile_tree(folder_)); }
  fs::path folder_;
};

TEST(LaunchSpec, SurvivesTheWay) {
  LaunchSpec spec{.mode = LaunchMode::direct,
                  .folder = "/data/w",
                  .bwrap = "/usr/bin/bwrap",
                  .etc = "/data/etc",
                  .runner = "/r",
                  .command = {"true", "a b\n\"c\""},
                  .config = "{\"token\":1}\n",
                  .cgroups = {"/c/cgroup.procs"},
                  .uid = 1'900'000'001,
                  .drop_capabilities = true,
                  .file_size_bytes = 5,
                  .open_files = 6,
                  .processes = 7,
                  .tmp_bytes = 8,
                  .shared_memory_bytes = 9,
                  .mounts = {{"/a", "/b"}}};
  const auto again = parse_launch_spec(to_json_text(spec));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(to_json_text(*again), to_json_text(spec));
  EXPECT_EQ(again->uid, 1'900'000'001u);
  EXPECT_EQ(again->command, spec.command);
}

TEST(LaunchSpec, RefusesRootAndRubbish) {
  EXPECT_FALSE(parse_launch_spec("{}"));
  EXPECT_FALSE(parse_launch_spec("not json"));
  auto text = to_json_text(LaunchSpec{});
  text.insert(1, "\"uid\":0,");
  EXPECT_FALSE(parse_launch_spec(text));
}

TEST(Confinement, SurvivesTheWay) {
  const Confinement confinement{
      {"/usr"}, {"/w"}, {"/dev/null"}, {8377}, std::string("\0\xff\x10", 3)};
  const auto again = parse_confinement(to_json_text(confinement));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->filter, confinement.filter);
  EXPECT_EQ(again->ports, confinement.ports);
  EXPECT_EQ(again->writable, confinement.writable);
}

TEST_F(PartsTest, StateSurvivesTheServer) {
  WorkspaceState state{
      .id = WorkspaceId::make(SystemClock::instance().now(), SystemRandom::instance()),
      .token = Secret("abc"),
      .isolation = ports::Isolation::reduced,
      .uid = 1'900'000'001,
      .cgroups = {"/m", "/c", "/p"},
      .limits = {.memory_bytes = 1, .cpus = 0.25, .processes = 3},
      .mounts = {{"/a", "/b"}},
      .created = SystemClock::instance().now(),
      .boot = boot_id(),
      .runner = HostProcess{5, 6}};
  ASSERT_TRUE(save_state(folder_, state));
  struct stat info{};
  ASSERT_EQ(::stat((folder_ / "state.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto again = load_state(folder_).value();
  EXPECT_EQ(again.id, state.id);
  EXPECT_TRUE(again.token.equals("abc"));
  EXPECT_EQ(again.isolation, ports::Isolation::reduced);
  EXPECT_EQ(again.uid, state.uid);
  EXPECT_EQ(again.cgroups.cpu, "/c");
  EXPECT_EQ(again.limits.cpus, 0.25);
  EXPECT_EQ(again.created, state.created);
  EXPECT_EQ(again.runner, state.runner);
}

TEST_F(PartsTest, AStateThatDoesNotParseIsCorruptAndAMissingOneNotFound) {
  EXPECT_EQ(load_state(folder_).error().code, ErrorCode::not_found);
  ASSERT_TRUE(write_file_atomically(folder_ / "state.json", "{\"id\":", 0600));
  EXPECT_EQ(load_state(folder_).error().code, ErrorCode::corrupt);
}

TEST_F(PartsTest, ARunnerOfAnotherBootIsNotFound) {
  WorkspaceState state;
  state.runner = find_process(::getpid());
  state.boot = boot_id();
  EXPECT_TRUE(find_runner(folder_, state));
  state.boot = "another";
  EXPECT_FALSE(find_runner(folder_, state));
}

TEST_F(PartsTest, EtcHoldsNothingThatIsNotPublicAndIsMadeOnce) {
  const auto etc = make_etc_folder(folder_);
  ASSERT_TRUE(etc) << etc.error().describe();
  for (const char* name : {"shadow", "gshadow", "ssl/private", "ssh", "npmrc", "pip.conf",
                           "gitconfig", "resolv.conf", "machine-id"})
    EXPECT_FALSE(fs::exists(fs::path(*etc) / name)) << name;
  EXPECT_NE(read_file(fs::path(*etc) / "passwd").value().find("agent:x:1000"), std::string::npos);
  for (const auto& entry : fs::recursive_directory_iterator(*etc)) {
    struct stat info{};
    ASSERT_EQ(::lstat(entry.path().c_str(), &info), 0);
    EXPECT_NE(info.st_mode & S_IROTH, 0u) << entry.path();
    EXPECT_EQ(info.st_mode & 07000, 0u) << entry.path();
  }
  EXPECT_EQ(make_etc_folder(folder_).value(), *etc);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST(HostProcess, IsToldFromALaterOneWithTheSamePid) {
  const auto self = find_process(::getpid());
  ASSERT_TRUE(self);
  EXPECT_TRUE(is_alive(*self));
  EXPECT_FALSE(is_alive({self->pid, self->start + 1}));
  EXPECT_FALSE(watch_process({self->pid, self->start + 1}));
  // Not this process, so nothing is killed.
  EXPECT_TRUE(kill_process({self->pid, self->start + 1}));
}

TEST(HostProcess, AZombieHasEnded) {
  const pid_t child = ::fork();
  if (child == 0) ::pause();
  const auto process = find_process(child);
  ASSERT_TRUE(process);
  ASSERT_TRUE(kill_process(*process));
  EXPECT_TRUE(wait_for_end(*process, 5000));
  EXPECT_FALSE(find_process(child));
  ::waitpid(child, nullptr, 0);
}

TEST(HostProcess, ATreeEndsWithItsRoot) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    for (int i = 0; i < 3; ++i) ::fork();
    ::setsid();
    std::ignore = ::write(pipe[1], "x", 1);
    for (;;) ::pause();
  }
  ::close(pipe[1]);
  char bytes[8];
  for (int got = 0; got < 8;) got += static_cast<int>(::read(pipe[0], bytes, sizeof bytes));
  kill_tree(*find_process(child));
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(::read(pipe[0], bytes, 1), 0);  // all ends of the pipe are gone
  ::close(pipe[0]);
}

TEST(Machine, NamesWhyBubblewrapFails) {
  const auto error = explain_bwrap_failure("bwrap: No permissions to create new namespace\n");
  EXPECT_EQ(error.code, ErrorCode::unsupported);
  EXPECT_NE(error.message.find("No permissions to create new namespace"), std::string::npos);
}

TEST(Machine, SeesClosedFolders) {
  EXPECT_TRUE(Machine::reachable_by_all("/usr/bin/env"));
  EXPECT_FALSE(Machine::reachable_by_all("/nowhere/at/all"));
}

}  // namespace
}  // namespace corral::adapters::sandbox
