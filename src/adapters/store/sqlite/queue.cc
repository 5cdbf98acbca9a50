#include "adapters/store/sqlite/queue.h"

#include <algorithm>
#include <vector>

#include "adapters/store/sqlite/json_text.h"
#include "adapters/store/sqlite/schema.h"

namespace corral::adapters::store::sqlite {
namespace {

using ports::Job;

struct Lease {
  std::uint32_t attempt = 0, max_attempts = 0;
};

Result<Lease> lease_of(Database& database, std::uint64_t job, const std::string& owner) {
  Query query(database, "SELECT attempt, max_attempts FROM jobs WHERE id = ? AND state = 2 AND owner = ?", job, owner);
  if (!query.step()) return fail(ErrorCode::conflict, "job {} is not leased to {} any more", job, owner);
  return Lease{static_cast<std::uint32_t>(query.integer(0)), static_cast<std::uint32_t>(query.integer(1))};
}

void finish(Database& database, std::uint64_t job, JobState how, std::string_view error, Time now) {
  Query(database, "UPDATE jobs SET state = ?, owner = '', lease_until = 0, finished = ?, error = ? WHERE id = ?",
        static_cast<int>(how), now, error, job)
      .run();
}

void end_lease(Database& database, std::uint64_t job) {
  Query(database, "UPDATE jobs SET state = 1, owner = '', lease_until = 0 WHERE id = ?", job).run();
}

// The jobs under way, by group.
struct Claimed {
  std::vector<std::pair<std::string, std::uint32_t>> groups;
  std::uint32_t total = 0;
  std::optional<Time> next_end;

  void add(std::string_view group, Time lease_until) {
    ++total;
    if (!next_end || lease_until < *next_end) next_end = lease_until;
    // The index yields them group by group.
    if (groups.empty() || groups.back().first != group) groups.emplace_back(group, 0);
    ++groups.back().second;
  }
  bool full(std::string_view group, std::uint32_t limit) const {
    if (limit == 0) return true;
    return std::ranges::any_of(groups, [&](const auto& entry) { return entry.first == group && entry.second >= limit; });
  }
};

// Counts the leases that hold, and ends those that ran out.
Claimed sweep(Database& database, Time now) {
  Claimed claimed;
  std::vector<std::uint64_t> expired;
  {
    Query query(database, "SELECT grp, lease_until, id FROM jobs INDEXED BY jobs_claimed WHERE state = 2 ORDER BY grp");
    while (query.step()) {
      if (query.time(1) > now) claimed.add(query.view(0), query.time(1));
      else expired.push_back(query.number(2));
    }
  }
  for (const auto id : expired) {
    bool last = false;
    {
      Query query(database, "SELECT attempt >= max_attempts FROM jobs WHERE id = ?", id);
      last = query.step() && query.integer(0) != 0;
    }
    if (last) finish(database, id, JobState::failed, ports::kLeaseRanOut, now);
    else end_lease(database, id);
  }
  return claimed;
}

struct Candidate {
  std::uint64_t id = 0;
  std::int64_t priority = 0;
  Time entry;

  bool before(const Candidate& other) const {
    return std::tuple(-priority, entry, id) < std::tuple(-other.priority, other.entry, other.id);
  }
};

// The first group with ready jobs, or the next after `group`: one step in the index however many jobs a group has.
std::optional<std::string> next_group(Database& database, const std::optional<std::string>& group) {
  Query query(database, group ? "SELECT grp FROM jobs INDEXED BY jobs_ready_by_group WHERE state = 1 AND grp > ? ORDER BY grp LIMIT 1"
                              : "SELECT grp FROM jobs INDEXED BY jobs_ready_by_group WHERE state = 1 ORDER BY grp LIMIT 1");
  if (group) query.bind(*group);
  if (!query.step()) return std::nullopt;
  return query.text(0);
}

// Takes each group's best and then the best of them: a full group with thousands waiting costs one step.
std::optional<Candidate> best_by_group(Database& database, const Claimed& claimed, const ClaimRequest& request) {
  std::optional<Candidate> best;
  for (auto group = next_group(database, std::nullopt); group; group = next_group(database, group)) {
    if (claimed.full(*group, request.limits.per_group)) continue;
    Query query(database,
                "SELECT id, priority, entry FROM jobs INDEXED BY jobs_ready_by_group WHERE state = 1 AND grp = ? AND due <= ? "
                "ORDER BY priority DESC, entry, id LIMIT 1",
                *group, request.now);
    if (!query.step()) continue;
    const Candidate candidate{query.number(0), query.integer(1), query.time(2)};
    if (!best || candidate.before(*best)) best = candidate;
  }
  return best;
}

std::optional<std::uint64_t> choose(Database& database, const Claimed& claimed, const ClaimRequest& request) {
  if (claimed.total >= request.limits.total || request.limits.per_group == 0) return std::nullopt;
  // The head of the queue is nearly always the answer.
  constexpr int kLookAhead = 16;
  int seen = 0;
  {
    Query query(database,
                "SELECT id, grp FROM jobs INDEXED BY jobs_ready WHERE state = 1 AND due <= ? ORDER BY priority DESC, entry, id", request.now);
    while (seen < kLookAhead && query.step()) {
      ++seen;
      if (!claimed.full(query.view(1), request.limits.per_group)) return query.number(0);
    }
  }
  if (seen < kLookAhead) return std::nullopt;
  const auto best = best_by_group(database, claimed, request);
  if (!best) return std::nullopt;
  return best->id;
}

std::string_view state_name(std::int64_t state) {
  switch (static_cast<JobState>(state)) {
    case JobState::delayed:
    case JobState::ready: return "ready";
    case JobState::claimed: return "claimed";
    case JobState::completed: return "completed";
    case JobState::failed: return "failed";
  }
  return "";
}

}  // namespace

Job read_job(const Query& query) {
  Job job;
  job.id = query.number(0);
  job.kind = query.view(1);
  job.key = query.view(2);
  job.group = query.view(3);
  job.payload = parse_text(query.view(4));
  job.priority = static_cast<int>(query.integer(5));
  job.due = query.time(6);
  job.attempt = static_cast<std::uint32_t>(query.integer(7));
  job.max_attempts = static_cast<std::uint32_t>(query.integer(8));
  job.lease_owner = query.view(9);
  job.lease_until = query.time(10);
  job.state = state_name(query.integer(11));
  job.error = query.view(12);
  return job;
}

Result<void> enqueue(Database& database, WriterState& state, const ports::NewJob& job, const std::string& payload, Time now) {
  if (job.kind.empty() || job.key.empty()) return fail(ErrorCode::invalid, "a job needs a kind and a key");
  if (job.max_attempts == 0) return fail(ErrorCode::invalid, "job {}: max_attempts must be at least 1", job.key);
  {
    Query query(database, "SELECT 1 FROM jobs WHERE key = ? AND finished IS NULL", job.key);
    if (query.step()) return {};
  }
  const auto first_state = job.due <= now ? JobState::ready : JobState::delayed;
  Query(database,
        "INSERT INTO jobs(state, kind, key, grp, priority, due, entry, attempt, max_attempts, owner, lease_until, error, payload) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, '', 0, '', ?)",
        static_cast<int>(first_state), job.kind, job.key, job.group, job.priority, job.due, job.due == Time{} ? now : job.due,
        job.max_attempts, payload)
      .run();
  ++state.job_epoch;
  return {};
}

Result<void> complete_job(Database& database, WriterState& state, const ports::CompleteJob& complete, Time now) {
  Query(database, "UPDATE jobs SET state = 3, owner = '', lease_until = 0, finished = ?, error = '' WHERE id = ? AND state = 2 AND owner = ?",
        now, complete.id, complete.owner)
      .run();
  if (database.changes() == 0) return fail(ErrorCode::conflict, "job {} is not leased to {} any more", complete.id, complete.owner);
  ++state.job_epoch;  // its place under the limits is free
  return {};
}

Result<void> release_job(Database& database, WriterState& state, const ports::ReleaseJob& release, Time now) {
  CORRAL_TRY(const auto lease, lease_of(database, release.id, release.owner));
  ++state.job_epoch;
  if (!release.keep_attempt && lease.attempt >= lease.max_attempts) {
    finish(database, release.id, JobState::failed, release.error, now);
    return {};
  }
  const auto next_state = release.due <= now ? JobState::ready : JobState::delayed;
  Query(database,
        "UPDATE jobs SET state = ?, owner = '', lease_until = 0, due = ?, entry = CASE WHEN ? THEN entry ELSE ? END, attempt = ?, error = ? "
        "WHERE id = ?",
        static_cast<int>(next_state), release.due, release.due == Time{}, release.due, lease.attempt - (release.keep_attempt ? 1 : 0),
        release.error, release.id)
      .run();
  return {};
}

Result<std::optional<Job>> claim_job(Database& database, WriterState& state, const ClaimRequest& request) {
  Query(database, "UPDATE jobs SET state = 1 WHERE state = 0 AND due <= ?", request.now).run();
  const auto claimed = sweep(database, request.now);
  const auto chosen = choose(database, claimed, request);
  if (!chosen) {
    state.empty_epoch = state.job_epoch;
    ++state.empty_claims;
    auto next = claimed.next_end;
    Query query(database, "SELECT due FROM jobs INDEXED BY jobs_delayed WHERE state = 0 ORDER BY due LIMIT 1");
    if (query.step() && (!next || query.time(0) < *next)) next = query.time(0);
    state.next_due = next ? std::optional(*next - request.now) : std::nullopt;
    return std::nullopt;
  }
  Query query(database,
              "UPDATE jobs SET state = 2, owner = ?, lease_until = ?, attempt = attempt + 1 WHERE id = ? RETURNING " CORRAL_JOB_COLUMNS,
              request.owner, request.now + request.lease, *chosen);
  CORRAL_ASSERT(query.step());
  std::optional<Job> job = read_job(query);
  while (query.step()) {
  }
  return job;
}

Result<void> heartbeat_job(Database& database, std::uint64_t job, const std::string& owner, Time until) {
  Query(database, "UPDATE jobs SET lease_until = ? WHERE id = ? AND state = 2 AND owner = ?", until, job, owner).run();
  if (database.changes() == 0) return fail(ErrorCode::conflict, "job {} is not leased to {} any more", job, owner);
  return {};
}

void release_leases(Database& database, WriterState& state, const std::string& except_owner) {
  Query(database, "UPDATE jobs SET state = 1, owner = '', lease_until = 0, attempt = attempt - 1 WHERE state = 2 AND owner <> ?", except_owner)
      .run();
  state.job_epoch += static_cast<std::uint64_t>(database.changes());
}

bool trim_finished(Database& database, std::uint32_t keep_completed, std::uint32_t keep_failed, std::uint32_t at_most) {
  const auto trim = [&](JobState finished, std::uint32_t keep) {
    Query(database,
          "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs INDEXED BY jobs_finished WHERE state = ? AND finished IS NOT NULL "
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
