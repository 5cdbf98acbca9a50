// What the engine's parts share: ports, options, the runs, and who is at work on what in this
// process.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>

#include "engine/async.h"
#include "engine/engine.h"
#include "engine/figures.h"
#include "engine/run_documents.h"
#include "engine/run_repository.h"
#include "engine/step_kinds.h"

namespace corral::engine {

// The drivers of this process, and how a command reaches the one that drives its run at once. (A
// driver in another process notices at its next heartbeat, by reading the run.)
class Drivers {
 public:
  explicit Drivers(Executor executor) : executor_(std::move(executor)) {}

  // Held by a driver while it drives.
  class Seat {
   public:
    Seat(Drivers& drivers, RunId run, Time held_until = Time::max())
        : drivers_(drivers), run_(run), held_until_(held_until), changed_(drivers.executor_) {
      drivers_.seats_[run_] = this;
    }
    // A run that is retried may have its next driver before the last one has cleaned up.
    ~Seat() {
      const auto seat = drivers_.seats_.find(run_);
      if (seat != drivers_.seats_.end() && seat->second == this) drivers_.seats_.erase(seat);
    }
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;
    Signal& changed() { return changed_; }
    // Counts notifications: one that comes between a look at the run and the wait is then not
    // missed.
    std::uint64_t news() const { return news_; }
    // Whether the run may still be changed here: `unavailable` once the lease on its job ran out
    // before it was renewed, as when this process was stopped. Another may have it by now.
    Result<void> check(Time now) const {
      if (now < held_until_) return {};
      return fail(ErrorCode::unavailable, "the lease on run {} ran out", run_.to_string());
    }

   private:
    friend Drivers;
    Drivers& drivers_;
    RunId run_;
    Time held_until_;
    Signal changed_;
    std::uint64_t news_ = 0;
  };

  // The lease on the run's job was renewed.
  void renewed(RunId run, Time until) {
    const auto seat = seats_.find(run);
    if (seat != seats_.end()) seat->second->held_until_ = until;
  }

  // The run has changed: whoever drives it should look.
  void notify(RunId run) {
    const auto seat = seats_.find(run);
    if (seat == seats_.end()) return;
    ++seat->second->news_;
    seat->second->changed_.notify();
  }

 private:
  Executor executor_;
  std::unordered_map<RunId, Seat*> seats_;
};

// Whether a run is over, shared by everyone who reads its log, so that a viewer's wait ends with
// the run.
class RunEnds {
 public:
  explicit RunEnds(Executor executor) : executor_(std::move(executor)) {}

  struct End {
    explicit End(const Executor& executor) : changed(executor) {}
    bool ended = false;
    Signal changed;
  };
  std::shared_ptr<End> of(RunId run);
  void set(RunId run, bool ended);

 private:
  Executor executor_;
  std::unordered_map<RunId, std::weak_ptr<End>> ends_;
};

struct Counters {
  std::map<std::string, std::uint64_t, std::less<>> runs_ended;   // by status
  std::map<std::string, std::uint64_t, std::less<>> steps_ended;  // by status
  std::uint64_t model_calls = 0, model_errors = 0;
  domain::Usage usage;
  domain::Money cost;
};

class SessionHost;

struct Core {
  Core(EngineDeps d, EngineOptions o, StepKinds k)
      : deps(std::move(d)),
        options(std::move(o)),
        kinds(std::move(k)),
        documents(deps.store, deps.cache, deps.clock),
        runs(deps.store, deps.clock, &documents),
        drivers(deps.executor),
        ends(deps.executor),
        jobs(deps.executor) {}

  ports::Agent* find_agent(std::string_view name) const;
  // Executes a command on a run, and tells drivers, viewers and counters.
  Task<Result<domain::Run>> tell(RunId run, domain::Command command, Caller by,
                                 std::vector<ports::Change> extra = {},
                                 Claiming* claiming = nullptr, Then then = Then::nothing);

  // Commits what needs nothing decided. As tell() does, it announces jobs that may be ready now.
  Task<Result<void>> commit(std::vector<ports::Change> changes);
  Task<Result<void>> commit(ports::Change change);
  void announce_jobs();

  // Ends a workspace; one that cannot be ended now is tried again later (Workers).
  Task<void> destroy_workspace(WorkspaceId id);

  EngineDeps deps;
  EngineOptions options;
  StepKinds kinds;
  RunDocuments documents;
  RunRepository runs;
  Drivers drivers;
  RunEnds ends;
  Counters counters;
  Figures figures;
  SessionHost* sessions = nullptr;  // set before anything runs
  std::unordered_map<WorkspaceId, WorkspaceOwner> owners;
  std::set<WorkspaceId> leftovers;  // to be ended
  Signal jobs;                      // a job was enqueued here, or a place became free
  std::uint64_t job_news =
      0;  // counts what `jobs` signals, so that none is missed between a look and a wait

 private:
  void count(const domain::Run& before, const domain::Run& after);
};

// The job that drives a run.
ports::NewJob run_job(const domain::Run& run);
std::string run_job_key(RunId run);
// Folder of a run's logs in the log store.
std::string run_log_folder(RunId run);

}  // namespace corral::engine
