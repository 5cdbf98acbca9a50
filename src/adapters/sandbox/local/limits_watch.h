// Limits that no kernel mechanism sets: the disk, and the time a workspace may live.
#pragma once

#include <map>
#include <memory>

#include "adapters/sandbox/local/live_workspace.h"
#include "adapters/sandbox/local/local_launcher.h"
#include "base/id.h"
#include "base/task.h"

namespace corral::adapters::sandbox {

// What the background watch shares with the launcher: it may outlive it by a moment.
struct Registry {
  LocalLauncherOptions options;
  std::map<WorkspaceId, std::shared_ptr<LiveWorkspace>> live;
};

// Ends every workspace that is past a limit, for as long as it runs. For a TaskScope.
Task<void> watch_limits(std::shared_ptr<Registry> registry);

}  // namespace corral::adapters::sandbox
