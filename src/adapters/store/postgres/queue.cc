#include "adapters/store/postgres/queue.h"

#include <algorithm>

#include "adapters/store/postgres/json_text.h"
#include "adapters/store/postgres/schema.h"

namespace corral::adapters::store::postgres {
namespace {

using ports::Job;

// [["name", limit], …]; the same slots are the same text.
std::string slots_text(const std::vector<ports::Slot>& slots) {
  if (slots.empty()) return "";
  json::array list;
  for (const auto& slot : slots) list.push_back(json::array{slot.name, slot.limit});
  return json::serialize(list);
}

Result<std::vector<ports::Slot>> slots_of(std::string_view text) {
  std::vector<ports::Slot> slots;
  if (text.empty()) return slots;
  CORRAL_TRY(const auto list, parse_text(text));
  for (const auto& slot : list.as_array())
    slots.push_back({std::string(slot.as_array().at(0).as_string()),
                     slot.as_array().at(1).to_number<std::uint32_t>()});
  return slots;
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

void add_waking(Write& write, Statement statement) {
  write.wakes.push_back(write.statements.size());
  write.statements.push_back(std::move(statement));
}

}  // namespace

Result<void> add_change(Write& write, const ports::NewJob& job, Time now) {
  CORRAL_CHECK(ports::check_job(job));
  add_waking(write, {.sql = "INSERT INTO corral.jobs(state, kind, key, grp, slots, priority, due, "
                            "created, entry, max_attempts, payload) "
                            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT "
                            "(key) WHERE state < 3 DO NOTHING",
                     .parameters = Parameters()
                                       .integer(static_cast<int>(
                                           job.due <= now ? JobState::ready : JobState::delayed))
                                       .text(job.kind)
                                       .text(job.key)
                                       .text(job.group)
                                       .text(slots_text(job.slots))
                                       .integer(job.priority)
                                       .time(job.due)
                                       .time(now)
                                       .time(job.due == Time{} ? now : job.due)
                                       .integer(job.max_attempts)
                                       .bytes(json::serialize(job.payload))});
  return {};
}

Result<void> add_change(Write& write, const ports::CompleteJob& complete, Time now) {
  // Its places under the limits are free.
  add_waking(write,
             {.sql = "SELECT corral.complete_job($1, $2, $3)",
              .parameters = Parameters().integer(complete.id).text(complete.owner).time(now)});
  return {};
}

Result<void> add_change(Write& write, const ports::ReleaseJob& release, Time now) {
  add_waking(write, {.sql = "SELECT corral.release_job($1, $2, $3, $4, $5, $6)",
                     .parameters = Parameters()
                                       .integer(release.id)
                                       .text(release.owner)
                                       .time(release.due)
                                       .text(release.error)
                                       .boolean(release.keep_attempt)
                                       .time(now)});
  return {};
}

Result<void> add_change(Write& write, const ports::WakeJob& wake, Time now) {
  add_waking(write, {.sql = "UPDATE corral.jobs SET state = 1, due = 0, entry = $2 WHERE key = $1 "
                            "AND state < 2 AND due > $2",
                     .parameters = Parameters().text(wake.key).time(now)});
  return {};
}

Result<void> add_change(Write& write, const ports::RetryJob& retry, Time now) {
  add_waking(write, {.sql = "SELECT corral.retry_job($1, $2)",
                     .parameters = Parameters().integer(retry.id).time(now)});
  return {};
}

Result<void> add_change(Write& write, const ports::DiscardJob& discard, Time) {
  write.statements.push_back(
      {.sql = "SELECT corral.discard_job($1)", .parameters = Parameters().integer(discard.id)});
  return {};
}

Result<void> add_change(Write& write, const ports::PauseQueue& pause, Time) {
  // In the claims' order: when the pause is committed, no claim is under way that did not see it.
  write.queue = true;
  add_waking(write, {.sql = "INSERT INTO corral.queue_groups(name, paused) VALUES ($1, $2) ON "
                            "CONFLICT (name) DO UPDATE SET paused = EXCLUDED.paused "
                            "RETURNING CASE WHEN paused THEN 0 ELSE (SELECT count(*) FROM "
                            "corral.jobs WHERE state < 2) END",
                     .parameters = Parameters().text(pause.group).boolean(pause.paused)});
  return {};
}

void add_claim(Write& write, const ports::ClaimQuery& query, const std::string& claim) {
  write.queue = true;
  write.statements.push_back(
      {.sql = "SELECT " CORRAL_JOB_COLUMNS " FROM corral.claim_jobs($1, $2, $3, $4, $5, $6, $7)",
       .parameters = Parameters()
                         .text(query.owner)
                         .text(claim)
                         .time(query.now)
                         .integer(query.lease.count())
                         .integer(query.limits.per_group)
                         .integer(query.limits.total)
                         .integer(query.most)});
  write.instead.push_back({.sql = "SELECT " CORRAL_JOB_COLUMNS
                                  " FROM corral.jobs WHERE state = 2 AND owner = $1 AND "
                                  "claim = $2 ORDER BY priority DESC, entry, id",
                           .parameters = Parameters().text(query.owner).text(claim)});
}

Write write_of_heartbeat(std::uint64_t job, const std::string& owner, Time until) {
  Write write;
  write.statements.push_back({.sql = "SELECT corral.heartbeat($1, $2, $3)",
                              .parameters = Parameters().integer(job).text(owner).time(until)});
  return write;
}

Write write_of_release_leases(const std::string& family, const std::string& except) {
  Write write;
  add_waking(write, {.sql = "UPDATE corral.jobs SET state = 1, owner = '', claim = '', lease_until "
                            "= 0, attempt = attempt - 1 WHERE state = 2 AND owner <> $1 AND "
                            "starts_with(owner, $2)",
                     .parameters = Parameters().text(except).text(family)});
  return write;
}

Write write_of_trim(std::uint32_t keep_completed, std::uint32_t keep_failed,
                    std::uint32_t at_most) {
  Write write;
  const auto trim = [&](JobState finished, std::uint32_t keep) {
    write.statements.push_back(
        {.sql = "DELETE FROM corral.jobs WHERE id IN (SELECT id FROM corral.jobs WHERE state = $1 "
                "AND state >= 3 "
                "ORDER BY finished DESC, id DESC LIMIT $2 OFFSET $3)",
         .parameters =
             Parameters().integer(static_cast<int>(finished)).integer(at_most).integer(keep)});
  };
  trim(JobState::completed, keep_completed);
  trim(JobState::failed, keep_failed);
  write.instead = write.statements;
  return write;
}

Statement find_job_statement(const std::string& key) {
  // One is open at most; of those finished the newest is found in an index of their own.
  return {.sql = "SELECT * FROM ((SELECT " CORRAL_JOB_COLUMNS
                 " FROM corral.jobs WHERE key = $1 AND state < 3) UNION ALL "
                 "(SELECT " CORRAL_JOB_COLUMNS
                 " FROM corral.jobs WHERE key = $1 AND state >= 3 ORDER BY id DESC LIMIT 1)) found "
                 "ORDER BY id DESC LIMIT 1",
          .parameters = Parameters().text(key)};
}

Statement list_jobs_statement(const ports::JobQuery& query) {
  Statement statement{.sql = "SELECT " CORRAL_JOB_COLUMNS " FROM corral.jobs WHERE true",
                      .parameters = {},
                      .prepared = false};
  const auto where = [&](std::string_view condition) {
    statement.sql += fmt::format(" AND {}${}", condition, statement.parameters.size());
  };
  if (query.kind) statement.parameters.text(*query.kind), where("kind = ");
  if (query.group) statement.parameters.text(*query.group), where("grp = ");
  if (query.before_id != 0) statement.parameters.integer(query.before_id), where("id < ");
  if (query.state == "delayed")
    statement.parameters.time(query.now), where("state < 2 AND due > ");
  else if (query.state == "ready")
    statement.sql += " AND state < 2";
  else if (query.state == "claimed")
    statement.sql += " AND state = 2";
  else if (query.state == "completed")
    statement.sql += " AND state = 3";
  else if (query.state == "failed")
    statement.sql += " AND state = 4";
  else if (query.state)
    statement.sql += " AND false";
  statement.parameters.integer(std::min(query.limit, ports::kMaxListLimit));
  statement.sql += fmt::format(" ORDER BY id DESC LIMIT ${}", statement.parameters.size());
  return statement;
}

Statement queue_counts_statement(Time now) {
  // Each count has an index of its own.
  return {.sql =
              "SELECT ready.n + due.n + lapsed.n, later.n + delayed.n, claimed.n, completed.n, "
              "failed.n, least(ready.oldest, due.oldest, lapsed.oldest) FROM"
              " (SELECT count(*) AS n, min(entry) AS oldest FROM corral.jobs"
              "  WHERE state = 1 AND due <= $1) ready,"
              " (SELECT count(*) AS n FROM corral.jobs WHERE state = 1 AND due > $1) later,"
              " (SELECT count(*) AS n, min(entry) AS oldest FROM corral.jobs"
              "  WHERE state = 0 AND due <= $1) due,"
              " (SELECT count(*) AS n FROM corral.jobs WHERE state = 0 AND due > $1) delayed,"
              " (SELECT count(*) AS n, min(entry) AS oldest FROM corral.jobs"
              "  WHERE state = 2 AND lease_until <= $1) lapsed,"
              " (SELECT count(*) AS n FROM corral.jobs"
              "  WHERE state = 2 AND lease_until > $1) claimed,"
              " (SELECT count(*) AS n FROM corral.jobs WHERE state = 3) completed,"
              " (SELECT count(*) AS n FROM corral.jobs WHERE state = 4) failed",
          .parameters = Parameters().time(now)};
}

Statement paused_groups_statement() {
  return {.sql = "SELECT name FROM corral.queue_groups WHERE paused ORDER BY name",
          .parameters = {}};
}

Result<std::vector<Job>> read_jobs(const Rows& rows) {
  std::vector<Job> jobs;
  for (int row = 0; row < rows.size(); ++row) {
    if (rows.is_null(row, 0)) continue;
    Job& job = jobs.emplace_back();
    job.id = rows.number(row, 0);
    job.kind = rows.view(row, 1);
    job.key = rows.view(row, 2);
    job.group = rows.view(row, 3);
    CORRAL_TRY(job.slots, slots_of(rows.view(row, 4)));
    CORRAL_TRY(job.payload, parse_text(rows.view(row, 5)));
    job.priority = static_cast<int>(rows.integer(row, 6));
    job.due = rows.time(row, 7);
    job.created = rows.time(row, 8);
    job.attempt = static_cast<std::uint32_t>(rows.integer(row, 9));
    job.max_attempts = static_cast<std::uint32_t>(rows.integer(row, 10));
    job.lease_owner = rows.view(row, 11);
    job.lease_until = rows.time(row, 12);
    job.state = state_name(rows.integer(row, 13));
    job.error = rows.view(row, 14);
  }
  return jobs;
}

std::optional<Time> next_due(const Rows& claimed) {
  constexpr int kLeaseUntil = 12;
  if (claimed.size() == 0 || !claimed.is_null(0, 0) || claimed.is_null(0, kLeaseUntil))
    return std::nullopt;
  return claimed.time(0, kLeaseUntil);
}

ports::QueueCounts read_queue_counts(const Rows& counts, const Rows& paused) {
  ports::QueueCounts read;
  read.ready = counts.number(0, 0);
  read.delayed = counts.number(0, 1);
  read.claimed = counts.number(0, 2);
  read.completed = counts.number(0, 3);
  read.failed = counts.number(0, 4);
  if (!counts.is_null(0, 5)) read.oldest_due = counts.time(0, 5);
  for (int row = 0; row < paused.size(); ++row) read.paused.push_back(paused.text(row, 0));
  return read;
}

}  // namespace corral::adapters::store::postgres
