#include "adapters/store/sqlite/queue_reads.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "adapters/store/sqlite/job_rows.h"
#include "adapters/store/sqlite/json_text.h"
#include "adapters/store/sqlite/schema.h"

namespace corral::adapters::store::sqlite {
namespace {

using ports::Job;
using ports::JobQuery;

// Several statements that see the same state of the database.
class Snapshot {
 public:
  explicit Snapshot(Database& database) : database_(database) { Query(database, "BEGIN").run(); }
  ~Snapshot() { database_.rollback(); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

 private:
  Database& database_;
};

// Each state has an index of its own. Changes of state are what a queue does most: they pay for no
// index that serves lists alone.
struct StateIndex {
  JobState state;
  const char* name;
  const char* condition;  // the index's own
};
constexpr StateIndex kDelayed{JobState::delayed, "jobs_delayed", "state = 0"};
constexpr StateIndex kReady{JobState::ready, "jobs_ready_by_group", "state = 1"};
// Of the ready jobs nearly none is not yet due: only by the clock of one who is behind.
constexpr StateIndex kReadyNotDue{JobState::ready, "jobs_ready_by_due", "state = 1 AND due > 0"};
constexpr StateIndex kClaimed{JobState::claimed, "jobs_claimed", "state = 2"};
constexpr StateIndex kCompleted{JobState::completed, "jobs_finished",
                                "finished IS NOT NULL AND state = 3"};
constexpr StateIndex kFailed{JobState::failed, "jobs_finished",
                             "finished IS NOT NULL AND state = 4"};

std::vector<StateIndex> indexes_of(const std::optional<std::string>& state) {
  if (!state) return {kDelayed, kReady, kClaimed, kCompleted, kFailed};
  if (*state == "ready") return {kDelayed, kReady};
  if (*state == "delayed") return {kDelayed, kReadyNotDue};
  if (*state == "claimed") return {kClaimed};
  if (*state == "completed") return {kCompleted};
  if (*state == "failed") return {kFailed};
  return {};
}

bool matches(const JobQuery& wanted, const std::vector<StateIndex>& indexes, const Query& row) {
  const auto state = static_cast<JobState>(row.integer(1));
  if (std::ranges::none_of(indexes, [&](const StateIndex& index) { return index.state == state; }))
    return false;
  if ((wanted.kind && row.view(2) != *wanted.kind) ||
      (wanted.group && row.view(3) != *wanted.group))
    return false;
  return wanted.state != "delayed" || row.time(4) > wanted.now;
}

std::int64_t before(const JobQuery& wanted) {
  return wanted.before_id != 0 ? static_cast<std::int64_t>(wanted.before_id)
                               : std::numeric_limits<std::int64_t>::max();
}

// Nothing when the newest jobs hold too few that match.
std::optional<std::vector<std::uint64_t>> find_among_newest(Database& database,
                                                            const JobQuery& wanted,
                                                            const std::vector<StateIndex>& indexes,
                                                            std::uint32_t limit) {
  constexpr int kNear = 200;
  Query query(database, "SELECT id, state, kind, grp, due FROM jobs WHERE id < ? ORDER BY id DESC",
              before(wanted));
  std::vector<std::uint64_t> ids;
  for (int seen = 0; seen < kNear; ++seen) {
    if (ids.size() == limit || !query.step()) return ids;
    if (matches(wanted, indexes, query)) ids.push_back(query.number(0));
  }
  return std::nullopt;
}

// Reads all of the state (and group) in its index, and sorts what matches: milliseconds for a
// hundred thousand jobs.
void find_of_state(Database& database, const JobQuery& wanted, const StateIndex& index,
                   std::uint32_t limit, std::vector<std::uint64_t>& ids) {
  std::string sql =
      fmt::format("SELECT id FROM jobs INDEXED BY {} WHERE {}", index.name, index.condition);
  if (wanted.group) sql += " AND grp = ?";
  if (wanted.kind) sql += " AND kind = ?";
  if (wanted.state == "delayed") sql += " AND due > ?";
  if (wanted.before_id != 0) sql += " AND id < ?";
  sql += " ORDER BY id DESC LIMIT ?";

  Query query(database, sql);
  if (wanted.group) query.bind(*wanted.group);
  if (wanted.kind) query.bind(*wanted.kind);
  if (wanted.state == "delayed") query.bind(wanted.now);
  if (wanted.before_id != 0) query.bind(wanted.before_id);
  query.bind(limit);
  while (query.step()) ids.push_back(query.number(0));
}

// Nothing when there are too many of the kind to look at each.
std::optional<std::vector<std::uint64_t>> find_of_kind(Database& database, const JobQuery& wanted,
                                                       const std::vector<StateIndex>& indexes,
                                                       std::uint32_t limit) {
  constexpr int kFew = 2'000;
  Query query(database,
              "SELECT id, state, kind, grp, due FROM jobs INDEXED BY jobs_by_kind WHERE kind = ? "
              "AND id < ? ORDER BY id DESC",
              *wanted.kind, before(wanted));
  std::vector<std::uint64_t> ids;
  for (int seen = 0; seen < kFew; ++seen) {
    if (ids.size() == limit || !query.step()) return ids;
    if (matches(wanted, indexes, query)) ids.push_back(query.number(0));
  }
  return std::nullopt;
}

std::vector<std::uint64_t> find_ids(Database& database, const JobQuery& wanted) {
  const auto limit = std::min(wanted.limit, ports::kMaxListLimit);
  const auto indexes = indexes_of(wanted.state);
  if (auto near = find_among_newest(database, wanted, indexes, limit)) return *std::move(near);
  if (wanted.kind)
    if (auto few = find_of_kind(database, wanted, indexes, limit)) return *std::move(few);
  std::vector<std::uint64_t> ids;
  for (const auto& index : indexes) find_of_state(database, wanted, index, limit, ids);
  std::ranges::sort(ids, std::greater{});
  if (ids.size() > limit) ids.resize(limit);
  return ids;
}

}  // namespace

std::optional<Job> find_job(Database& database, const std::string& key) {
  Query query(database,
              "SELECT " CORRAL_JOB_COLUMNS " FROM jobs WHERE key = ? ORDER BY id DESC LIMIT 1",
              key);
  if (!query.step()) return std::nullopt;
  return read_job(query);
}

std::vector<Job> list_jobs(Database& database, const JobQuery& wanted) {
  const Snapshot snapshot(database);
  std::vector<Job> jobs;
  for (const auto id : find_ids(database, wanted)) {
    Query query(database, "SELECT " CORRAL_JOB_COLUMNS " FROM jobs WHERE id = ?", id);
    if (query.step()) jobs.push_back(read_job(query));
  }
  return jobs;
}

ports::QueueCounts queue_counts(Database& database, Time now) {
  const Snapshot snapshot(database);
  ports::QueueCounts counts;
  {
    // As the states say; then what they do not know yet at `now`.
    Query query(
        database,
        "SELECT total(delayed), total(ready), total(claimed), total(completed), total(failed),"
        "  (SELECT count(*) FROM jobs INDEXED BY jobs_delayed WHERE state = 0 AND due <= ?1),"
        "  (SELECT count(*) FROM jobs INDEXED BY jobs_ready_by_due"
        "    WHERE state = 1 AND due > 0 AND due > ?1),"
        "  (SELECT count(*) FROM jobs INDEXED BY jobs_claimed"
        "    WHERE state = 2 AND lease_until <= ?1) "
        "FROM queue_groups",
        now);
    if (!query.step()) return counts;
    const auto due = query.number(5), not_due = query.number(6), lost = query.number(7);
    counts.delayed = query.number(0) - due + not_due;
    counts.ready = query.number(1) - not_due + due + lost;
    counts.claimed = query.number(2) - lost;
    counts.completed = query.number(3);
    counts.failed = query.number(4);
  }
  for (const auto* sql : {"SELECT entry FROM jobs INDEXED BY jobs_ready_by_entry"
                          " WHERE state = 1 AND due <= ? ORDER BY entry LIMIT 1",
                          "SELECT due FROM jobs INDEXED BY jobs_delayed"
                          " WHERE state = 0 AND due <= ? ORDER BY due LIMIT 1",
                          "SELECT entry FROM jobs INDEXED BY jobs_claimed"
                          " WHERE state = 2 AND lease_until <= ? ORDER BY entry LIMIT 1"}) {
    Query query(database, sql, now);
    if (query.step() && (!counts.oldest_due || query.time(0) < *counts.oldest_due))
      counts.oldest_due = query.time(0);
  }
  Query query(database, "SELECT name FROM queue_groups WHERE paused = 1 ORDER BY name");
  while (query.step()) counts.paused.push_back(query.text(0));
  return counts;
}

}  // namespace corral::adapters::store::sqlite
