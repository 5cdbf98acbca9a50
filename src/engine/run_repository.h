// Runs in the store: loading (folding a stream of events) and changing them (decide, then commit
// events, read model and queue in one transaction).
#pragma once

#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "domain/run.h"
#include "engine/run_documents.h"
#include "engine/service.h"
#include "ports/store.h"

namespace corral::engine {

std::string run_stream(RunId run);

// What the events of a command say of where they come from; `root` is the run that all began with.
ports::EventOrigin origin_of(const Caller& by, RunId root);

// A claim that goes with a commit.
struct Claiming {
  ports::ClaimQuery query;
  std::vector<ports::Job> jobs;  // out
};

// What goes on from a command's events in the same transaction: `advance` begins and skips the
// steps whose turn has come (domain/schedule.h), which is the driver's to say alone.
enum class Then { nothing, advance };

// A run before a command and after it.
struct Executed {
  domain::Run before, after;
};

class RunRepository {
 public:
  // `documents`, when given, is told of changes; it outlives this.
  RunRepository(ports::Store& store, Clock& clock, RunDocuments* documents = nullptr)
      : store_(store), clock_(clock), documents_(documents) {}

  // `not_found` when there is no such run.
  Task<Result<domain::Run>> load(RunId run);

  // As it was when it had `version` events. `invalid` when it never had that many.
  Task<Result<domain::Run>> load_at(RunId run, std::uint64_t version);

  // The same without a snapshot: what the events add up to, whatever else is kept.
  Task<Result<domain::Run>> fold(RunId run, std::optional<std::uint64_t> version = std::nullopt);

  // Loads, decides, commits, and returns the state before and afterwards. When another writer was
  // faster it begins again, so that the decision always fits the state it is committed on. `extra`
  // goes into the same transaction, and is committed even when the command changes nothing; so does
  // the claim, if there is one to be made: it outlives the call.
  Task<Result<Executed>> execute(RunId run, domain::Command command, Caller by,
                                 std::vector<ports::Change> extra = {},
                                 Claiming* claiming = nullptr, Then then = Then::nothing);

  // The end of the store's log as far as this process has seen it: waiting from there on misses
  // nothing.
  std::uint64_t position() const { return position_; }
  void saw(std::uint64_t position) { position_ = std::max(position_, position); }

 private:
  struct Cached {
    domain::Run run;
    std::list<RunId>::iterator used;
  };

  enum class Expect { any, nothing };
  // Version 0 when there is none.
  Task<Result<domain::Run>> refresh(RunId run, Expect expect = Expect::any);
  std::optional<domain::Run> known(RunId run) const;  // as last seen
  Task<Result<std::optional<domain::Run>>> snapshot(RunId run);
  Task<Result<void>> fold_on(domain::Run& run, RunId id, std::uint64_t until);
  Task<Result<void>> commit(ports::Transaction transaction, Claiming* claiming);
  Task<Result<void>> commit_change(RunId run, ports::Transaction transaction, Claiming* claiming);
  void remember(const domain::Run& run);

  ports::Store& store_;
  Clock& clock_;
  RunDocuments* documents_;
  // Folded states by run, to decide on, the least recently used given up: reading then costs only
  // the events that are new.
  std::unordered_map<RunId, Cached> cache_;
  std::list<RunId> by_use_;  // most recent first
  std::uint64_t position_ = 0;
};

}  // namespace corral::engine
