#include "domain/status.h"

#include <algorithm>

#include "domain/named.h"

namespace corral::domain {
namespace {

template <class Status>
struct Edge {
  Status from, to;
  bool operator==(const Edge&) const = default;
};

constexpr std::array kRunEdges{
    Edge{RunStatus::pending, RunStatus::running},   Edge{RunStatus::pending, RunStatus::cancelled},
    Edge{RunStatus::running, RunStatus::completed}, Edge{RunStatus::running, RunStatus::failed},
    Edge{RunStatus::running, RunStatus::cancelled}, Edge{RunStatus::failed, RunStatus::pending},
    Edge{RunStatus::failed, RunStatus::cancelled},
};

constexpr std::array kStepEdges{
    Edge{StepStatus::pending, StepStatus::running},
    Edge{StepStatus::pending, StepStatus::skipped},
    Edge{StepStatus::pending, StepStatus::cancelled},
    Edge{StepStatus::running, StepStatus::waiting},
    Edge{StepStatus::running, StepStatus::completed},
    Edge{StepStatus::running, StepStatus::failed},
    Edge{StepStatus::running, StepStatus::cancelled},
    Edge{StepStatus::waiting, StepStatus::running},
    Edge{StepStatus::waiting, StepStatus::failed},
    Edge{StepStatus::waiting, StepStatus::cancelled},
    Edge{StepStatus::failed, StepStatus::pending},
    Edge{StepStatus::completed, StepStatus::pending},
    Edge{StepStatus::skipped, StepStatus::pending},
    Edge{StepStatus::cancelled, StepStatus::pending},
};

constexpr std::array<std::string_view, 5> kRunNames{"pending", "running", "completed", "failed",
                                                    "cancelled"};
constexpr std::array<std::string_view, 7> kStepNames{"pending", "running",   "waiting", "completed",
                                                     "failed",  "cancelled", "skipped"};

}  // namespace

std::string_view to_string(RunStatus status) { return kRunNames[static_cast<std::size_t>(status)]; }
std::string_view to_string(StepStatus status) {
  return kStepNames[static_cast<std::size_t>(status)];
}
bool from_string(std::string_view name, RunStatus& status) {
  return find_named(name, kRunStatuses, status);
}
bool from_string(std::string_view name, StepStatus& status) {
  return find_named(name, kStepStatuses, status);
}

bool has_ended(RunStatus status) {
  return status != RunStatus::pending && status != RunStatus::running;
}
bool is_under_way(StepStatus status) {
  return status == StepStatus::running || status == StepStatus::waiting;
}
bool has_ended(StepStatus status) { return status != StepStatus::pending && !is_under_way(status); }

Result<void> check_transition(RunStatus from, RunStatus to) {
  if (std::ranges::find(kRunEdges, Edge{from, to}) != kRunEdges.end()) return {};
  return fail(ErrorCode::conflict, "a run that is {} cannot become {}", to_string(from),
              to_string(to));
}

Result<void> check_transition(std::string_view step, StepStatus from, StepStatus to) {
  if (std::ranges::find(kStepEdges, Edge{from, to}) != kStepEdges.end()) return {};
  return fail(ErrorCode::conflict, "step \"{}\" is {} and cannot become {}", step, to_string(from),
              to_string(to));
}

}  // namespace corral::domain
