// The read-only root that every workspace sees, as arguments of bubblewrap.
#pragma once

#include <string>
#include <vector>

#include "adapters/sandbox/local/launch/launch_spec.h"
#include "adapters/sandbox/local/launch/view.h"

namespace corral::adapters::sandbox {

// `filter` and `info` are the descriptors that bubblewrap will have (seccomp filter; where it
// writes the child's pid). Few mounts, because bubblewrap reads the whole mount table again after
// each.
std::vector<std::string> bwrap_arguments(const LaunchSpec& spec, const View& view, int filter,
                                         int info);

}  // namespace corral::adapters::sandbox
