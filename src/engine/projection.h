// The read model of a run: what queries see, as a function of the run's state (docs/api.md
// describes the JSON).
#pragma once

#include <vector>

#include "domain/run.h"
#include "ports/store.h"

namespace corral::engine {

// Document kinds in the store.
inline constexpr std::string_view kRunKind = "run";
inline constexpr std::string_view kApprovalKind = "approval";
inline constexpr std::string_view kArtifactKind = "artifact";

json::value run_json(const domain::Run& run);
json::value approval_json(const domain::Run& run, const domain::Approval& approval);

// What of the read model changes from `before` to `after`. Belongs into the transaction that
// appends the events.
std::vector<ports::PutDocument> changed_documents(const domain::Run& before,
                                                  const domain::Run& after);

}  // namespace corral::engine
