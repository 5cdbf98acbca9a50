// Runs in the store: loading (folding a stream of events) and changing them (decide, then commit
// events, read model and queue in one transaction).
#pragma once

#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "domain/run.h"
#include "engine/service.h"
#include "ports/store.h"

namespace corral::engine {

std::string run_stream(RunId run);

class RunRepository {
 public:
  RunRepository(ports::Store& store, Clock& clock) : store_(store), clock_(clock) {}

  // `not_found` when there is no such run.
  Task<Result<domain::Run>> load(RunId run);

  // As it was when it had `version` events. `invalid` when it never had that many.
  Task<Result<domain::Run>> load_at(RunId run, std::uint64_t version);

  // Loads, decides, commits, and returns the state afterwards. When another writer was faster it
  // begins again, so that the decision always fits the state it is committed on. `extra` goes into
  // the same transaction, and is committed even when the command changes nothing.
  Task<Result<domain::Run>> execute(RunId run, domain::Command command, Caller by,
                                    std::vector<ports::Change> extra = {});

  // The end of the store's log as far as this process has seen it: waiting from there on misses
  // nothing.
  std::uint64_t position() const { return position_; }
  void saw(std::uint64_t position) { position_ = std::max(position_, position); }

 private:
  struct Cached {
    domain::Run run;
    std::list<RunId>::iterator used;
  };

  Task<Result<domain::Run>> refresh(RunId run);  // version 0 when there is none
  void remember(const domain::Run& run);

  ports::Store& store_;
  Clock& clock_;
  // Folded states by run, the least recently used given up: reading then costs only the events that
  // are new.
  std::unordered_map<RunId, Cached> cache_;
  std::list<RunId> by_use_;  // most recent first
  std::uint64_t position_ = 0;
};

}  // namespace corral::engine
