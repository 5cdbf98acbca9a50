// What a run's driver does next: a function of the run's state alone, so that a driver which takes
// over after a crash goes on exactly where the last one was.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "domain/run.h"

namespace corral::domain::next {

struct BeginRun {};
struct StartStep {
  std::string step;
};
struct SkipStep {
  std::string step, reason;
};
struct ExpandStep {
  std::string step;
};
struct JoinStep {
  std::string step;
  std::optional<Failure> failure;
};  // the steps of its matrix have ended
struct WorkOn {
  std::string step;
};  // under way: take it up, whoever started it, unless it is being worked on
struct CancelRun {};  // end what lives, then FinishCancel
struct CompleteRun {};
struct FailRun {
  Failure error;
};

using Action = std::variant<BeginRun, StartStep, SkipStep, ExpandStep, JoinStep, WorkOn, CancelRun,
                            CompleteRun, FailRun>;

struct Plan {
  // All of them may be done now, in this order. None: what is under way is waited for, or the run
  // has ended.
  std::vector<Action> actions;
  std::optional<Time> wake;  // something is due then, whatever else happens
};

inline constexpr int kMaxParallelSteps = 16;  // of one run

Plan plan(const Run& run, Time now);

// What of the plan is done by saying so: the run begins, steps begin or are skipped. Decides and
// applies it to `run`, as caused by `actor`, until the plan holds nothing of the kind. What is
// refused is left to whoever carries out the plan.
std::vector<Event> advance(Run& run, Time now, std::string_view actor);

}  // namespace corral::domain::next
