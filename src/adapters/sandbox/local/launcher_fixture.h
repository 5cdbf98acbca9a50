// For tests that start real workspaces: an executor, a launcher in a temporary data folder, and a
// look at the machine afterwards.
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "adapters/sandbox/local/local_launcher.h"
#include "adapters/sandbox/local/workspace_state.h"
#include "base/files.h"
#include "base/id.h"

namespace corral::adapters::sandbox::testing {

struct Finished {
  int exit_code = -1;
  bool timed_out = false;
  bool out_of_memory = false;
  std::string output;
};

// What a workspace could leave behind on this machine.
struct Residue {
  std::size_t mounts = 0;
  std::set<std::string> processes;  // children of this one, zombies too
  bool operator==(const Residue&) const = default;
};

inline Residue look_for_residue() {
  Residue residue;
  std::error_code ignored;
  const auto mounts = read_file("/proc/self/mountinfo").value_or("");
  residue.mounts = static_cast<std::size_t>(std::ranges::count(mounts, '\n'));
  const auto parent = ::getpid();
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const auto status = read_file(entry.path() / "status", 1 << 16);
    if (!status) continue;
    const auto field = [&](const char* name) {
      const auto at = status->find(std::string("\n") + name + ":\t");
      return at == std::string::npos
                 ? 0l
                 : std::strtol(status->c_str() + at + std::strlen(name) + 3, nullptr, 10);
    };
    if (field("PPid") == parent) residue.processes.insert(entry.path().filename().string());
  }
  return residue;
}

class LauncherFixture : public ::testing::Test {
 protected:
  LauncherFixture() {
    char folder[] = "/tmp/corral-launcher-XXXXXX";
    data_ = temporary_ = ::mkdtemp(folder);
    before_ = look_for_residue();
  }
  ~LauncherFixture() override { std::filesystem::remove_all(temporary_); }

  void start_launcher(ports::Isolation isolation = ports::Isolation::sandbox) {
    LocalLauncherOptions options{.data_folder = data_,
                                 .runner_program = CORRAL_RUNNER_PATH,
                                 .isolation = isolation,
                                 .executor = io_.get_executor(),
                                 .pool = &pool_};
    options.door = [this](WorkspaceId id, ports::DoorKind kind, Fd connection) {
      if (on_door_) on_door_(id, kind, std::move(connection));
    };
    launcher_ = make_local_launcher(std::move(options));
  }

  // Skips, with the machine's own reason, where namespaces are forbidden. True when it may go on.
  bool usable(ports::Isolation isolation = ports::Isolation::sandbox) {
    start_launcher(isolation);
    const auto status = await(launcher_->check());
    if (status) return true;
    skip_reason_ = status.error().describe();
    return false;
  }

  template <class T>
  T await(Task<T> task) {
    std::optional<T> result;
    std::exception_ptr thrown;
    asio::co_spawn(io_, std::move(task), [&](std::exception_ptr problem, T value) {
      thrown = problem;
      if (!problem) result.emplace(std::move(value));
    });
    io_.restart();
    while (!result && !thrown) io_.run_one();
    if (thrown) std::rethrow_exception(thrown);
    return *std::move(result);
  }

  WorkspaceId fresh_id() {
    return WorkspaceId::make(SystemClock::instance().now(), SystemRandom::instance());
  }

  std::shared_ptr<ports::Workspace> create(ports::WorkspaceSpec spec = {}) {
    if (spec.id.is_nil()) spec.id = fresh_id();
    auto made = await(launcher_->create(std::move(spec)));
    EXPECT_TRUE(made) << (made ? "" : made.error().describe());
    if (!made) return nullptr;
    const auto state = load_state(data_ / "workspaces" / (*made)->id().to_string());
    EXPECT_TRUE(state);
    if (state) std::ranges::copy(state->cgroups.folders(), std::back_inserter(cgroups_));
    return *made;
  }

  static Task<Result<Finished>> run_task(std::shared_ptr<ports::Workspace> workspace,
                                         ports::ProcessSpec spec) {
    const auto id = spec.id;
    CORRAL_CO_CHECK(co_await workspace->start(std::move(spec)));
    auto output = std::make_shared<std::string>();
    CORRAL_CO_CHECK(co_await workspace->read_output(id, 0, sink(output)));
    CORRAL_CO_TRY(const auto exit, co_await workspace->wait(id));
    co_return Finished{exit.exit_code, exit.timed_out, exit.out_of_memory, *output};
  }

  Result<Finished> try_run(const std::shared_ptr<ports::Workspace>& workspace,
                           std::vector<std::string> argv, ports::ProcessSpec spec = {}) {
    spec.id = fmt::format("p{}", ++processes_);
    spec.argv = std::move(argv);
    if (spec.timeout.count() == 0) spec.timeout = std::chrono::seconds(60);
    return await(run_task(workspace, std::move(spec)));
  }
  Finished run(const std::shared_ptr<ports::Workspace>& workspace, std::vector<std::string> argv,
               ports::ProcessSpec spec = {}) {
    auto finished = try_run(workspace, std::move(argv), std::move(spec));
    EXPECT_TRUE(finished) << (finished ? "" : finished.error().describe());
    return finished.value_or(Finished{});
  }
  Finished shell(const std::shared_ptr<ports::Workspace>& workspace, const std::string& script) {
    return run(workspace, {"/bin/sh", "-c", script});
  }

  void destroy(WorkspaceId id) {
    const auto done = await(launcher_->destroy(id));
    EXPECT_TRUE(done) << (done ? "" : done.error().describe());
  }

  // After the last workspace was destroyed: the machine is as it was.
  void expect_clean_folder() {
    EXPECT_EQ(await(launcher_->list()).value().size(), 0u);
    std::error_code ignored;
    EXPECT_EQ(
        std::ranges::distance(std::filesystem::directory_iterator(data_ / "workspaces", ignored)),
        0);
  }
  void expect_clean() {
    expect_clean_folder();
    for (const auto& folder : cgroups_) EXPECT_FALSE(std::filesystem::exists(folder)) << folder;
    const auto now = look_for_residue();
    EXPECT_EQ(now.mounts, before_.mounts);
    EXPECT_EQ(now.processes, before_.processes);
  }

  std::filesystem::path data_, temporary_;
  asio::io_context io_;
  BlockingPool pool_{4};
  std::unique_ptr<ports::Launcher> launcher_;
  std::function<void(WorkspaceId, ports::DoorKind, Fd)> on_door_;
  std::string skip_reason_;
  Residue before_;
  std::vector<std::string> cgroups_;  // of every workspace made
  int processes_ = 0;

 private:
  static ports::OutputSink sink(std::shared_ptr<std::string> into) {
    return [into](std::uint64_t, std::string bytes) { return keep(into, std::move(bytes)); };
  }
  static Task<Result<void>> keep(std::shared_ptr<std::string> into, std::string bytes) {
    if (into->size() < (8u << 20)) *into += bytes;
    co_return Result<void>{};
  }
};

}  // namespace corral::adapters::sandbox::testing
