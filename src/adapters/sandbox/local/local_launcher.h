// Workspaces on this machine: bubblewrap, seccomp and cgroups (or, explicitly wanted, less).
// docs/sandbox.md says what holds a workspace in, and which test shows it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "base/task.h"
#include "ports/launcher.h"

namespace corral::adapters::sandbox {

struct LocalLauncherOptions {
  // Workspaces live in <data_folder>/workspaces/<id>/{work,home,spool,door}. May lie below folders
  // that only its owner can enter.
  std::filesystem::path data_folder;
  // The static corral-runner: first process of every workspace, and the one that sets the sandbox
  // up.
  std::filesystem::path runner_program;
  ports::Isolation isolation = ports::Isolation::sandbox;
  // When limits (memory, CPU, processes) cannot be set: check() fails instead of warning.
  bool require_limits = false;

  Executor executor;  // the server's own; every method is called there
  Clock* clock = &SystemClock::instance();
  Random* random = &SystemRandom::instance();
  BlockingPool* pool = nullptr;  // file work; outlives the launcher
  ports::Door door;

  // A server that runs as root gives every workspace a uid of its own from this range (where the
  // user namespace of the server has it); any other server runs workspaces as itself.
  std::uint32_t first_uid = 1'900'000'000;
  std::uint32_t uid_count = 100'000'000;

  // A runner that nobody dials for that long ends its workspace.
  std::chrono::seconds orphan{24 * 3600};
  std::uint64_t spool_bytes = 64ull << 20;
  Duration link_timeout{
      20'000};  // for the runner's first hello, and its return after a restart of the server
};

// Nothing is started or checked before the first call. Destroying it ends no workspace: they go on,
// and the launcher of the next server attaches to them. Destroy it on its executor, after which its
// Workspaces are `gone`.
std::unique_ptr<ports::Launcher> make_local_launcher(LocalLauncherOptions options);

}  // namespace corral::adapters::sandbox
