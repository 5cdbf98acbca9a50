// Every abuse probe of docs/sandbox.md, by a malicious program (probe.c) in a real workspace: the
// attempt is refused or contained, and afterwards the server, another workspace and the machine are
// as healthy as before.
#include <csignal>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/sandbox/local/launcher_fixture.h"
#include "base/json.h"

namespace corral::adapters::sandbox {
namespace {

using testing::Finished;
using testing::LauncherFixture;

constexpr const char* kProbe = "/opt/probe/probe";
constexpr const char* kCanary = "canary-5f2d-not-for-the-sandbox";

class Probes : public LauncherFixture {
 protected:
  void SetUp() override {
    // A key in the server's own environment, as a real one would lie there.
    ::setenv("ANTHROPIC_API_KEY", kCanary, 1);
    if (!usable()) GTEST_SKIP() << "this machine forbids sandboxes: " << skip_reason_;
    status_ = await(launcher_->check()).value();
    bystander_ = create(spec());
    ASSERT_TRUE(bystander_);
  }

  void TearDown() override {
    if (!bystander_) return;
    // The server serves, the other workspace works, the machine is clean.
    EXPECT_EQ(shell(bystander_, "echo well > /workspace/f && cat /workspace/f").output, "well\n");
    if (workspace_) destroy(workspace_->id());
    destroy(bystander_->id());
    expect_clean();
    EXPECT_TRUE(Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
  }

  static ports::WorkspaceSpec spec(ports::Limits limits = {}) {
    return {.limits = limits, .mounts = {{CORRAL_PROBE_PATH, kProbe}}};
  }

  bool limited(std::string_view what) {
    for (const auto& warning : status_.warnings)
      if (warning.starts_with("no limit on " + std::string(what))) {
        skip_reason_ = warning;
        return false;
      }
    return true;
  }

  void start(ports::Limits limits = {}) {
    workspace_ = create(spec(limits));
    ASSERT_TRUE(workspace_);
  }

  Finished probe(std::vector<std::string> words, ports::ProcessSpec process = {}) {
    words.insert(words.begin(), kProbe);
    return run(workspace_, std::move(words), std::move(process));
  }

  // Runs a probe that judges itself.
  void held(std::vector<std::string> words, ports::ProcessSpec process = {}) {
    if (!workspace_) start();
    const auto name = words.front();
    const auto finished = probe(std::move(words), std::move(process));
    EXPECT_EQ(finished.exit_code, 0) << name << ": " << finished.output;
    EXPECT_NE(finished.output.find("held"), std::string::npos) << name << ": " << finished.output;
  }

  // Starts one that never ends by itself, and waits for its first line.
  void unleash(std::vector<std::string> words) {
    words.insert(words.begin(), kProbe);
    ASSERT_TRUE(await(workspace_->start({.id = "unleashed", .argv = std::move(words)})));
    ASSERT_TRUE(await(first_bytes(workspace_)));
  }
  static Task<Result<void>> stop_delivery(std::uint64_t, std::string) {
    co_return fail(ErrorCode::cancelled, "enough");
  }
  static Task<Result<void>> first_bytes(std::shared_ptr<ports::Workspace> workspace) {
    const auto read = co_await workspace->read_output("unleashed", 0, &stop_delivery);
    if (read || read.error().message.find("enough") != std::string::npos) co_return Result<void>{};
    co_return std::unexpected(read.error());
  }

  // Starts one that is expected to cost the workspace its life, and returns why it ended.
  std::string ends_with(std::vector<std::string> words) {
    words.insert(words.begin(), kProbe);
    const auto finished = try_run(workspace_, std::move(words));
    EXPECT_FALSE(finished);
    return finished ? "it did not end" : finished.error().message;
  }

  pid_t runner_pid() {
    const auto text = read_file(folder() / "state.json").value_or("");
    const auto value = parse_json(text, "state");
    return value ? static_cast<pid_t>(find_int(*value, {"runner", "pid"})) : 0;
  }
  std::filesystem::path folder() { return data_ / "workspaces" / workspace_->id().to_string(); }

  ports::LauncherStatus status_;
  std::shared_ptr<ports::Workspace> bystander_, workspace_;
};

std::uint64_t first_number(const std::string& text) {
  return std::strtoull(text.c_str(), nullptr, 10);
}

// ---- 1 ----

TEST_F(Probes, P01ForksEndAtTheLimit) {
  start({.processes = 64});
  const auto finished = probe({"fork_count"});
  EXPECT_LT(first_number(finished.output), 64u);
  EXPECT_GT(first_number(finished.output), 16u);
  EXPECT_NE(finished.output.find("EAGAIN"), std::string::npos) << finished.output;
}

TEST_F(Probes, P01AForkBombIsHeldAndRemoved) {
  start({.cpus = 0.5, .processes = 128});
  unleash({"fork_bomb"});
  EXPECT_EQ(shell(bystander_, "echo alive").output, "alive\n");
}

// ---- 2 ----

TEST_F(Probes, P02MemoryEndsTheProcessThatTookItAndSaysSo) {
  if (!limited("memory")) GTEST_SKIP() << skip_reason_;
  start({.memory_bytes = 64u << 20});
  const auto finished = probe({"memory"});
  EXPECT_EQ(finished.exit_code, 128 + SIGKILL);
  EXPECT_TRUE(finished.out_of_memory);
  EXPECT_EQ(shell(workspace_, "echo goes on").output, "goes on\n");
}

TEST_F(Probes, P02MemoryFilesAndSharedMemoryAreCountedToo) {
  if (!limited("memory")) GTEST_SKIP() << skip_reason_;
  start({.memory_bytes = 64u << 20});
  for (const char* kind : {"memfd", "system_v_memory"}) {
    const auto finished = try_run(workspace_, {kProbe, kind});
    // Memory that is mapped nowhere is nobody's when the kernel looks for the largest process: it
    // may take the runner, and then the workspace has ended, with the reason.
    if (finished)
      EXPECT_EQ(finished->exit_code, 128 + SIGKILL) << kind;
    else
      EXPECT_NE(finished.error().message.find("lack of memory"), std::string::npos)
          << kind << ": " << finished.error().message;
    if (workspace_->gone()) {
      destroy(workspace_->id());
      start({.memory_bytes = 64u << 20});
    }
  }
}

TEST_F(Probes, P02MemoryFileSystemsHaveASize) {
  start({.memory_bytes = 64u << 20});
  const auto tmp = probe({"fill", "/tmp/x"});
  EXPECT_LE(first_number(tmp.output), 32u << 20) << tmp.output;
  EXPECT_NE(tmp.output.find("No space left"), std::string::npos) << tmp.output;
  EXPECT_EQ(shell(workspace_, "rm /tmp/x").exit_code, 0);
  const auto shared = probe({"fill", "/dev/shm/x"});
  EXPECT_LE(first_number(shared.output), 16u << 20) << shared.output;
}

// ---- 3 ----

TEST_F(Probes, P03FillingTheDiskEndsTheWorkspace) {
  start({.disk_bytes = 32u << 20});
  const auto why = ends_with({"fill", "/workspace/x"});
  EXPECT_NE(why.find("disk"), std::string::npos) << why;
  EXPECT_TRUE(workspace_->gone());
}

TEST_F(Probes, P03AFileThatWasUnlinkedIsCountedToo) {
  start({.disk_bytes = 32u << 20});
  const auto finished = try_run(
      workspace_, {"/bin/sh", "-c", "exec 3>/home/agent/x; rm /home/agent/x; cat /dev/zero >&3"});
  ASSERT_FALSE(finished);
  EXPECT_NE(finished.error().message.find("disk"), std::string::npos) << finished.error().message;
}

TEST_F(Probes, P03FillingTheInodesEndsTheWorkspace) {
  start({.files = 2000});
  const auto why = ends_with({"many_files", "/home/agent"});
  EXPECT_NE(why.find("files"), std::string::npos) << why;
}

TEST_F(Probes, P03HidingFilesInDeepOrClosedFoldersDoesNotHelp) {
  start({.disk_bytes = 32u << 20});
  EXPECT_EQ(
      shell(workspace_, "mkdir -p a/b && head -c 40M /dev/zero > a/b/x && chmod 0 a/b a").exit_code,
      0);
  const auto closed = try_run(workspace_, {"sleep", "60"});
  ASSERT_FALSE(closed);
  EXPECT_NE(closed.error().message.find("disk"), std::string::npos) << closed.error().message;
  destroy(workspace_->id());
  start({.disk_bytes = 32u << 20});
  const auto deep = try_run(workspace_, {"/bin/sh", "-c",
                                         "i=0; while [ $i -lt 2000 ]; do mkdir d && cd -P d "
                                         "2>/dev/null || break; i=$((i+1)); done; sleep 60"});
  ASSERT_FALSE(deep);
  EXPECT_NE(deep.error().message.find("nested"), std::string::npos) << deep.error().message;
}

TEST_F(Probes, P03OneFileHasASize) {
  start({.file_size_bytes = 1u << 20});
  const auto finished = shell(workspace_, "trap '' XFSZ; head -c 8M /dev/zero > x; stat -c %s x");
  EXPECT_NE(finished.output.find("1048576"), std::string::npos) << finished.output;
}

// ---- 4 ----

TEST_F(Probes, P04SpinningIsHeldToTheCpuLimit) {
  if (!limited("CPU")) GTEST_SKIP() << skip_reason_;
  start({.cpus = 0.5});
  const double used = std::strtod(probe({"spin", "1.5"}).output.c_str(), nullptr);
  // Four processes for 1.5 s: without a limit 3 s and more on two cores. The kernel settles
  // accounts every 100 ms.
  EXPECT_LT(used, 1.2);
  EXPECT_GT(used, 0.2);
}

TEST_F(Probes, P04DescriptorsEndAtTheLimit) {
  start();
  const auto finished = probe({"descriptors"});
  EXPECT_LE(first_number(finished.output), 16'384u);
  EXPECT_NE(finished.output.find("EMFILE"), std::string::npos) << finished.output;
}

// ---- 5 to 8 ----

TEST_F(Probes, P05KernelSettingsCannotBeWritten) {
  const auto before = read_file("/proc/sys/kernel/core_pattern");
  held({"proc_sys"});
  EXPECT_EQ(read_file("/proc/sys/kernel/core_pattern").value(), before.value());
}
TEST_F(Probes, P06SysAndCgroupsAreNotThere) { held({"sys_and_cgroups"}); }
TEST_F(Probes, P07NothingCanBeMounted) { held({"mounts"}); }
TEST_F(Probes, P08NoNestedNamespaces) { held({"user_namespaces"}); }

// ---- 9 to 12 ----

TEST_F(Probes, P09OtherProcessesCannotBeLookedInto) {
  held({"other_processes", std::to_string(::getpid())});
}
TEST_F(Probes, P10NoSignalReachesTheOutside) {
  held({"signals", std::to_string(::getpid())});
  // To all that it may: its own workspace, where the runner stands.
  EXPECT_EQ(
      shell(workspace_, "sleep 100 & kill -KILL -1; wait $! 2>/dev/null; [ $? = 137 ]").exit_code,
      0);
  EXPECT_EQ(shell(workspace_, "echo goes on").output, "goes on\n");
}
TEST_F(Probes, P11SetuidGivesNothing) {
  held({"more_privileges"});
  EXPECT_EQ(shell(workspace_, "/usr/bin/su -c 'id -u' 2>/dev/null; [ $(id -u) = 1000 ]").exit_code,
            0);
  // What stays behind in the workspace lies below a folder that is the server's alone, and is not
  // root's.
  struct stat info{};
  ASSERT_EQ(::stat(folder().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  ASSERT_EQ(::stat((folder() / "work" / "suid").c_str(), &info), 0);
  EXPECT_NE(info.st_uid, 0u);
}
TEST_F(Probes, P12OnlyHarmlessSockets) { held({"sockets"}); }

// ---- 13 ----

TEST_F(Probes, P13NoWayToTheHostsNetwork) {
  const Fd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      local(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{
      .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(tcp.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(tcp.get(), 1), 0);
  ASSERT_EQ(::getsockname(tcp.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto name = fmt::format("corral-probe-{}", ::getpid());
  sockaddr_un abstract{.sun_family = AF_UNIX, .sun_path = {}};
  std::ranges::copy(name, abstract.sun_path + 1);
  ASSERT_EQ(::bind(local.get(), reinterpret_cast<sockaddr*>(&abstract),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size())),
            0);
  ASSERT_EQ(::listen(local.get(), 1), 0);
  held({"outside_network", std::to_string(ntohs(address.sin_port)), name});
  EXPECT_NE(shell(workspace_, "getent hosts secret-data.example.com").exit_code, 0);
  EXPECT_EQ(shell(workspace_, "cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d ' \\n'").output,
            "lo");
}

// ---- 14 to 17 ----

TEST_F(Probes, P14NoKeyrings) { held({"keys"}); }
TEST_F(Probes, P15NoDoorsIntoTheKernel) { held({"kernel_doors"}); }
TEST_F(Probes, P16TheMachineIsNotItsToChange) { held({"the_machine"}); }
TEST_F(Probes, P17NoDevices) { held({"devices"}); }

// ---- 18 to 20 ----

TEST_F(Probes, P18NothingCanBeTypedIntoATerminal) {
  held({"terminal"}, {.terminal = ports::TerminalSize{}});
}

TEST_F(Probes, P19NothingIsInherited) {
  held({"inherited"});
  // A folder to start in that is really a descriptor of the runner (CVE-2024-21626): refused, or a
  // dead end.
  EXPECT_EQ(shell(workspace_, "ln -s /proc/self/fd/3 door; ln -s /proc/self/fd/4 spool").exit_code,
            0);
  for (const char* cwd :
       {"/proc/self/fd/3", "/proc/self/fd/4", "/workspace/door", "/workspace/spool"}) {
    const auto inside =
        try_run(workspace_,
                {"/bin/sh", "-c",
                 "cd -P ../../../../../.. 2>/dev/null; ls -a; ls etc work home state.json"},
                {.cwd = cwd});
    if (inside)
      EXPECT_EQ(inside->output.find("state.json\n"), std::string::npos)
          << cwd << ": " << inside->output;
    if (inside)
      EXPECT_EQ(inside->output.find("usr\n"), std::string::npos) << cwd << ": " << inside->output;
  }
  if (::geteuid() != 0) return;
  // Even the runner's own descriptors lead nowhere: the folders are mounts that end in themselves.
  for (const int fd : {3, 4}) {
    const auto base = fmt::format("/proc/{}/fd/{}", runner_pid(), fd);
    struct stat here{}, above{};
    ASSERT_EQ(::stat((base + "/.").c_str(), &here), 0) << base;
    ASSERT_EQ(::stat((base + "/../../../..").c_str(), &above), 0) << base;
    EXPECT_EQ(here.st_ino, above.st_ino) << base;
  }
}

TEST_F(Probes, P20TheRunnersProgramCannotBeChanged) {
  const auto before = read_file(CORRAL_RUNNER_PATH).value();
  held({"runner_binary"});
  EXPECT_TRUE(read_file(CORRAL_RUNNER_PATH).value() == before);
}

// ---- 21, 22 ----

TEST_F(Probes, P21NothingOfTheRootCanBeReplaced) { held({"masked_paths"}); }

TEST_F(Probes, P22LinksLeadNowhere) {
  const auto secret = data_ / "host-secret";
  ASSERT_TRUE(write_file_atomically(secret, kCanary, 0644));
  held({"links_out", secret.string()});
  EXPECT_EQ(shell(workspace_, "ln -s / root-link; ln -s ../../../../.. up").exit_code, 0);
  for (const char* path :
       {"/workspace/to-host", "/workspace/root-link/etc/passwd", "/workspace/up/etc/passwd"})
    EXPECT_FALSE(await(workspace_->read_file(path, 4096))) << path;
  EXPECT_FALSE(await(workspace_->write_file("/workspace/root-link/tmp/x", "x", 0644)));
  destroy(workspace_->id());
  workspace_.reset();
  EXPECT_EQ(read_file(secret).value(), kCanary);
}

TEST_F(Probes, P22SwappingFoldersForLinksDoesNotMisleadTheServer) {
  start();
  EXPECT_EQ(
      shell(workspace_, "mkdir /tmp/elsewhere && echo untouched > /tmp/elsewhere/f").exit_code, 0);
  unleash({"swap_link", "/workspace/d", "/tmp/elsewhere"});
  for (int i = 0; i < 300; ++i) {
    // May fail, as often as it likes; may not follow.
    std::ignore = await(workspace_->write_file("/workspace/d/f", "written by the server", 0644));
    const auto read = await(workspace_->read_file("/workspace/d/f", 4096));
    if (read) ASSERT_NE(*read, "untouched\n");
  }
  EXPECT_EQ(shell(workspace_, "cat /tmp/elsewhere/f").output, "untouched\n");
}

// ---- 24, 25 ----

TEST_F(Probes, P24NothingThatWasLeftBehindIsExecutedOutside) {
  const auto marker = data_ / "executed-outside";
  start();
  const auto trap = fmt::format("#!/bin/sh\ntouch {}\n", marker.string());
  for (const char* path :
       {"node_modules/.bin/git", "node_modules/.bin/bwrap", "venv/bin/python", "git", "bwrap", "sh",
        ".envrc", "sitecustomize.py", ".git/hooks/post-checkout"})
    ASSERT_TRUE(
        await(workspace_->write_file(std::string("/workspace/") + path, trap, 0755)).has_value() ||
        shell(workspace_, std::string("mkdir -p $(dirname ") + path + "); printf '%s' '" + trap +
                              "' > " + path + "; chmod +x " + path)
                .exit_code == 0);
  const auto id = workspace_->id();
  workspace_.reset();
  const auto bystander = bystander_->id();
  bystander_.reset();
  launcher_.reset();
  start_launcher();
  workspace_ = await(launcher_->attach(id)).value();
  bystander_ = await(launcher_->attach(bystander)).value();
  destroy(id);
  workspace_.reset();
  EXPECT_FALSE(std::filesystem::exists(marker));
}

TEST_F(Probes, P25NoSecretIsInside) {
  start();
  held({"find_secret", kCanary});
  const auto state = parse_json(read_file(folder() / "state.json").value(), "state").value();
  const auto token = std::string(find_string(state, {"token"}));
  ASSERT_EQ(token.size(), 64u);
  held({"find_secret", token});
  EXPECT_EQ(shell(workspace_, "env | grep -c -i -e token -e key -e secret").output, "0\n");
  EXPECT_EQ(shell(workspace_,
                  "grep -rl " + token + " /workspace /home /tmp /etc /run /corral 2>/dev/null")
                .output,
            "");
  EXPECT_EQ(shell(workspace_,
                  "find / -xdev -type s 2>/dev/null; find /workspace /home/agent /tmp /dev /run "
                  "-type s 2>/dev/null")
                .output,
            "");
  EXPECT_NE(shell(workspace_,
                  "ls /root/.ssh /home/*/.ssh /var/run/docker.sock /etc/shadow /etc/ssl/private "
                  "2>/dev/null")
                .exit_code,
            0);
  EXPECT_EQ(shell(workspace_, "ls /home").output, "agent\n");
}

// ---- 26, 27, 28 ----

TEST_F(Probes, P26AnEndlessLineIsJustBytes) {
  start();
  const auto finished = shell(workspace_, "head -c 48M /dev/zero | tr '\\0' x");
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_EQ(finished.output.find('\n'), std::string::npos);
}

TEST_F(Probes, P27ADaemonDiesWithItsWorkspace) {
  start();
  EXPECT_EQ(shell(workspace_,
                  "setsid -f sh -c 'trap \"\" HUP TERM INT; exec sleep 98765' </dev/null "
                  ">/dev/null 2>&1; head -c 1M /dev/zero > /dev/shm/stale")
                .exit_code,
            0);
  destroy(workspace_->id());
  workspace_.reset();
  EXPECT_FALSE(std::filesystem::exists("/dev/shm/stale"));
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto line = read_file(entry.path() / "cmdline", 1 << 16).value_or("");
    EXPECT_EQ(line.find(std::string("sleep\00098765", 11)), std::string::npos) << entry.path();
  }
  // The next one starts with nothing of it.
  start();
  EXPECT_EQ(shell(workspace_, "ls -A /dev/shm /tmp | grep -c stale").output, "0\n");
}

TEST_F(Probes, P28AFifoBlocksNobody) {
  start({.disk_bytes = 64u << 20});
  EXPECT_EQ(shell(workspace_, "mkfifo pipe && ln -s pipe link").exit_code, 0);
  for (const char* path : {"/workspace/pipe", "/workspace/link", "/dev/zero"}) {
    const auto began = std::chrono::steady_clock::now();
    EXPECT_FALSE(await(workspace_->read_file(path, 4096))) << path;
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5)) << path;
  }
}

// ---- 29, 30 ----

TEST_F(Probes, P29NoCallsOfOtherArchitectures) { held({"other_architectures"}); }

TEST_F(Probes, P30TheDoorIsBoundedAndTheLinkOutOfReach) {
  std::vector<Fd> kept;
  on_door_ = [&](WorkspaceId, ports::DoorKind, Fd connection) {
    kept.push_back(std::move(connection));
  };
  start();
  EXPECT_EQ(shell(workspace_, "find / -name link.sock 2>/dev/null; ls /corral").output, "runner\n");
  unleash({"flood", "8377", "2000"});
  // Flooded, the workspace is still served, and what reaches the server is bounded.
  EXPECT_EQ(shell(workspace_, "echo served").output, "served\n");
  EXPECT_LE(kept.size(), 256u);
  EXPECT_EQ(shell(bystander_, "echo served").output, "served\n");
}

// ---- what is shown elsewhere ----

TEST(ProbesElsewhere, AreNamedWithTheReason) {
  struct Row {
    int probe;
    const char* why;
  };
  constexpr Row kRows[] = {
      {22,
       "host-side copy and archive: the server copies nothing out of a workspace; files leave by "
       "the runner (above) or by git, whose mirror tests cover it"},
      {23,
       "git outside the sandbox touches the mirror alone, with hooks and configured programs off: "
       "tests of src/adapters/git"},
      {26,
       "terminal escapes: the page shows text, not a terminal; its end-to-end tests cover it. The "
       "endless line is above"},
      {30,
       "another run's token: the gateway refuses it, in tests of src/edge/gateway. The link and "
       "the flood are above"},
  };
  for (const auto& row : kRows) std::printf("probe %d, in part: %s\n", row.probe, row.why);
}

}  // namespace
}  // namespace corral::adapters::sandbox
