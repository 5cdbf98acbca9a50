#include "adapters/store/sqlite/schema.h"

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
};

std::int64_t pragma(Database& database, std::string_view sql) {
  Query query(database, sql);
  return query.step() ? query.integer(0) : 0;
}

[[noreturn]] void refuse(ErrorCode code, std::string message) { throw SqliteFailure({code, std::move(message), nullptr}); }

}  // namespace

void prepare_database(Database& database) {
  const auto found = pragma(database, "PRAGMA user_version");
  const auto application = pragma(database, "PRAGMA application_id");
  const auto tables = pragma(database, "SELECT count(*) FROM sqlite_schema");
  if (tables > 0 && application != kApplicationId)
    refuse(ErrorCode::corrupt, "the database is not one of Corral's; name another file, or move this one away");
  if (found > static_cast<std::int64_t>(kMigrations.size()))
    refuse(ErrorCode::unsupported, fmt::format("the database has schema version {}, this program knows {}: run the newer Corral that made it",
                                               found, kMigrations.size()));
  // NORMAL: commits are synced by the Syncer.
  database.execute(fmt::format("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8000;"
                               "PRAGMA wal_autocheckpoint = {}; PRAGMA journal_size_limit = 67108864; PRAGMA foreign_keys = OFF;",
                               kCheckpointPages)
                       .c_str());
  for (auto step = static_cast<std::size_t>(found); step < kMigrations.size(); ++step) {
    database.execute("BEGIN IMMEDIATE");
    database.execute(kMigrations[step]);
    database.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplicationId, step + 1).c_str());
    database.execute("COMMIT");
  }
}

}  // namespace corral::adapters::store::sqlite
