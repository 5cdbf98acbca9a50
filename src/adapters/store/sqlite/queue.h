// What changes jobs (design.md, Queue), but for the claim. Everything here runs on the writer's
// thread, inside its transaction.
#pragma once

#include <optional>
#include <string>

#include "adapters/store/sqlite/changes.h"
#include "adapters/store/sqlite/database.h"
#include "ports/store.h"

namespace corral::adapters::store::sqlite {

Result<void> enqueue(Database& database, WriterState& state, const ports::NewJob& job,
                     const std::string& payload, Time now);
Result<void> complete_job(Database& database, WriterState& state,
                          const ports::CompleteJob& complete, Time now);
Result<void> release_job(Database& database, WriterState& state, const ports::ReleaseJob& release,
                         Time now);

Result<void> wake_job(Database& database, WriterState& state, const ports::WakeJob& wake, Time now);
Result<void> retry_job(Database& database, WriterState& state, const ports::RetryJob& retry,
                       Time now);
Result<void> discard_job(Database& database, const ports::DiscardJob& discard);
Result<void> pause_queue(Database& database, WriterState& state, const ports::PauseQueue& pause);

// Jobs whose lease ran out become ready, or dead letters.
void end_lost_leases(Database& database, Time now);
Result<void> heartbeat_job(Database& database, std::uint64_t job, const std::string& owner,
                           Time until);
void release_leases(Database& database, WriterState& state, const std::string& family,
                    const std::string& except);
// Deletes at most `at_most` jobs; false when nothing is left to delete.
bool trim_finished(Database& database, std::uint32_t keep_completed, std::uint32_t keep_failed,
                   std::uint32_t at_most);

}  // namespace corral::adapters::store::sqlite
