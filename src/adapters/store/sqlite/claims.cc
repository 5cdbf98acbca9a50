#include "adapters/store/sqlite/claims.h"

#include <map>
#include <set>
#include <tuple>

#include "adapters/store/sqlite/job_rows.h"
#include "adapters/store/sqlite/queue.h"

namespace corral::adapters::store::sqlite {
namespace {

using ports::ClaimQuery;
using ports::Job;

// How many of a group's first jobs are looked at before its sets of slots are taken one by one.
constexpr int kLookAhead = 4;

struct Place {
  std::uint64_t id = 0;
  std::int64_t priority = 0;
  Time entry;

  bool before(const Place& other) const {
    return std::tuple(-priority, entry, id) < std::tuple(-other.priority, other.entry, other.id);
  }
};

// A group and the best of its jobs: smaller goes first. The best of all its jobs is a bound for the
// best that may be claimed.
struct Rank {
  std::uint64_t claimed = 0, last_claim = 0;
  Place job;

  bool before(const Rank& other) const {
    return std::tuple(-job.priority, claimed, last_claim, job.entry, job.id) <
           std::tuple(-other.job.priority, other.claimed, other.last_claim, other.job.entry,
                      other.job.id);
  }
};

// For the choices of one call: what was full stays full.
class Chooser {
 public:
  Chooser(Database& database, Time now) : database_(database), now_(now) {}

  // The id of the best job, of those whose limits allow it.
  std::optional<std::uint64_t> choose(std::uint32_t per_group) {
    if (per_group == 0) return std::nullopt;
    std::erase_if(room_, [](const auto& known) { return known.second; });
    std::optional<Rank> best;
    Query groups(database_,
                 "SELECT name, claimed, last_claim, head_id, head_priority, head_entry FROM "
                 "queue_groups INDEXED BY queue_groups_next "
                 "WHERE head_id IS NOT NULL AND paused = 0 ORDER BY head_priority DESC, claimed, "
                 "last_claim, head_entry, head_id");
    while (groups.step()) {
      Rank rank{
          .claimed = groups.number(1),
          .last_claim = groups.number(2),
          .job = {.id = groups.number(3), .priority = groups.integer(4), .entry = groups.time(5)}};
      if (best && best->before(rank)) break;
      if (rank.claimed >= per_group) continue;
      if (without_any_.contains(groups.view(0))) continue;
      const auto place = best_of(groups.text(0));
      if (!place) {
        without_any_.emplace(groups.view(0));
        continue;
      }
      rank.job = *place;
      if (!best || rank.before(*best)) best = rank;
    }
    if (!best) return std::nullopt;
    return best->job.id;
  }

 private:
  std::optional<Place> best_of(const std::string& group) {
    int seen = 0;
    {
      Query query(database_,
                  "SELECT id, priority, entry, slots FROM jobs INDEXED BY jobs_ready_by_group "
                  "WHERE state = 1 AND grp = ? AND due <= ? "
                  "ORDER BY priority DESC, entry, id",
                  group, now_);
      while (seen < kLookAhead && query.step()) {
        ++seen;
        if (has_room(query.view(3))) return Place{query.number(0), query.integer(1), query.time(2)};
      }
    }
    if (seen < kLookAhead) return std::nullopt;
    return best_of_sets(group);
  }

  // A set of slots that is full costs one step, however many jobs have it. Jobs without any are
  // looked for among all of the group, inside the index.
  std::optional<Place> best_of_sets(const std::string& group) {
    std::optional<Place> best;
    {
      Query query(database_,
                  "SELECT id, priority, entry FROM jobs INDEXED BY jobs_ready_by_group WHERE state "
                  "= 1 AND grp = ? AND slots = '' AND due <= ? "
                  "ORDER BY priority DESC, entry, id LIMIT 1",
                  group, now_);
      if (query.step()) best = Place{query.number(0), query.integer(1), query.time(2)};
    }
    for (auto slots = next_set(group, std::nullopt); slots; slots = next_set(group, slots)) {
      if (!has_room(*slots)) continue;
      Query query(database_,
                  "SELECT id, priority, entry FROM jobs INDEXED BY jobs_ready_by_slots WHERE state "
                  "= 1 AND slots <> '' AND grp = ? AND slots = ? AND due <= ? "
                  "ORDER BY priority DESC, entry, id LIMIT 1",
                  group, *slots, now_);
      if (!query.step()) continue;
      const Place place{query.number(0), query.integer(1), query.time(2)};
      if (!best || place.before(*best)) best = place;
    }
    return best;
  }

  std::optional<std::string> next_set(const std::string& group,
                                      const std::optional<std::string>& after) {
    Query query(database_,
                after ? "SELECT slots FROM jobs INDEXED BY jobs_ready_by_slots WHERE state = 1 AND "
                        "slots <> '' AND grp = ? AND slots > ? ORDER BY slots LIMIT 1"
                      : "SELECT slots FROM jobs INDEXED BY jobs_ready_by_slots WHERE state = 1 AND "
                        "slots <> '' AND grp = ? ORDER BY slots LIMIT 1",
                group);
    if (after) query.bind(*after);
    if (!query.step()) return std::nullopt;
    return query.text(0);
  }

  bool has_room(std::string_view slots) {
    if (slots.empty()) return true;
    const auto known = room_.find(slots);
    if (known != room_.end()) return known->second;
    bool room = true;
    for (const auto& slot : slots_of(slots)) {
      Query query(database_, "SELECT count(*) FROM claimed_slots WHERE name = ?", slot.name);
      room = room && query.step() && query.number(0) < slot.limit;
    }
    room_.emplace(slots, room);
    return room;
  }

  Database& database_;
  const Time now_;
  std::map<std::string, bool, std::less<>> room_;  // by the text of the slots
  std::set<std::string, std::less<>>
      without_any_;  // groups whose every job is held back by its slots
};

Job take(Database& database, WriterState& state, const ClaimQuery& wanted, std::uint64_t id) {
  Job job;
  {
    Query query(database, "SELECT " CORRAL_JOB_COLUMNS " FROM jobs WHERE id = ?", id);
    CORRAL_ASSERT(query.step());
    job = read_job(query);
  }
  job.state = "claimed";
  job.lease_owner = wanted.owner;
  job.lease_until = wanted.now + wanted.lease;
  ++job.attempt;
  Query(database,
        "UPDATE OR FAIL jobs SET state = 2, owner = ?, lease_until = ?, claim = ?, attempt = ? "
        "WHERE id = ?",
        wanted.owner, job.lease_until, ++state.last_claim, job.attempt, id)
      .run();
  for (const auto& slot : job.slots)
    Query(database, "INSERT INTO claimed_slots(name, job) VALUES (?, ?)", slot.name, id).run();
  return job;
}

// A number that `sql` yields, 0 without a row.
std::uint64_t number(Database& database, std::string_view sql) {
  Query query(database, sql);
  return query.step() ? query.number(0) : 0;
}

// What every claim asks first.
struct Overview {
  std::optional<Time> delayed;    // the next that is due
  std::optional<Time> lease_end;  // the next
  std::uint64_t claimed = 0;
  bool paused = false;  // everything is
};

Overview look_at(Database& database) {
  Query query(database,
              "SELECT (SELECT due FROM jobs INDEXED BY jobs_delayed WHERE state = 0 ORDER BY due "
              "LIMIT 1), (SELECT lease_until FROM jobs INDEXED BY jobs_claimed WHERE state = 2 "
              "ORDER BY lease_until LIMIT 1), (SELECT count(*) FROM jobs INDEXED BY jobs_claimed "
              "WHERE state = 2), (SELECT paused FROM queue_groups WHERE name = '')");
  CORRAL_ASSERT(query.step());
  const auto time = [&](int column) {
    return query.is_null(column) ? std::nullopt : std::optional(query.time(column));
  };
  return {.delayed = time(0),
          .lease_end = time(1),
          .claimed = query.number(2),
          .paused = query.integer(3) != 0};
}

void note_empty_claim(Database& database, WriterState& state, Time now, std::optional<Time> next) {
  state.empty_epoch = state.job_epoch;
  ++state.empty_claims;
  // The second for a claimer whose clock is behind that of who enqueued.
  for (const auto* sql : {"SELECT due FROM jobs INDEXED BY jobs_delayed WHERE state = 0 AND due > "
                          "? ORDER BY due LIMIT 1",
                          "SELECT due FROM jobs INDEXED BY jobs_ready_by_due WHERE state = 1 AND "
                          "due > 0 AND due > ? ORDER BY due LIMIT 1"}) {
    Query query(database, sql, now);
    if (query.step() && (!next || query.time(0) < *next)) next = query.time(0);
  }
  state.next_due = next ? std::optional(*next - now) : std::nullopt;
}

}  // namespace

Result<std::vector<Job>> claim_jobs(Database& database, WriterState& state,
                                    const ClaimQuery& query) {
  std::vector<Job> jobs;
  if (query.most == 0) return jobs;
  auto queue = look_at(database);
  if (queue.delayed && *queue.delayed <= query.now)
    Query(database,
          "UPDATE OR FAIL jobs INDEXED BY jobs_delayed SET state = 1 WHERE state = 0 AND due <= ?",
          query.now)
        .run();
  if (queue.lease_end && *queue.lease_end <= query.now) {
    end_lost_leases(database, query.now);
    queue = look_at(database);
  }
  Chooser chooser(database, query.now);
  for (auto claimed = queue.claimed;
       !queue.paused && jobs.size() < query.most && claimed < query.limits.total; ++claimed) {
    const auto chosen = chooser.choose(query.limits.per_group);
    if (!chosen) break;
    jobs.push_back(take(database, state, query, *chosen));
  }
  if (jobs.empty()) note_empty_claim(database, state, query.now, queue.lease_end);
  return jobs;
}

std::uint64_t last_claim(Database& database) {
  return number(database, "SELECT ifnull(max(last_claim), 0) FROM queue_groups");
}

}  // namespace corral::adapters::store::sqlite
