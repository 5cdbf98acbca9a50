// What a run's driver does next: a function of the run's state alone, so that a driver which takes
// over after a crash goes on exactly where the last one was.
#pragma once

#include <string>
#include <variant>

#include "domain/run.h"

namespace corral::domain::next {

struct BeginRun {};
struct StartStep {
  std::string step;
};
struct ResumeStep {
  std::string step;
};  // under way: take it up again, whoever started it
struct SkipStep {
  std::string step, reason;
};
struct WaitUntil {
  Time time;
};  // a retry is due then
struct CancelRun {};  // end what lives, then FinishCancel
struct CompleteRun {};
struct FailRun {
  Failure error;
};
struct Nothing {};  // the run has ended

using Action = std::variant<BeginRun, StartStep, ResumeStep, SkipStep, WaitUntil, CancelRun,
                            CompleteRun, FailRun, Nothing>;

// Steps run one after the other, in the order of what they need. After a failure only `if: always`
// steps still run.
Action next_action(const Run& run, Time now);

}  // namespace corral::domain::next
