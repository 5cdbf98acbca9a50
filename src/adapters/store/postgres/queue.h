// The queue's side of statements and rows (design.md, Queue). The rules themselves are
// functions.cc.
#pragma once

#include <string>
#include <vector>

#include "adapters/store/postgres/changes.h"
#include "adapters/store/postgres/statement.h"
#include "ports/store.h"

namespace corral::adapters::store::postgres {

Result<void> add_change(Write& write, const ports::NewJob& job, Time now);
Result<void> add_change(Write& write, const ports::CompleteJob& complete, Time now);
Result<void> add_change(Write& write, const ports::ReleaseJob& release, Time now);
Result<void> add_change(Write& write, const ports::WakeJob& wake, Time now);
Result<void> add_change(Write& write, const ports::RetryJob& retry, Time now);
Result<void> add_change(Write& write, const ports::DiscardJob& discard, Time now);
Result<void> add_change(Write& write, const ports::PauseQueue& pause, Time now);

// As the last statement. `claim` is unique to the call: by it the jobs are found again when the
// answer was lost. Its result: the jobs, or a row without an id.
void add_claim(Write& write, const ports::ClaimQuery& query, const std::string& claim);
// When there may be jobs because time has passed, as a claim that found nothing says.
std::optional<Time> next_due(const Rows& claimed);
Write write_of_heartbeat(std::uint64_t job, const std::string& owner, Time until);
Write write_of_release_leases(const std::string& family, const std::string& except);
// Deletes at most `at_most` jobs of each kind; its two results say how many.
Write write_of_trim(std::uint32_t keep_completed, std::uint32_t keep_failed, std::uint32_t at_most);

Statement find_job_statement(const std::string& key);
Statement list_jobs_statement(const ports::JobQuery& query);
Statement queue_counts_statement(Time now);
Statement paused_groups_statement();

// All columns of a job, in the order that read_jobs expects.
#define CORRAL_JOB_COLUMNS                                                                     \
  "id, kind, key, grp, slots, payload, priority, due, created, attempt, max_attempts, owner, " \
  "lease_until, state, error"
Result<std::vector<ports::Job>> read_jobs(const Rows& rows);
ports::QueueCounts read_queue_counts(const Rows& counts, const Rows& paused);

}  // namespace corral::adapters::store::postgres
