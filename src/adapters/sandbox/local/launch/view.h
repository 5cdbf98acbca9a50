// What of the host a workspace is made from: opened and bound while this process may still reach
// it.
#pragma once

#include <string>
#include <vector>

#include "adapters/sandbox/local/launch/launch_spec.h"
#include "base/error.h"
#include "base/fd.h"

namespace corral::adapters::sandbox {

// Paths that the unprivileged bubblewrap can reach.
struct View {
  std::string work, home, etc, runner;
  std::vector<LaunchMount> mounts;
  Fd door, spool;
};

// As a root that gives the workspace a uid of its own: moves this process into a mount namespace of
// its own and binds everything below a tmpfs on /tmp, so that a data folder below folders only root
// may enter is no obstacle. Otherwise: the paths as they are.
//
// `door` and `spool` are folders that the runner gets as descriptors. Where the kernel allows it
// they are detached mounts of their own: ".." of such a folder is itself, so that even a descriptor
// that leaked to an agent would lead nowhere. Elsewhere they are plain folders, and the runner's
// being undumpable is what keeps them from the agents.
Result<View> make_view(const LaunchSpec& spec);

// Only the descriptors, for the modes without a mount namespace.
Result<View> make_plain_view(const LaunchSpec& spec);

}  // namespace corral::adapters::sandbox
