// Several attempts at one task side by side, each a run of its own; checks decide, or a person
// picks, and the work of the one that is chosen comes into this run's workspace.
#pragma once

#include "engine/step_kind.h"

namespace corral::engine {

inline constexpr int kMaxAttempts = 8;

// How many attempts the step makes; 1: it is an agent step like any other.
int attempts_of(const StepContext& context);
// Problems of a definition's `attempts`, `agents`, `models`, `checks` and `pick`.
std::vector<std::pair<std::string, std::string>> check_attempts(const domain::StepDefinition& step);

Task<Result<StepEnd>> execute_attempts(StepContext& context);
Task<Result<bool>> attempts_are_due(StepContext& context);
Task<Result<void>> abandon_attempts(StepContext& context);

}  // namespace corral::engine
