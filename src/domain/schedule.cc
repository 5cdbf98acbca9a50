#include "domain/schedule.h"

#include <algorithm>

#include "domain/scope.h"

namespace corral::domain::next {
namespace {

constexpr std::string_view kOutOfTime = "the run is out of time";

class Planner {
 public:
  Planner(const Run& run, Time now) : run_(run), now_(now) {
    const auto deadline = run.deadline();
    late_ = deadline && now >= *deadline;
    if (deadline && !late_) wake_at(*deadline);
    under_way_ = static_cast<int>(std::ranges::count_if(
        run.steps, [](const Step& step) { return is_under_way(step.status) && !step.expanded; }));
  }

  Plan make() {
    if (has_ended(run_.status)) return {};
    if (run_.status == RunStatus::pending) return {.actions = {BeginRun{}}, .wake = {}};
    const bool cleaning = run_.has_cleaning_to_do();
    if (run_.cancel_reason && !cleaning) return {.actions = {CancelRun{}}, .wake = {}};

    bool over = true;  // nothing before the `finally` steps is still to come
    for (const auto& step : run_.steps) {
      if (step.definition.at_end || has_ended(step.status)) continue;
      if (run_.cancel_reason && step.status == StepStatus::pending) continue;
      over = false;
      consider(step);
    }
    if (over)
      for (const auto& step : run_.steps)
        if (step.definition.at_end && !has_ended(step.status)) consider(step);
    if (over && !cleaning) plan_.actions.push_back(end());
    return std::move(plan_);
  }

 private:
  void wake_at(Time time) {
    if (!plan_.wake || time < *plan_.wake) plan_.wake = time;
  }

  void consider(const Step& step) {
    if (step.expanded) return join(step);
    if (is_under_way(step.status)) {
      if (step.wakes_at) wake_at(*step.wakes_at);
      plan_.actions.push_back(WorkOn{step.definition.name});
      return;
    }
    if (!needs_have_ended(step) || (run_.paused && !step.definition.at_end)) return;
    const auto& name = step.definition.name;
    const bool has_matrix = !step.definition.matrix.empty();
    bool can_expand = has_matrix;
    if (step.of.empty() && (step.tries == 0 || has_matrix)) {
      // A condition that cannot be evaluated fails the attempt that then begins.
      const auto holds = condition_holds(run_, step);
      if (holds && !*holds) return plan_.actions.push_back(SkipStep{name, why_skipped(step)});
      can_expand = can_expand && holds;
    }
    if (late_ && !step.definition.at_end && !asks_for_status(step.definition))
      return plan_.actions.push_back(SkipStep{name, std::string(kOutOfTime)});
    if (step.not_before > now_) return wake_at(step.not_before);
    if (can_expand) return plan_.actions.push_back(ExpandStep{name});
    if (under_way_ >= kMaxParallelSteps || !matrix_has_room(step)) return;
    ++under_way_;
    ++started_of_[step.of];
    plan_.actions.push_back(StartStep{name});
  }

  bool needs_have_ended(const Step& step) const {
    return std::ranges::all_of(step.definition.needs, [&](const std::string& need) {
      const auto* other = run_.find(need);
      return other == nullptr || has_ended(other->status);
    });
  }

  bool matrix_has_room(const Step& step) const {
    const auto* whole = step.of.empty() ? nullptr : run_.find(step.of);
    if (whole == nullptr || whole->definition.max_parallel == 0) return true;
    const auto busy = std::ranges::count_if(run_.steps, [&](const Step& other) {
      return other.of == step.of && is_under_way(other.status);
    });
    const auto started = started_of_.find(step.of);
    return busy + (started == started_of_.end() ? 0 : started->second) <
           whole->definition.max_parallel;
  }

  std::string why_skipped(const Step& step) const {
    if (!needs_failed(run_, step))
      return step.definition.condition.empty()
                 ? "the run is being cancelled"
                 : fmt::format("its condition is not met: {}", step.definition.condition);
    for (const auto& need : step.definition.needs)
      if (const auto* other = run_.find(need);
          other != nullptr && (went_wrong(*other) || needs_failed(run_, *other)))
        return fmt::format("step \"{}\" {}", need,
                           other->status == StepStatus::failed ? "failed" : "did not run");
    return "a step failed";
  }

  void join(const Step& step) {
    std::optional<Failure> failure;
    bool any = false;
    for (const auto& instance : run_.steps) {
      if (instance.of != step.definition.name) continue;
      any = true;
      // Cancelled before it began: nothing comes of it any more.
      const bool dropped = run_.must_stop(instance) && instance.status == StepStatus::pending;
      if (!has_ended(instance.status) && !dropped) return;
      if (!failure && went_wrong(instance))
        failure = instance.error.value_or(
            Failure{ErrorCode::cancelled,
                    fmt::format("step \"{}\" was cancelled", instance.definition.name)});
    }
    if (!any) return;
    plan_.actions.push_back(JoinStep{step.definition.name, std::move(failure)});
  }

  Action end() const {
    if (run_.cancel_reason) return CancelRun{};
    const auto failed = std::ranges::find_if(
        run_.steps, [](const Step& step) { return step.of.empty() && went_wrong(step); });
    if (failed != run_.steps.end())
      return FailRun{failed->error.value_or(Failure{
          ErrorCode::internal, fmt::format("step \"{}\" went wrong", failed->definition.name)})};
    if (std::ranges::any_of(run_.steps, [](const Step& step) {
          return step.status == StepStatus::skipped && step.reason == kOutOfTime;
        }))
      return FailRun{{ErrorCode::deadline, fmt::format("the run took longer than its {} s",
                                                       run_.request.timeout.count() / 1000)}};
    return CompleteRun{};
  }

  const Run& run_;
  const Time now_;
  bool late_ = false;
  int under_way_ = 0;
  std::map<std::string, int, std::less<>> started_of_;
  Plan plan_;
};

std::optional<Command> said_only(const Action& action) {
  if (std::holds_alternative<BeginRun>(action)) return Begin{};
  if (const auto* start = std::get_if<StartStep>(&action)) return domain::StartStep{start->step};
  if (const auto* skip = std::get_if<SkipStep>(&action))
    return domain::SkipStep{skip->step, skip->reason};
  return std::nullopt;
}

// Each may change what comes after it.
std::optional<Command> first_said_only(const std::vector<Action>& actions) {
  for (const auto& action : actions)
    if (auto command = said_only(action)) return command;
  return std::nullopt;
}

}  // namespace

Plan plan(const Run& run, Time now) { return Planner(run, now).make(); }

std::vector<Event> advance(Run& run, Time now, std::string_view actor) {
  std::vector<Event> all;
  while (const auto command = first_said_only(plan(run, now).actions)) {
    const auto events = decide(run, *command, now);
    if (!events || events->empty()) break;
    for (const auto& event : *events) {
      apply(run, event, actor);
      all.push_back(event);
    }
  }
  return all;
}

}  // namespace corral::domain::next
