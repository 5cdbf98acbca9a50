// What is kept on disk about a workspace, so that a server that starts finds it again: state.json
// in its folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "adapters/sandbox/local/cgroups.h"
#include "adapters/sandbox/local/host_process.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/secret.h"
#include "ports/launcher.h"

namespace corral::adapters::sandbox {

struct WorkspaceState {
  WorkspaceId id;
  Secret token;  // of the link; the file is the server's alone and no part of it is ever visible
                 // inside
  ports::Isolation isolation = ports::Isolation::sandbox;
  std::optional<std::uint32_t> uid;  // on the host; unset: the server's own
  CgroupSet cgroups;
  ports::Limits limits;
  std::vector<ports::ReadOnlyMount> mounts;
  Time created{};
  std::string boot;                   // boot_id() at the time
  std::optional<HostProcess> runner;  // known once it was linked
};

// Survives the death of the server, not of the machine: nor does the workspace. Blocking, as are
// the others.
Result<void> save_state(const std::filesystem::path& folder, const WorkspaceState& state);
// `not_found` when there is none; `corrupt`, naming the place, when it does not parse.
Result<WorkspaceState> load_state(const std::filesystem::path& folder);

// The runner as the host sees it, from what the launch step and bubblewrap noted; nothing when it
// is not alive.
std::optional<HostProcess> find_runner(const std::filesystem::path& folder,
                                       const WorkspaceState& state);
// The process that the server spawned: bubblewrap's outer half, or the runner itself.
std::optional<HostProcess> find_launched(const std::filesystem::path& folder,
                                         const WorkspaceState& state);

}  // namespace corral::adapters::sandbox
