// One workspace that this server process knows: its link, the watch over its end, its limits.
// Blocking parts are plain functions for the pool; the rest lives on the server's executor.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "adapters/sandbox/local/disk_usage.h"
#include "adapters/sandbox/local/local_launcher.h"
#include "adapters/sandbox/local/workspace_state.h"
#include "runner/client/runner_client.h"

namespace corral::adapters::sandbox {

struct LiveWorkspace {
  std::filesystem::path folder;
  WorkspaceState state;
  std::shared_ptr<runner::client::RunnerClient> client;
  std::shared_ptr<ports::Workspace> handle;  // what callers see: the client, or a dress around it
  std::unique_ptr<runner::client::LinkListener> listener;
  std::optional<HostProcess> launched, runner;
  std::optional<Error> ended_because;  // set by whoever ends it for a reason: a limit, a request

  // Of the disk watch.
  Time measured{};
  Duration measure_again{1000};
  DiskUsage used_when_measured, free_when_measured;
  Duration unchanged_for{0};  // at most so much that it need not be measured for as long again
};

// Makes client, handle and listener; the runner may dial from then on.
Result<std::shared_ptr<LiveWorkspace>> listen_for_runner(const LocalLauncherOptions& options,
                                                         std::filesystem::path folder,
                                                         WorkspaceState state, std::string filter);

// Waits for the end of its processes, reaps what is ours, and marks it gone with the reason. For a
// TaskScope.
Task<void> watch_end(std::shared_ptr<LiveWorkspace> live, Executor executor);

// Waits until `process` has ended; false after `timeout`.
Task<bool> wait_until_ended(HostProcess process, Duration timeout);

// Ends every process of a workspace, with or without a runner. `unavailable` when something
// survives. Blocking.
Result<void> end_processes(const std::filesystem::path& folder, const WorkspaceState& state);

// What it uses of the disk: `exhausted`, with the figures, when that is past its limits. Blocking.
Result<DiskUsage> check_disk(const std::filesystem::path& folder, const WorkspaceState& state);

}  // namespace corral::adapters::sandbox
