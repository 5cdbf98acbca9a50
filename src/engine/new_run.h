// How a run comes to be: a request checked and completed, then created together with its job.
#pragma once

#include "engine/core.h"
#include "engine/service.h"

namespace corral::engine {

// Checks a request and finds (or makes) its project. `invalid` naming the field.
Task<Result<domain::Create>> new_run(Core& core, StartRun request, std::string actor, RunId id);

// Says at once what would otherwise fail the run a moment later: `unsupported` for an agent that is
// not installed.
Task<Result<void>> check_installed(Core& core, const domain::Request& request);

// Creates the run and its job in one transaction, with `extra`. When the run is there already it is
// returned as it is.
Task<Result<domain::Run>> create_run(Core& core, domain::Create create, Caller by,
                                     std::vector<ports::Change> extra);

// The id of the run that carries out an attempt at a step: the same each time it is asked for, and
// in order of time like any other (UUID version 7).
RunId child_run_id(RunId parent, std::string_view process, Time started_at);

}  // namespace corral::engine
