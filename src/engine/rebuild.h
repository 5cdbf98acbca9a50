// The read models of runs (runs, approvals, artifacts), made again from their events.
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
  std::uint64_t documents = 0;             // that there should be
  std::uint64_t changed = 0, removed = 0;  // that were not as they should be
  std::vector<std::string> differences;    // the first of them: "run <id>: …"
};

enum class Rebuild { check, repair };

// Reads every event. Nobody may write meanwhile: a run that changes under it would look wrong.
// `corrupt`, `unsupported` naming the run when its events cannot be read. May be repeated;
// `progress` is called now and then with the runs done.
Task<Result<RebuildReport>> rebuild_read_models(ports::Store& store, Rebuild mode,
                                                std::function<void(std::uint64_t)> progress);

}  // namespace corral::engine
