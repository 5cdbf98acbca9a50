#include "adapters/store/sqlite/schema.h"

#include <algorithm>
#include <array>

namespace corral::adapters::store::sqlite {
namespace {

// "CRRL": tells a Corral database from any other SQLite file.
constexpr std::int64_t kApplicationId = 0x4352524c;

// Each is applied once, in order; never changed after a release. user_version counts them.
constexpr std::array kMigrations{
    R"sql(
CREATE TABLE streams (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL
) STRICT;
CREATE TABLE events (
  position INTEGER PRIMARY KEY,
  stream INTEGER NOT NULL REFERENCES streams(id),
  version INTEGER NOT NULL,
  type TEXT NOT NULL,
  data TEXT NOT NULL,
  actor TEXT NOT NULL,
  time INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_by_stream ON events(stream, version);

CREATE TABLE documents (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  parent TEXT NOT NULL,
  state TEXT NOT NULL,
  name TEXT,
  version INTEGER NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX documents_by_id ON documents(kind, id);
CREATE UNIQUE INDEX documents_by_name ON documents(kind, name, parent) WHERE name IS NOT NULL;
CREATE INDEX documents_by_parent ON documents(kind, parent, id);
CREATE INDEX documents_by_state ON documents(kind, state, id);
CREATE INDEX documents_by_parent_and_state ON documents(kind, parent, state, id);

CREATE TABLE jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  state INTEGER NOT NULL,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  grp TEXT NOT NULL,
  priority INTEGER NOT NULL,
  due INTEGER NOT NULL,
  entry INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  owner TEXT NOT NULL,
  lease_until INTEGER NOT NULL,
  finished INTEGER,
  error TEXT NOT NULL,
  payload TEXT NOT NULL
) STRICT;
CREATE INDEX jobs_by_key ON jobs(key);
CREATE INDEX jobs_delayed ON jobs(due) WHERE state = 0;
CREATE INDEX jobs_ready ON jobs(priority DESC, entry, id, due, grp, state) WHERE state = 1;
CREATE INDEX jobs_ready_by_group ON jobs(grp, priority DESC, entry, id, due, state) WHERE state = 1;
CREATE INDEX jobs_claimed ON jobs(grp, lease_until, state) WHERE state = 2;
CREATE INDEX jobs_finished ON jobs(state, finished) WHERE finished IS NOT NULL;
)sql",

    // Origins of events; questions by type and time. Slots of jobs; a row for each group with what
    // a claim and the counts would otherwise have to look for among the jobs: kept true by
    // triggers, whatever statement changes a job.
    R"sql(
ALTER TABLE events ADD COLUMN cause TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN correlation TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN trace TEXT NOT NULL DEFAULT '';
CREATE INDEX events_by_type ON events(type, position, time);
CREATE INDEX events_by_time ON events(time, position);

ALTER TABLE jobs ADD COLUMN slots TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN created INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET created = min(entry, CAST(strftime('%s', 'now') AS INTEGER) * 1000);
DROP INDEX jobs_ready;
DROP INDEX jobs_ready_by_group;
DROP INDEX jobs_claimed;
DROP INDEX jobs_delayed;
CREATE INDEX jobs_delayed ON jobs(due, grp, kind, state) WHERE state = 0;
CREATE INDEX jobs_ready_by_group ON jobs(grp, priority DESC, entry, id, due, slots, kind, state) WHERE state = 1;
CREATE INDEX jobs_ready_by_slots ON jobs(grp, slots, priority DESC, entry, id, due, state) WHERE state = 1 AND slots <> '';
CREATE INDEX jobs_ready_by_entry ON jobs(entry, due, state) WHERE state = 1;
CREATE INDEX jobs_ready_by_due ON jobs(due, state) WHERE state = 1 AND due > 0;
CREATE INDEX jobs_claimed ON jobs(lease_until, entry, state) WHERE state = 2;

CREATE TABLE claimed_slots (
  name TEXT NOT NULL,
  job INTEGER NOT NULL,
  PRIMARY KEY (name, job)
) STRICT, WITHOUT ROWID;
CREATE INDEX claimed_slots_by_job ON claimed_slots(job);

CREATE TABLE queue_groups (
  name TEXT NOT NULL UNIQUE,
  delayed INTEGER NOT NULL DEFAULT 0,
  ready INTEGER NOT NULL DEFAULT 0,
  claimed INTEGER NOT NULL DEFAULT 0,
  completed INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  paused INTEGER NOT NULL DEFAULT 0,
  last_claim INTEGER NOT NULL DEFAULT 0,
  head_priority INTEGER,
  head_entry INTEGER,
  head_id INTEGER
) STRICT;
CREATE INDEX queue_groups_next ON queue_groups(head_priority DESC, claimed, last_claim, head_entry, head_id, name)
  WHERE head_id IS NOT NULL AND paused = 0;
INSERT INTO queue_groups(name, delayed, ready, claimed, completed, failed)
  SELECT grp, sum(state = 0), sum(state = 1), sum(state = 2), sum(state = 3), sum(state = 4) FROM jobs GROUP BY grp;
UPDATE queue_groups SET (head_priority, head_entry, head_id) = (
  SELECT priority, entry, id FROM jobs INDEXED BY jobs_ready_by_group WHERE state = 1 AND grp = name ORDER BY priority DESC, entry, id LIMIT 1);

-- A job is delayed or ready when it comes. The index of the groups is written only when their best job is another.
CREATE TRIGGER jobs_inserted AFTER INSERT ON jobs BEGIN
  INSERT INTO queue_groups(name, delayed, ready) VALUES (NEW.grp, NEW.state = 0, NEW.state = 1)
    ON CONFLICT(name) DO UPDATE SET delayed = delayed + excluded.delayed, ready = ready + excluded.ready;
  UPDATE queue_groups SET head_priority = NEW.priority, head_entry = NEW.entry, head_id = NEW.id
    WHERE name = NEW.grp AND NEW.state = 1
      AND (head_id IS NULL OR (-NEW.priority, NEW.entry, NEW.id) < (-head_priority, head_entry, head_id));
END;
CREATE TRIGGER jobs_updated AFTER UPDATE OF state, entry ON jobs BEGIN
  UPDATE queue_groups SET delayed = delayed - (OLD.state = 0) + (NEW.state = 0), ready = ready - (OLD.state = 1) + (NEW.state = 1),
    claimed = claimed - (OLD.state = 2) + (NEW.state = 2), completed = completed - (OLD.state = 3) + (NEW.state = 3),
    failed = failed - (OLD.state = 4) + (NEW.state = 4), (head_priority, head_entry, head_id) = (
      SELECT priority, entry, id FROM jobs INDEXED BY jobs_ready_by_group WHERE state = 1 AND grp = NEW.grp ORDER BY priority DESC, entry, id LIMIT 1)
    WHERE name = NEW.grp;
  DELETE FROM claimed_slots WHERE job = OLD.id AND OLD.state = 2 AND OLD.slots <> '';
END;
CREATE TRIGGER jobs_deleted AFTER DELETE ON jobs BEGIN
  UPDATE queue_groups SET delayed = delayed - (OLD.state = 0), ready = ready - (OLD.state = 1), claimed = claimed - (OLD.state = 2),
    completed = completed - (OLD.state = 3), failed = failed - (OLD.state = 4) WHERE name = OLD.grp;
  UPDATE queue_groups SET (head_priority, head_entry, head_id) = (
    SELECT priority, entry, id FROM jobs INDEXED BY jobs_ready_by_group WHERE state = 1 AND grp = OLD.grp ORDER BY priority DESC, entry, id LIMIT 1)
    WHERE name = OLD.grp AND OLD.state = 1;
END;
)sql",

    // A claim's number comes with it, so that its job and its group are written once. A change of
    // state that makes no job ready and takes none leaves the group's best job alone. Lists by
    // kind: an index that changes of state do not touch.
    R"sql(
ALTER TABLE jobs ADD COLUMN claim INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_by_kind ON jobs(kind);
DROP TRIGGER jobs_updated;
CREATE TRIGGER jobs_updated AFTER UPDATE OF state, entry ON jobs WHEN OLD.state = 1 OR NEW.state = 1 BEGIN
  UPDATE queue_groups SET delayed = delayed - (OLD.state = 0) + (NEW.state = 0), ready = ready - (OLD.state = 1) + (NEW.state = 1),
    claimed = claimed - (OLD.state = 2) + (NEW.state = 2), completed = completed - (OLD.state = 3) + (NEW.state = 3),
    failed = failed - (OLD.state = 4) + (NEW.state = 4), last_claim = max(last_claim, NEW.claim), (head_priority, head_entry, head_id) = (
      SELECT priority, entry, id FROM jobs INDEXED BY jobs_ready_by_group WHERE state = 1 AND grp = NEW.grp ORDER BY priority DESC, entry, id LIMIT 1)
    WHERE name = NEW.grp;
END;
CREATE TRIGGER jobs_counted AFTER UPDATE OF state ON jobs WHEN OLD.state <> 1 AND NEW.state <> 1 BEGIN
  UPDATE queue_groups SET delayed = delayed - (OLD.state = 0) + (NEW.state = 0),
    claimed = claimed - (OLD.state = 2) + (NEW.state = 2), completed = completed - (OLD.state = 3) + (NEW.state = 3),
    failed = failed - (OLD.state = 4) + (NEW.state = 4)
    WHERE name = NEW.grp;
END;
CREATE TRIGGER jobs_slots_freed AFTER UPDATE OF state ON jobs WHEN OLD.state = 2 AND OLD.slots <> '' BEGIN
  DELETE FROM claimed_slots WHERE job = OLD.id;
END;
)sql",
};

std::int64_t pragma(Database& database, std::string_view sql) {
  Query query(database, sql);
  return query.step() ? query.integer(0) : 0;
}

[[noreturn]] void refuse(ErrorCode code, std::string message) {
  throw SqliteFailure({code, std::move(message), nullptr});
}

}  // namespace

void prepare_database(Database& database, std::size_t up_to) {
  const auto found = pragma(database, "PRAGMA user_version");
  const auto application = pragma(database, "PRAGMA application_id");
  const auto tables = pragma(database, "SELECT count(*) FROM sqlite_schema");
  if (tables > 0 && application != kApplicationId)
    refuse(ErrorCode::corrupt,
           "the database is not one of Corral's; name another file, or move this one away");
  if (found > static_cast<std::int64_t>(kMigrations.size()))
    refuse(ErrorCode::unsupported, fmt::format("the database has schema version {}, this program "
                                               "knows {}: run the newer Corral that made it",
                                               found, kMigrations.size()));
  // NORMAL: commits are synced by the Syncer.
  database.execute(fmt::format("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA "
                               "temp_store = MEMORY; PRAGMA cache_size = -8000;"
                               "PRAGMA wal_autocheckpoint = {}; PRAGMA journal_size_limit = "
                               "67108864; PRAGMA foreign_keys = OFF;",
                               kCheckpointPages)
                       .c_str());
  for (auto step = static_cast<std::size_t>(found); step < std::min(up_to, kMigrations.size());
       ++step) {
    database.execute("BEGIN IMMEDIATE");
    database.execute(kMigrations[step]);
    database.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                                 kApplicationId, step + 1)
                         .c_str());
    database.execute("COMMIT");
  }
}

}  // namespace corral::adapters::store::sqlite
