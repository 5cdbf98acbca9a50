#include "adapters/store/sqlite/queue.h"

#include <string>
#include <vector>

#include "adapters/store/sqlite/job_rows.h"
#include "adapters/store/sqlite/schema.h"

namespace corral::adapters::store::sqlite {
namespace {

// OR FAIL, where triggers follow: a statement that fails leaves what it did, and SQLite need not
// copy every page before it changes it. The writer undoes all of a call that fails.

struct Lease {
  std::uint32_t attempt = 0, max_attempts = 0;
};

Result<Lease> lease_of(Database& database, std::uint64_t job, const std::string& owner) {
  Query query(database,
              "SELECT attempt, max_attempts FROM jobs WHERE id = ? AND state = 2 AND owner = ?",
              job, owner);
  if (!query.step())
    return fail(ErrorCode::conflict, "job {} is not leased to {} any more", job, owner);
  return Lease{static_cast<std::uint32_t>(query.integer(0)),
               static_cast<std::uint32_t>(query.integer(1))};
}

void finish(Database& database, std::uint64_t job, JobState how, std::string_view error, Time now) {
  Query(database,
        "UPDATE OR FAIL jobs SET state = ?, owner = '', lease_until = 0, finished = ?, error = ? "
        "WHERE id "
        "= ?",
        static_cast<int>(how), now, error, job)
      .run();
}

void end_lease(Database& database, std::uint64_t job) {
  Query(database, "UPDATE OR FAIL jobs SET state = 1, owner = '', lease_until = 0 WHERE id = ?",
        job)
      .run();
}

// `job` is a dead letter: its key.
Result<std::string> dead_letter(Database& database, std::uint64_t job) {
  Query query(database, "SELECT key, state FROM jobs WHERE id = ?", job);
  if (!query.step()) return fail(ErrorCode::not_found, "there is no job {}", job);
  if (query.integer(1) != static_cast<int>(JobState::failed))
    return fail(ErrorCode::conflict, "job {} is no dead letter", job);
  return query.text(0);
}

bool has_open_job(Database& database, const std::string& key) {
  Query query(database, "SELECT 1 FROM jobs WHERE key = ? AND finished IS NULL", key);
  return query.step();
}

// The places under the limits that a claimed job has: with each of them another job may become
// ready.
std::uint64_t places(Database& database, std::uint64_t job) {
  Query query(database, "SELECT 1 + count(*) FROM claimed_slots WHERE job = ?", job);
  return query.step() ? query.number(0) : 1;
}

}  // namespace

Result<void> enqueue(Database& database, WriterState& state, const ports::NewJob& job,
                     const std::string& payload, Time now) {
  CORRAL_CHECK(ports::check_job(job));
  if (has_open_job(database, job.key)) return {};
  const auto slots = slots_text(job.slots);
  const auto first_state = job.due <= now ? JobState::ready : JobState::delayed;
  Query(database,
        "INSERT OR FAIL INTO jobs(state, kind, key, grp, priority, due, entry, attempt, "
        "max_attempts, "
        "owner, lease_until, error, payload, slots, "
        "created) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, '', 0, '', ?, ?, ?)",
        static_cast<int>(first_state), job.kind, job.key, job.group, job.priority, job.due,
        job.due == Time{} ? now : job.due, job.max_attempts, payload, slots, now)
      .run();
  ++state.job_epoch;
  return {};
}

Result<void> complete_job(Database& database, WriterState& state,
                          const ports::CompleteJob& complete, Time now) {
  const auto freed = places(database, complete.id);
  Query(database,
        "UPDATE OR FAIL jobs SET state = 3, owner = '', lease_until = 0, finished = ?, error = '' "
        "WHERE id "
        "= ? AND state = 2 AND owner = ?",
        now, complete.id, complete.owner)
      .run();
  if (database.changes() == 0)
    return fail(ErrorCode::conflict, "job {} is not leased to {} any more", complete.id,
                complete.owner);
  state.job_epoch += freed;
  return {};
}

Result<void> release_job(Database& database, WriterState& state, const ports::ReleaseJob& release,
                         Time now) {
  CORRAL_TRY(const auto lease, lease_of(database, release.id, release.owner));
  state.job_epoch += places(database, release.id);
  if (!release.keep_attempt && lease.attempt >= lease.max_attempts) {
    finish(database, release.id, JobState::failed, release.error, now);
    return {};
  }
  const auto next_state = release.due <= now ? JobState::ready : JobState::delayed;
  Query(database,
        "UPDATE OR FAIL jobs SET state = ?, owner = '', lease_until = 0, due = ?, entry = CASE "
        "WHEN ? THEN "
        "entry ELSE ? END, attempt = ?, error = ? "
        "WHERE id = ?",
        static_cast<int>(next_state), release.due, release.due == Time{}, release.due,
        lease.attempt - (release.keep_attempt ? 1 : 0), release.error, release.id)
      .run();
  return {};
}

Result<void> wake_job(Database& database, WriterState& state, const ports::WakeJob& wake,
                      Time now) {
  Query(database,
        "UPDATE OR FAIL jobs SET state = 1, due = 0, entry = ? WHERE key = ? AND state IN (0, 1) "
        "AND due > ?",
        now, wake.key, now)
      .run();
  state.job_epoch += static_cast<std::uint64_t>(database.changes());
  return {};
}

Result<void> retry_job(Database& database, WriterState& state, const ports::RetryJob& retry,
                       Time now) {
  CORRAL_TRY(const auto key, dead_letter(database, retry.id));
  if (has_open_job(database, key))
    return fail(ErrorCode::conflict, "another job has the key {} of job {}", key, retry.id);
  Query(database,
        "UPDATE OR FAIL jobs SET state = 1, finished = NULL, attempt = 0, due = 0, entry = ? WHERE "
        "id = ?",
        now, retry.id)
      .run();
  ++state.job_epoch;
  return {};
}

Result<void> discard_job(Database& database, const ports::DiscardJob& discard) {
  CORRAL_CHECK(dead_letter(database, discard.id));
  Query(database, "DELETE FROM jobs WHERE id = ?", discard.id).run();
  return {};
}

// The row without a name stands for everything, beside being that of the jobs without a group.
Result<void> pause_queue(Database& database, WriterState& state, const ports::PauseQueue& pause) {
  Query(database,
        "INSERT INTO queue_groups(name, paused) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET "
        "paused = excluded.paused",
        pause.group, pause.paused ? 1 : 0)
      .run();
  if (pause.paused) return {};
  Query query(database,
              "SELECT 1 + total(ready + delayed) FROM queue_groups WHERE name = ?1 OR ?1 = ''",
              pause.group);
  if (query.step()) state.job_epoch += query.number(0);
  return {};
}

void end_lost_leases(Database& database, Time now) {
  struct Lost {
    std::uint64_t id;
    bool last_attempt;
  };
  std::vector<Lost> lost;
  {
    Query query(database,
                "SELECT id, attempt >= max_attempts FROM jobs INDEXED BY jobs_claimed "
                "WHERE state = 2 AND lease_until <= ?",
                now);
    while (query.step()) lost.push_back({query.number(0), query.integer(1) != 0});
  }
  for (const auto& job : lost) {
    if (job.last_attempt)
      finish(database, job.id, JobState::failed, ports::kLeaseRanOut, now);
    else
      end_lease(database, job.id);
  }
}

Result<void> heartbeat_job(Database& database, std::uint64_t job, const std::string& owner,
                           Time until) {
  Query(database, "UPDATE jobs SET lease_until = ? WHERE id = ? AND state = 2 AND owner = ?", until,
        job, owner)
      .run();
  if (database.changes() == 0)
    return fail(ErrorCode::conflict, "job {} is not leased to {} any more", job, owner);
  return {};
}

void release_leases(Database& database, WriterState& state, const std::string& family,
                    const std::string& except) {
  Query(database,
        "UPDATE OR FAIL jobs SET state = 1, owner = '', lease_until = 0, attempt = attempt - 1 "
        "WHERE state = 2 AND owner <> ? AND substr(owner, 1, length(?)) = ?",
        except, family, family)
      .run();
  state.job_epoch += static_cast<std::uint64_t>(database.changes());
}

bool trim_finished(Database& database, std::uint32_t keep_completed, std::uint32_t keep_failed,
                   std::uint32_t at_most) {
  const auto trim = [&](JobState finished, std::uint32_t keep) {
    Query(database,
          "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs INDEXED BY jobs_finished WHERE state "
          "= ? AND finished IS NOT NULL "
          "ORDER BY finished DESC, id DESC LIMIT ? OFFSET ?)",
          static_cast<int>(finished), at_most, keep)
        .run();
    return database.changes() > 0;
  };
  const bool completed = trim(JobState::completed, keep_completed);
  const bool failed = trim(JobState::failed, keep_failed);
  return completed || failed;
}

}  // namespace corral::adapters::store::sqlite
