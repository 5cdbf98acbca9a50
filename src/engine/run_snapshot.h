// A long run's state, kept so that loading it need not fold all of its events. Only ever a
// shortcut: the events are the truth, and whatever is wrong with a snapshot, the run is folded from
// them.
#pragma once

#include <optional>

#include "domain/run.h"
#include "ports/store.h"

namespace corral::engine {

inline constexpr std::string_view kSnapshotKind = "run_snapshot";
inline constexpr std::uint64_t kSnapshotEvery = 200;  // events

// Whether one belongs into the transaction that makes `after` of `before`: there it costs no commit
// of its own, is never ahead of the events, and no older one replaces it.
bool is_snapshot_due(const domain::Run& before, const domain::Run& after);
ports::PutDocument snapshot_of(const domain::Run& run);

// Nothing for a state that another version of the program wrote, and, with a warning, for one that
// cannot be read.
std::optional<domain::Run> run_of_snapshot(RunId run, const ports::Document& snapshot);
// Whether this version of the program would use it, were it intact.
bool is_of_this_program(const ports::Document& snapshot);

}  // namespace corral::engine
