#include "domain/schedule.h"

#include <algorithm>

namespace corral::domain::next {
namespace {

bool always(const Step& step) { return step.definition.condition == "always"; }

const Step* first_failed(const Run& run) {
  const auto at = std::ranges::find(run.steps, StepStatus::failed, &Step::status);
  return at == run.steps.end() ? nullptr : &*at;
}

bool needs_have_ended(const Run& run, const Step& step) {
  return std::ranges::all_of(step.definition.needs, [&](const std::string& need) {
    const auto* other = run.find(need);
    return other == nullptr || has_ended(other->status);
  });
}

// Why the step is not to run: an input that is empty. Empty text: it is to run.
std::string reason_to_skip(const Run& run, const Step& step) {
  const auto& condition = step.definition.condition;
  if (condition.empty() || always(step)) return {};
  const std::map<std::string, std::string, std::less<>> inputs{{"checks", run.request.checks},
                                                               {"prompt", run.request.prompt}};
  return render(condition, inputs).empty() ? fmt::format("{} is empty", condition) : std::string{};
}

}  // namespace

Action next_action(const Run& run, Time now) {
  if (has_ended(run.status)) return Nothing{};
  if (run.status == RunStatus::pending) return BeginRun{};
  if (run.cancel_reason) return CancelRun{};
  if (const auto* step = run.under_way()) return ResumeStep{step->definition.name};

  const auto* failed = first_failed(run);
  const auto deadline = run.deadline();
  const bool late = deadline && now >= *deadline;
  std::optional<Time> due;
  for (const auto& step : run.steps) {
    if (step.status != StepStatus::pending || !needs_have_ended(run, step)) continue;
    const auto& name = step.definition.name;
    if (failed != nullptr && !always(step))
      return SkipStep{name, fmt::format("step \"{}\" failed", failed->definition.name)};
    if (late && failed == nullptr && !always(step))
      return FailRun{{ErrorCode::deadline, fmt::format("the run took longer than its {} s",
                                                       run.request.timeout.count() / 1000)}};
    if (auto reason = reason_to_skip(run, step); !reason.empty())
      return SkipStep{name, std::move(reason)};
    if (step.not_before <= now) return StartStep{name};
    if (!due || step.not_before < *due) due = step.not_before;
  }
  if (due) return WaitUntil{*due};
  if (failed != nullptr) return FailRun{*failed->error};
  return CompleteRun{};
}

}  // namespace corral::domain::next
