// What comes before a workspace's first process.
#pragma once

#include <filesystem>
#include <string>

#include "adapters/sandbox/local/launch/launch_spec.h"
#include "adapters/sandbox/local/local_launcher.h"
#include "adapters/sandbox/local/machine.h"
#include "adapters/sandbox/local/workspace_state.h"

namespace corral::adapters::sandbox {

// Folders, state (whose cgroups it sets) and cgroups. What it made before a failure stays.
// Blocking.
Result<void> prepare_workspace(const std::filesystem::path& folder, WorkspaceState& state,
                               const Cgroups& cgroups);

// The order to the launch step. `etc`: make_etc_folder()'s. It holds the link token.
LaunchSpec plan_launch(const LocalLauncherOptions& options, const Machine& machine,
                       const std::string& etc, const std::filesystem::path& folder,
                       const WorkspaceState& state);

}  // namespace corral::adapters::sandbox
