// The read-only root that every workspace sees, as arguments of bubblewrap.
#pragma once

#include <string>
#include <vector>

#include "adapters/sandbox/local/launch/launch_spec.h"
#include "adapters/sandbox/local/launch/view.h"
#include "base/error.h"
#include "base/fd.h"

namespace corral::adapters::sandbox {

struct BwrapCall {
  std::vector<std::string> argv;
  std::vector<Fd> kept;  // memory files that argv names; to be inherited by bubblewrap, which closes them
};

// `filter` and `info` are the descriptors that bubblewrap will have (seccomp filter; where it writes the child's pid).
Result<BwrapCall> bwrap_call(const LaunchSpec& spec, const View& view, int filter, int info);

}  // namespace corral::adapters::sandbox
