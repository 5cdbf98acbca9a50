// Claims jobs and drives their runs, a bounded number at once, for as long as the lease holds.
#pragma once

#include "engine/core.h"
#include "engine/schedules.h"

namespace corral::engine {

class Workers {
 public:
  Workers(Core& core, Schedules& schedules)
      : core_(core), schedules_(schedules), scope_(core.deps.executor) {}

  // `position`: the end of the store's log before anything of it was read.
  void start(std::uint64_t position) {
    if (!core_.options.sole_owner) scope_.start("documents", core_.documents.follow(position));
    scope_.start("workers", claim_jobs());
    scope_.start("sweeper", sweep());
  }
  // Drivers are cut off where they are; what they did stays, and so do workspaces.
  Task<void> stop() { co_await scope_.stop(); }

 private:
  Task<void> claim_jobs();
  Task<void> sweep();  // ends workspaces that could not be ended when they should have been
  Task<void> wait_for_work(std::uint64_t seen);
  Task<void> work_on(ports::Job job);
  Task<Result<void>> drive(const ports::Job& job);
  Task<void> keep_lease(const ports::Job& job);
  Task<void> release(const ports::Job& job, const Error& why);
  void done();

  Core& core_;
  Schedules& schedules_;
  std::uint32_t active_ = 0;
  std::uint64_t finished_ = 0;
  std::map<std::string, int> troubles_;  // by job key: how often in a row
  TaskScope scope_;
};

}  // namespace corral::engine
