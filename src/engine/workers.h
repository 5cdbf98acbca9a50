// Claims jobs and drives their runs, a bounded number at once, for as long as the lease holds.
#pragma once

#include "engine/core.h"
#include "engine/driver.h"
#include "engine/homes.h"
#include "engine/schedules.h"

namespace corral::engine {

class Workers final : private NextJobs {
 public:
  Workers(Core& core, Schedules& schedules, Homes& homes)
      : core_(core), schedules_(schedules), homes_(homes), scope_(core.deps.executor) {}

  // `position`: the end of the store's log before anything of it was read.
  void start(std::uint64_t position) {
    if (core_.options.store_use == StoreUse::shared)
      scope_.start("documents", core_.documents.follow(position));
    scope_.start("workers", claim_jobs());
    scope_.start("sweeper", sweep());
    scope_.start("homes", homes_.keep());
  }
  // Drivers are cut off where they are; what they did stays, and so do workspaces.
  Task<void> stop() { co_await scope_.stop(); }

 private:
  ports::ClaimQuery query() const override;
  void take_on(std::vector<ports::Job> jobs) override;

  Task<void> claim_jobs();
  Task<void> sweep();  // ends workspaces that could not be ended when they should have been
  Task<void> wait_for_work(std::uint64_t seen);
  Task<void> work_on(ports::Job job);
  Task<Result<void>> drive(const ports::Job& job);
  Task<Result<void>> leave(const ports::Job& job);
  Task<void> keep_lease(const ports::Job& job);
  Task<void> release(const ports::Job& job, const Error& why);
  void done();

  Core& core_;
  Schedules& schedules_;
  Homes& homes_;
  std::uint32_t active_ = 0;
  std::uint64_t finished_ = 0;
  std::map<std::string, int> troubles_;  // by job key: how often in a row
  std::map<std::string, int> left_;      // by job key: how often to another server
  Time polite_until_{};
  TaskScope scope_;
};

}  // namespace corral::engine
