// The states of runs and steps, and which may follow which.
#pragma once

#include <array>
#include <string_view>

#include "base/error.h"

namespace corral::domain {

enum class RunStatus { pending, running, completed, failed, cancelled };
inline constexpr std::array kRunStatuses{RunStatus::pending, RunStatus::running,
                                         RunStatus::completed, RunStatus::failed,
                                         RunStatus::cancelled};
std::string_view to_string(RunStatus status);
bool from_string(std::string_view name, RunStatus& status);
// completed, failed, cancelled: nothing of it is at work any more. (A failed run may be retried.)
bool has_ended(RunStatus status);

enum class StepStatus { pending, running, waiting, completed, failed, cancelled, skipped };
inline constexpr std::array kStepStatuses{
    StepStatus::pending, StepStatus::running,   StepStatus::waiting, StepStatus::completed,
    StepStatus::failed,  StepStatus::cancelled, StepStatus::skipped};
std::string_view to_string(StepStatus status);
bool from_string(std::string_view name, StepStatus& status);
bool has_ended(StepStatus status);
bool is_under_way(StepStatus status);  // running or waiting

// `conflict`, naming both states, for every pair that is not in the table:
//   pending → running, cancelled · running → completed, failed, cancelled · failed → pending,
//   cancelled
Result<void> check_transition(RunStatus from, RunStatus to);
//   pending → running, skipped, cancelled · running → waiting, completed, failed, cancelled
//   waiting → running, failed, cancelled · failed → pending · and, when a run is retried:
//   completed, skipped, cancelled → pending
Result<void> check_transition(std::string_view step, StepStatus from, StepStatus to);

}  // namespace corral::domain
