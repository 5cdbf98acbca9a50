#include "adapters/store/sqlite/queue_reads.h"

#include <algorithm>
#include <functional>

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

std::vector<JobState> states_of(const std::optional<std::string>& name) {
  using enum JobState;
  if (!name) return {delayed, ready, claimed, completed, failed};
  if (*name == "ready" || *name == "delayed") return {delayed, ready};
  if (*name == "claimed") return {claimed};
  if (*name == "completed") return {completed};
  if (*name == "failed") return {failed};
  return {};
}

// The kinds that jobs of a state (and group) have, one step in the index each: they are few.
std::vector<std::string> kinds_of(Database& database, const JobQuery& wanted, JobState state) {
  if (wanted.kind) return {*wanted.kind};
  std::vector<std::string> kinds;
  for (std::string last;;) {
    Query query(database,
                wanted.group ? "SELECT kind FROM jobs INDEXED BY jobs_by_group"
                               " WHERE state = ? AND kind > ? AND grp = ? ORDER BY kind LIMIT 1"
                             : "SELECT kind FROM jobs INDEXED BY jobs_by_state"
                               " WHERE state = ? AND kind > ? ORDER BY kind LIMIT 1",
                static_cast<int>(state), last);
    if (wanted.group) query.bind(*wanted.group);
    if (!query.step()) return kinds;
    kinds.push_back(last = query.text(0));
  }
}

// The newest ids of one state and kind, from the index that has them in order.
void find_ids(Database& database, const JobQuery& wanted, JobState state, const std::string& kind,
              std::uint32_t limit, std::vector<std::uint64_t>& ids) {
  const bool not_yet_due = wanted.state && *wanted.state == "delayed";
  // Of the ready jobs nearly none is not yet due: only by the clock of one who is behind.
  const bool by_due = not_yet_due && state == JobState::ready;
  std::string sql = "SELECT id FROM jobs INDEXED BY ";
  sql += by_due ? "jobs_ready_by_due" : wanted.group ? "jobs_by_group" : "jobs_by_state";
  sql += by_due ? " WHERE state = 1 AND due > 0 AND kind = ?" : " WHERE state = ? AND kind = ?";
  if (wanted.group) sql += " AND grp = ?";
  if (not_yet_due) sql += " AND due > ?";
  if (wanted.before_id != 0) sql += " AND id < ?";
  sql += " ORDER BY id DESC LIMIT ?";

  Query query(database, sql);
  if (!by_due) query.bind(static_cast<int>(state));
  query.bind(kind);
  if (wanted.group) query.bind(*wanted.group);
  if (not_yet_due) query.bind(wanted.now);
  if (wanted.before_id != 0) query.bind(wanted.before_id);
  query.bind(limit);
  while (query.step()) ids.push_back(query.number(0));
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
  const auto limit = std::min(wanted.limit, ports::kMaxListLimit);
  std::vector<std::uint64_t> ids;
  for (const auto state : states_of(wanted.state))
    for (const auto& kind : kinds_of(database, wanted, state))
      find_ids(database, wanted, state, kind, limit, ids);
  std::ranges::sort(ids, std::greater{});
  if (ids.size() > limit) ids.resize(limit);
  std::vector<Job> jobs;
  for (const auto id : ids) {
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
