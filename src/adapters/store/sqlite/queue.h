// The queue's rules in SQL (design.md, Queue). Everything here runs on the writer's thread, inside its transaction.
#pragma once

#include <optional>
#include <string>

#include "adapters/store/sqlite/changes.h"
#include "adapters/store/sqlite/database.h"
#include "ports/store.h"

namespace corral::adapters::store::sqlite {

Result<void> enqueue(Database& database, WriterState& state, const ports::NewJob& job, const std::string& payload, Time now);
Result<void> complete_job(Database& database, WriterState& state, const ports::CompleteJob& complete, Time now);
Result<void> release_job(Database& database, WriterState& state, const ports::ReleaseJob& release, Time now);

struct ClaimRequest {
  std::string owner;
  Time now;
  Duration lease;
  ports::QueueLimits limits;
};
// O(log n) in the jobs that wait, O(n) in those claimed (which the total limit bounds). Where groups are full, O(g log n)
// in the groups that have jobs ready. An empty claim is noted in `state`, with the moment at which it may change.
Result<std::optional<ports::Job>> claim_job(Database& database, WriterState& state, const ClaimRequest& request);

Result<void> heartbeat_job(Database& database, std::uint64_t job, const std::string& owner, Time until);
void release_leases(Database& database, WriterState& state, const std::string& except_owner);
// Deletes at most `at_most` jobs; false when nothing is left to delete.
bool trim_finished(Database& database, std::uint32_t keep_completed, std::uint32_t keep_failed, std::uint32_t at_most);

// All columns of a job, in the order that read_job expects.
#define CORRAL_JOB_COLUMNS                                                                                       \
  "id, kind, key, grp, payload, priority, due, attempt, max_attempts, owner, lease_until, state, error"
ports::Job read_job(const Query& query);

}  // namespace corral::adapters::store::sqlite
