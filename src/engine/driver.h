// Drives one run from wherever it stands to its end. Stateless between actions: what to do next
// follows from the run (domain/schedule.h), so that a driver which takes over goes on where the
// last one was.
#pragma once

#include <memory>

#include "domain/schedule.h"
#include "engine/step_kind.h"

namespace corral::engine {

class RunDriver {
 public:
  RunDriver(Core& core, RunId run, ports::Job job);

  // Returns once the run has ended and the job is acknowledged. An Error is trouble of the engine's
  // own: the job is to be released and tried again later. Cancelling it leaves the workspace alive,
  // for the next driver.
  Task<Result<void>> drive();

 private:
  Task<Result<bool>> act(domain::next::Action action);  // true: the run has ended
  Task<Result<void>> run_step(std::string name);
  Task<Result<void>> end_step(StepContext& context, StepEnd end);
  Task<Result<bool>> ensure_workspace(StepContext& context);
  Task<Result<std::shared_ptr<ports::Workspace>>> open_workspace(StepContext& context,
                                                                 WorkspaceId id);
  Task<Result<void>> lose_workspace(StepContext& context, domain::Failure error);
  Task<Result<std::vector<ports::ReadOnlyMount>>> mounts(const domain::Run& run);
  Task<void> destroy_workspace(WorkspaceId id);
  Task<Result<void>> finish(domain::Command command, std::string line);
  Task<Result<void>> reload();
  Task<Result<void>> tell(domain::Command command);

  Core& core_;
  const RunId id_;
  const ports::Job job_;
  Drivers::Seat seat_;
  domain::Run run_;
  std::shared_ptr<session::Log> log_, timeline_;
  std::shared_ptr<ports::Workspace> workspace_;
  int restored_ = 0;  // number of the workspace that is known to be restored
};

}  // namespace corral::engine
