// What is derived from events, made again from them: the read models of runs (runs, approvals,
// artifacts) and their snapshots. Everything else in the store is kept as it is, since nothing else
// says it: groups and projects (their events tell who made and removed them, not all that is known
// of them), workflows, schedules, idempotency keys, the queue.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/task.h"
#include "ports/store.h"

namespace corral::engine {

struct RebuildReport {
  std::uint64_t runs = 0, events = 0;
  std::uint64_t documents = 0;             // that there should be, and snapshots
  std::uint64_t changed = 0, removed = 0;  // that were not as they should be
  std::vector<std::string> differences;    // the first of them: "run <id>: …"
};

enum class Rebuild { check, repair };

// Reads every event. Nobody may write meanwhile: a run that changes under it would look wrong.
// `corrupt`, `unsupported` naming the run when its events cannot be read. May be repeated;
// A snapshot that another version of the program wrote is not used by this one, and so not wrong;
// a repair replaces it. `progress` is called now and then with the runs done.
Task<Result<RebuildReport>> rebuild_read_models(ports::Store& store, Rebuild mode,
                                                std::function<void(std::uint64_t)> progress);

}  // namespace corral::engine
