// Drives one run from wherever it stands to its end, or to where nothing but waiting is left. What
// to do next follows from the run (domain/schedule.h), so that a driver which takes over goes on
// where the last one was.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "domain/schedule.h"
#include "engine/step_kind.h"

namespace corral::engine {

// Who takes on the job that is claimed with another one's end.
class NextJobs {
 public:
  virtual ~NextJobs() = default;
  virtual ports::ClaimQuery query() const = 0;
  virtual void take_on(std::vector<ports::Job> jobs) = 0;
};

class RunDriver {
 public:
  // `next` outlives it.
  RunDriver(Core& core, RunId run, ports::Job job, NextJobs& next);

  // Returns once the run has ended and the job is acknowledged, or once the run only waits (for a
  // person, another run, a time) and the job is put aside until then. An Error is trouble of the
  // engine's own: the job is to be released and tried again later. Cancelling it leaves the
  // workspace alive, for the next driver.
  Task<Result<void>> drive();

 private:
  enum class Turn { again, wait, over };
  Task<Result<void>> drive_on();
  Task<Result<Turn>> turn(const std::vector<domain::next::Action>& actions);
  Task<Result<bool>> is_due(const std::string& step, Time now);
  Task<Result<Turn>> act(const domain::next::Action& action);
  Task<Result<void>> expand(const std::string& name);
  Task<Result<void>> join(const domain::next::JoinStep& join);
  Task<Result<void>> finish(domain::Command command, std::string line);
  Task<Result<bool>> park(std::optional<Time> wake);  // false: something has changed after all
  Task<Result<void>> wake_if_due();
  Task<void> wait(std::uint64_t seen, std::optional<Time> wake);

  // ---- steps, each a task of its own ----
  void launch(const std::string& name);
  Task<void> work(std::string name);
  Task<Result<void>> run_step(StepContext& context);
  Task<Result<void>> conclude(StepContext& context, StepEnd end);
  Task<Result<std::optional<domain::Failure>>> prepare(StepContext& context);
  Task<Result<void>> abandon_steps();

  // ---- the workspace, which the steps share ----
  Task<Result<bool>> ensure_workspace(StepContext& context);
  Task<Result<std::shared_ptr<ports::Workspace>>> open_workspace(StepContext& context,
                                                                 WorkspaceId id);
  Task<Result<void>> lose_workspace(StepContext& context, domain::Failure error);
  Task<Result<std::vector<ports::ReadOnlyMount>>> mounts(const domain::Run& run);
  Task<Result<void>> end_sessions();
  Task<Result<void>> end_lost_sessions(const domain::Run& run);
  Task<void> destroy_workspace(WorkspaceId id);

  StepContext context_of(const std::string& name);
  Task<Result<void>> reload();
  Task<Result<void>> tell(domain::Command command);

  Core& core_;
  const RunId id_;
  const ports::Job job_;
  NextJobs& next_;
  Drivers::Seat seat_;
  domain::Run run_;
  std::shared_ptr<session::Log> log_, timeline_;
  std::shared_ptr<ports::Workspace> workspace_;
  int restored_ = 0;  // number of the workspace that is known to be restored
  std::set<std::string, std::less<>> active_;  // steps that a task works on
  std::map<std::string, std::uint64_t, std::less<>>
      waits_;                     // the run's version when it said that it waits
  std::optional<Error> trouble_;  // the engine's own, of a step's task
  Mutex workspace_mutex_;
  TaskScope steps_;
};

}  // namespace corral::engine
