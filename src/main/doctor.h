// `corral doctor`: what this machine has, what it lacks, and what to do about it.
#pragma once

#include "base/error.h"
#include "base/json.h"
#include "edge/cli/cli.h"

namespace corral {

// The document that edge/cli/cli.h describes. Runs an io_context of its own; starts nothing that
// stays.
Result<json::value> examine(const edge::cli::DoctorOptions& options);

}  // namespace corral
