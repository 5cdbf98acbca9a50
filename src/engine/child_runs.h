// Runs that a step starts, waits for, and ends with itself.
#pragma once

#include "engine/new_run.h"
#include "engine/step_kind.h"

namespace corral::engine {

// The run of that id, started when it is not there yet: under the name of whoever started the
// step's run, within what is left of its budget. `fill` says more of it than a request can; may be
// null. `invalid` when runs within runs go too deep.
Task<Result<domain::Run>> child_run(StepContext& context, RunId id, StartRun request,
                                    void (*fill)(const domain::Run& parent,
                                                 domain::Create& create));

// What a child takes over from the step's run unless its step says otherwise.
StartRun request_of_child(const StepContext& context);

// Cancels it, unless it has ended or was never started.
Task<Result<void>> cancel_child(StepContext& context, RunId id);
Task<Result<bool>> has_ended(StepContext& context, RunId id);  // false when there is none

}  // namespace corral::engine
