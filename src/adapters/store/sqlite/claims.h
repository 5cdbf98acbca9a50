// Which jobs are claimed next. Runs on the writer's thread, inside its transaction.
#pragma once

#include <vector>

#include "adapters/store/sqlite/changes.h"
#include "adapters/store/sqlite/database.h"
#include "ports/store.h"

namespace corral::adapters::store::sqlite {

// O(log n) in the jobs that wait and in the groups, for each job claimed; the groups that come
// first and have nothing that may be claimed (their limit or all their slots are full) cost a few
// steps each, and one for each set of slots that their jobs have. Jobs that became due since the
// last claim, or whose lease ran out, cost a few steps each, once. An empty claim is noted in
// `state`, with the moment at which it may change.
Result<std::vector<ports::Job>> claim_jobs(Database& database, WriterState& state,
                                           const ports::ClaimQuery& query);

// The number of the newest claim, as the groups remember it.
std::uint64_t last_claim(Database& database);

}  // namespace corral::adapters::store::sqlite
