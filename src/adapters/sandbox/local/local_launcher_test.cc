#include "adapters/sandbox/local/local_launcher.h"

#include <csignal>

#include <sys/stat.h>

#include "adapters/sandbox/local/host_process.h"
#include "adapters/sandbox/local/launcher_fixture.h"
#include "base/json.h"
#include "base/subprocess.h"

namespace corral::adapters::sandbox {
namespace {

using testing::Finished;
using testing::LauncherFixture;

class LocalLauncherTest : public LauncherFixture {
 protected:
  // As a new server process would find things: a launcher that knows nothing but the data folder.
  void restart_server() {
    launcher_.reset();
    start_launcher();
  }

  pid_t runner_pid(WorkspaceId id) {
    const auto text = read_file(data_ / "workspaces" / id.to_string() / "state.json");
    const auto value = parse_json(text.value_or(""), "state");
    return value ? static_cast<pid_t>(find_int(*value, {"runner", "pid"})) : 0;
  }
};

#define NEEDS(isolation) \
  if (!usable(isolation)) GTEST_SKIP() << skip_reason_

TEST_F(LocalLauncherTest, MakesAWorkspaceAndRemovesEveryTraceOfIt) {
  NEEDS(ports::Isolation::sandbox);
  auto workspace = create();
  ASSERT_TRUE(workspace);
  const auto finished =
      shell(workspace, "id -u; pwd; echo $HOME; hostname; echo x > /workspace/f; cat /workspace/f");
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_EQ(finished.output, "1000\n/workspace\n/home/agent\ncorral\nx\n");
  destroy(workspace->id());
  EXPECT_TRUE(workspace->gone());
  destroy(workspace->id());  // idempotent
  expect_clean();
}

TEST_F(LocalLauncherTest, TheSameIdAttachesAndAGoneOneIsAConflict) {
  NEEDS(ports::Isolation::sandbox);
  const auto id = fresh_id();
  auto workspace = create({.id = id});
  ASSERT_TRUE(workspace);
  EXPECT_EQ(create({.id = id}), workspace);
  ASSERT_GT(runner_pid(id), 1);
  ::kill(runner_pid(id), SIGKILL);
  const auto waited = try_run(workspace, {"sleep", "100"});
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(workspace->gone());
  const auto again = await(launcher_->create({.id = id}));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::conflict);
  const auto attached = await(launcher_->attach(id));
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().code, ErrorCode::not_found);
  destroy(id);
  expect_clean();
}

TEST_F(LocalLauncherTest, AProcessGoesOnWhileTheServerIsAway) {
  NEEDS(ports::Isolation::sandbox);
  auto workspace = create();
  ASSERT_TRUE(workspace);
  const auto id = workspace->id();
  ASSERT_TRUE(await(workspace->start(
      {.id = "long",
       .argv = {"/bin/sh", "-c",
                "echo before; while [ ! -e /workspace/go ]; do sleep 0.01; done; echo after"}})));
  workspace.reset();
  restart_server();
  auto again = await(launcher_->attach(id));
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(await(launcher_->list()).value(), std::vector<WorkspaceId>{id});
  ASSERT_TRUE(await((*again)->write_file("/workspace/go", "", 0644)));
  const auto finished =
      await(run_task(*again, {.id = "long", .argv = {"never", "started", "again"}}));
  ASSERT_TRUE(finished) << finished.error().describe();
  EXPECT_EQ(finished->output, "before\nafter\n");
  destroy(id);
  expect_clean();
}

TEST_F(LocalLauncherTest, AServerThatDiedRightAfterTheStartLosesNoWorkspace) {
  NEEDS(ports::Isolation::sandbox);
  auto workspace = create();
  ASSERT_TRUE(workspace);
  const auto id = workspace->id();
  const auto runner = runner_pid(id);
  // As it was before the runner's pid was noted.
  const auto file = data_ / "workspaces" / id.to_string() / "state.json";
  auto state = parse_json(read_file(file).value(), "state").value().get_object();
  ASSERT_EQ(state.erase("runner"), 1u);
  ASSERT_TRUE(write_file_atomically(file, json::serialize(state), 0600));
  workspace.reset();
  restart_server();
  auto again = await(launcher_->attach(id));
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(shell(*again, "echo here").output, "here\n");
  launcher_.reset();
  start_launcher();
  destroy(id);  // by a server that never attached
  EXPECT_FALSE(find_process(runner));
  expect_clean();
}

TEST_F(LocalLauncherTest, MissingLimitsAreSaidAndFatalWhenRequired) {
  NEEDS(ports::Isolation::sandbox);
  const auto relaxed = await(launcher_->check());
  ASSERT_TRUE(relaxed);
  LocalLauncherOptions options{.data_folder = data_,
                               .runner_program = CORRAL_RUNNER_PATH,
                               .require_limits = true,
                               .executor = io_.get_executor(),
                               .pool = &pool_};
  auto strict = make_local_launcher(std::move(options));
  const auto status = await(strict->check());
  const bool limited = std::ranges::none_of(
      relaxed->warnings, [](const auto& text) { return text.starts_with("no limit"); });
  EXPECT_EQ(status.has_value(), limited);
  if (!status)
    EXPECT_NE(status.error().message.find("no limit on memory"), std::string::npos)
        << status.error().message;
}

TEST_F(LocalLauncherTest, AnEndedWorkspaceIsNotFoundByTheNextServer) {
  NEEDS(ports::Isolation::sandbox);
  auto workspace = create();
  ASSERT_TRUE(workspace);
  const auto id = workspace->id();
  ::kill(runner_pid(id), SIGKILL);
  EXPECT_FALSE(try_run(workspace, {"sleep", "100"}));
  workspace.reset();
  restart_server();
  const auto attached = await(launcher_->attach(id));
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().code, ErrorCode::not_found);
  EXPECT_EQ(await(launcher_->list()).value(), std::vector<WorkspaceId>{id});
  destroy(id);
  EXPECT_EQ(await(launcher_->attach(id)).error().code, ErrorCode::not_found);
  expect_clean();
}

Task<Result<std::size_t>> create_many(ports::Launcher& launcher, std::vector<WorkspaceId> ids,
                                      std::size_t at) {
  if (at == ids.size()) co_return std::size_t{0};
  ports::WorkspaceSpec spec{.id = ids[at]};
  CORRAL_CO_CHECK(co_await launcher.create(spec));
  co_return std::size_t{1};
}

TEST_F(LocalLauncherTest, TenAtOnce) {
  NEEDS(ports::Isolation::sandbox);
  std::vector<WorkspaceId> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(fresh_id());
  std::size_t made = 0, ended = 0;
  for (std::size_t at = 0; at < ids.size(); ++at) {
    asio::co_spawn(io_, create_many(*launcher_, ids, at),
                   [&](std::exception_ptr, Result<std::size_t> result) {
                     ++ended;
                     EXPECT_TRUE(result) << (result ? "" : result.error().describe());
                     if (result) made += *result;
                   });
  }
  io_.restart();
  while (ended < ids.size()) io_.run_one();
  EXPECT_EQ(made, 10u);
  for (const auto id : ids) destroy(id);
  expect_clean();
}

TEST_F(LocalLauncherTest, ADataFolderBelowClosedFoldersAndWithALongNameWorks) {
  data_ = data_ / std::string(100, 'x') / std::string(100, 'y');
  ASSERT_TRUE(make_directories(data_, 0700));
  NEEDS(ports::Isolation::sandbox);
  auto workspace = create();
  ASSERT_TRUE(workspace);
  EXPECT_EQ(shell(workspace, "echo hello > f && cat f").output, "hello\n");
  destroy(workspace->id());
  expect_clean();
}

TEST_F(LocalLauncherTest, ShowsReadOnlyMounts) {
  NEEDS(ports::Isolation::sandbox);
  std::filesystem::create_directory(data_ / "agent");
  ASSERT_TRUE(write_file_atomically(data_ / "agent" / "tool", "#!/bin/sh\necho tool ran\n", 0755));
  std::filesystem::permissions(data_ / "agent", std::filesystem::perms(0755));
  ASSERT_TRUE(write_file_atomically(data_ / "single", "one file", 0644));
  auto workspace = create({.id = fresh_id(),
                           .mounts = {{(data_ / "agent").string(), "/opt/agent"},
                                      {(data_ / "single").string(), "/opt/single"}}});
  ASSERT_TRUE(workspace);
  const auto finished =
      shell(workspace,
            "/opt/agent/tool; cat /opt/single; touch /opt/agent/x 2>/dev/null || echo ' refused'");
  EXPECT_EQ(finished.output, "tool ran\none file refused\n");
  destroy(workspace->id());
  expect_clean();
}

TEST_F(LocalLauncherTest, RefusesMountsOverTheSandboxItself) {
  NEEDS(ports::Isolation::sandbox);
  for (const auto* target : {"/usr", "/etc", "relative", "/opt/../etc"}) {
    const auto made = await(launcher_->create({.id = fresh_id(), .mounts = {{"/tmp", target}}}));
    ASSERT_FALSE(made) << target;
    EXPECT_EQ(made.error().code, ErrorCode::invalid);
  }
  expect_clean_folder();
}

TEST_F(LocalLauncherTest, AMissingMountFailsWithItsNameAndLeavesNothing) {
  NEEDS(ports::Isolation::sandbox);
  const auto made =
      await(launcher_->create({.id = fresh_id(), .mounts = {{"/nowhere/at/all", "/opt/agent"}}}));
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("/nowhere/at/all"), std::string::npos)
      << made.error().describe();
  expect_clean();
}

TEST_F(LocalLauncherTest, EndsAWorkspaceWhoseTimeIsUp) {
  NEEDS(ports::Isolation::sandbox);
  auto workspace = create({.id = fresh_id(), .limits = {.time = std::chrono::seconds(1)}});
  ASSERT_TRUE(workspace);
  const auto finished = try_run(workspace, {"sleep", "100"});
  ASSERT_FALSE(finished);
  EXPECT_NE(finished.error().message.find("has lived for the 1 s it may"), std::string::npos)
      << finished.error().describe();
  destroy(workspace->id());
  expect_clean();
}

TEST_F(LocalLauncherTest, CommonToolsWork) {
  NEEDS(ports::Isolation::sandbox);
  auto workspace = create();
  ASSERT_TRUE(workspace);
  const auto tool = [&](const std::string& name, const std::string& script) {
    if (shell(workspace, "command -v " + name + " >/dev/null").exit_code != 0) return;
    const auto finished = shell(workspace, "set -e; " + script);
    EXPECT_EQ(finished.exit_code, 0) << name << ": " << finished.output;
  };
  tool("git",
       "mkdir r; cd r; git init -q; git config user.email a@b; git config user.name n; echo x > f; "
       "git add f; git commit -qm m; git log --oneline");
  tool("python3",
       "python3 -c 'import ssl,socket,multiprocessing; multiprocessing.Lock(); "
       "socket.gethostbyname(\"localhost\"); print(1)'");
  tool("cc", "printf 'int main(){return 0;}' > a.c; cc a.c -o a; ./a");
  tool("make", "printf 'all:\\n\\techo made\\n' > Makefile; make");
  tool("perl", "perl -e 'print getpwuid($<), \"\\n\"'");
  tool("node", "node -e 'console.log(require(\"os\").networkInterfaces().lo.length)'");
  tool("javac",
       "printf 'class A{public static void main(String[] a){System.out.println(1);}}' > A.java; "
       "javac A.java; java A");
  destroy(workspace->id());
  expect_clean();
}

TEST_F(LocalLauncherTest, AMissingRunnerIsSaidBeforeAnythingIsMade) {
  auto options = LocalLauncherOptions{.data_folder = data_,
                                      .runner_program = "/nowhere/corral-runner",
                                      .executor = io_.get_executor(),
                                      .pool = &pool_};
  auto launcher = make_local_launcher(std::move(options));
  const auto status = await(launcher->check());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::unsupported);
  EXPECT_NE(status.error().message.find("/nowhere/corral-runner"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(data_ / "workspaces"));
}

TEST_F(LocalLauncherTest, LeavesAlsoWhatAnAgentMadeUnremovable) {
  NEEDS(ports::Isolation::sandbox);
  auto workspace = create();
  ASSERT_TRUE(workspace);
  EXPECT_EQ(shell(workspace,
                  "mkdir -p a/b/c && echo x > a/b/c/f && chmod 0 a/b a; ln -s / link; mkfifo pipe")
                .exit_code,
            0);
  destroy(workspace->id());
  expect_clean();
}

class LesserModesTest : public LauncherFixture {};

TEST_F(LesserModesTest, ReducedRunsProgramsWithinItsFolders) {
  NEEDS(ports::Isolation::reduced);
  auto workspace = create();
  ASSERT_TRUE(workspace);
  EXPECT_EQ(workspace->isolation(), ports::Isolation::reduced);
  EXPECT_EQ(shell(workspace, "pwd; echo $CORRAL_WORKSPACE").exit_code, 0);
  EXPECT_EQ(shell(workspace,
                  "echo x > f; cat \"$CORRAL_WORKSPACE/f\"; echo y > $HOME/g; cat $HOME/g; "
                  "t=$(mktemp); echo z > $t; cat $t")
                .output,
            "x\ny\nz\n");
  ASSERT_TRUE(await(workspace->write_file("/workspace/written", "by the runner", 0644)));
  EXPECT_EQ(shell(workspace, "cat written").output, "by the runner");
  destroy(workspace->id());
  expect_clean();
}

TEST_F(LesserModesTest, ReducedKeepsTheHostOut) {
  NEEDS(ports::Isolation::reduced);
  ASSERT_TRUE(write_file_atomically(data_ / "secret", "host secret", 0644));
  auto workspace = create();
  ASSERT_TRUE(workspace);
  EXPECT_NE(shell(workspace, "cat " + (data_ / "secret").string()).exit_code, 0);
  EXPECT_NE(shell(workspace, "cat /etc/shadow").exit_code, 0);
  EXPECT_NE(shell(workspace, "ls /root /home /var/log").exit_code, 0);
  EXPECT_NE(shell(workspace, "touch /tmp/left-behind-by-corral-test").exit_code, 0);
  // The server's own environment, and a signal to it.
  EXPECT_NE(shell(workspace, fmt::format("cat /proc/{}/environ", ::getpid())).exit_code, 0);
  EXPECT_NE(shell(workspace, fmt::format("kill -0 {}", ::getpid())).exit_code, 0);
  destroy(workspace->id());
  expect_clean();
}

TEST_F(LesserModesTest, ReducedReachesNothingButTheRunnersDoor) {
  NEEDS(ports::Isolation::reduced);
  on_door_ = [](WorkspaceId, ports::DoorKind, Fd connection) {
    EXPECT_TRUE(write_all(connection.get(), "from outside"));
  };
  auto workspace = create();
  ASSERT_TRUE(workspace);
  const auto port = workspace->gateway_url().substr(workspace->gateway_url().rfind(':') + 1);
  const auto connect = [&](const std::string& to) {
    return run(workspace, {"/usr/bin/python3", "-c",
                           "import socket,sys\ns=socket.create_connection(('127.0.0.1'," + to +
                               "),5)\nprint(s.recv(100).decode())"});
  };
  EXPECT_EQ(connect(port).output, "from outside\n");
  asio::io_context other;
  const auto refused = connect("1");
  EXPECT_NE(refused.output.find("Permission denied"), std::string::npos) << refused.output;
  for (const char* kind : {"socket.AF_UNIX,socket.SOCK_STREAM", "socket.AF_INET,socket.SOCK_DGRAM",
                           "socket.AF_NETLINK,socket.SOCK_RAW"})
    EXPECT_NE(run(workspace, {"/usr/bin/python3", "-c",
                              std::string("import socket; socket.socket(") + kind + ")"})
                  .exit_code,
              0)
        << kind;
  destroy(workspace->id());
  expect_clean();
}

TEST_F(LesserModesTest, ReducedLeavesNoDaemonBehind) {
  NEEDS(ports::Isolation::reduced);
  auto workspace = create();
  ASSERT_TRUE(workspace);
  // Double fork, own session: what a daemon does.
  EXPECT_EQ(shell(workspace,
                  "(setsid sh -c 'echo $$ > pid; exec sleep 1000' &) ; while [ ! -s pid ]; do "
                  "sleep 0.01; done; cat pid")
                .exit_code,
            0);
  destroy(workspace->id());
  expect_clean();
}

TEST_F(LesserModesTest, NoneRunsPlainProcesses) {
  NEEDS(ports::Isolation::none);
  auto workspace = create({.id = fresh_id(), .mounts = {{"/usr/bin", "/opt/agent"}}});
  ASSERT_TRUE(workspace);
  EXPECT_EQ(workspace->isolation(), ports::Isolation::none);
  EXPECT_EQ(run(workspace, {"/opt/agent/echo", "at /workspace"}).output, "at /workspace\n");
  destroy(workspace->id());
  expect_clean();
}

}  // namespace
}  // namespace corral::adapters::sandbox
