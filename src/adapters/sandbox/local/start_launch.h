// Starts `corral-runner launch`.
#pragma once

#include <filesystem>
#include <string>

#include "adapters/sandbox/local/host_process.h"
#include "adapters/sandbox/local/launch/launch_spec.h"
#include "base/error.h"

namespace corral::adapters::sandbox {

// Returns once the process exists: from then on it is a session of its own, outlives this one, and
// becomes bubblewrap or the runner. What it has to say goes to launch.log in the spec's folder.
// Blocking for less than a millisecond.
Result<HostProcess> start_launch(const LaunchSpec& spec, const std::string& filter);

// The last words of launch.log.
std::string launch_words(const std::filesystem::path& folder);

}  // namespace corral::adapters::sandbox
