#include "adapters/store/postgres/schema.h"

#include <array>

namespace corral::adapters::store::postgres {
namespace {

Statement plain(std::string sql) {
  return {.sql = std::move(sql), .parameters = {}, .prepared = false};
}

Failure unsupported(std::string message) {
  return {Failure::Kind::refused, {ErrorCode::unsupported, std::move(message), nullptr}};
}

Failure failure_from(Connection::Refusal refusal, std::string_view doing) {
  refusal.failure.error.message = fmt::format("{}: {}", doing, refusal.failure.error.message);
  return std::move(refusal.failure);
}

// Each is applied once, in order. After a release none changes what a database is after the last of
// them; a function that a later step replaces is written only there.
std::array<std::string, 3> migrations() {
  return {fmt::format("{}{}", kTables, kFunctions),
          "CREATE INDEX jobs_by_kind ON corral.jobs(kind, id)",
          fmt::format("{}{}", kIndexesForMany, kClaim)};
}

}  // namespace

Task<std::expected<void, Failure>> prepare_database(Connection& connection, Deadline deadline) {
  const auto about = plain(
      "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), "
      "to_regclass('corral.schema_steps') IS NOT NULL");
  std::vector<const Statement*> asked{&about};
  auto server = co_await connection.run(std::move(asked), deadline);
  if (!server)
    co_return std::unexpected(
        failure_from(std::move(server).error(), "asking the database what it is"));
  if (const auto version = server->front().integer(0, 0); version < 150000)
    co_return std::unexpected(unsupported(fmt::format(
        "the database server is PostgreSQL {}; Corral needs 15 or newer", version / 10000)));
  if (server->front().view(0, 1) != "UTF8")
    co_return std::unexpected(
        unsupported(fmt::format("the database's encoding is {}; make one with ENCODING 'UTF8'",
                                server->front().view(0, 1))));

  const auto steps = migrations();
  const auto found = plain("SELECT coalesce(max(step), 0)::bigint FROM corral.schema_steps");
  if (server->front().integer(0, 2) != 0) {
    std::vector<const Statement*> question{&found};
    auto applied = co_await connection.run(std::move(question), deadline);
    if (!applied)
      co_return std::unexpected(
          failure_from(std::move(applied).error(), "reading the database's schema steps"));
    const auto step = applied->front().integer(0, 0);
    if (step > static_cast<std::int64_t>(steps.size()))
      co_return std::unexpected(
          unsupported(fmt::format("the database has schema version {}, this program knows {}: run "
                                  "the newer Corral that made it",
                                  step, steps.size())));
    if (step == static_cast<std::int64_t>(steps.size())) co_return std::expected<void, Failure>{};
  }

  std::vector<Statement> work;
  work.push_back(plain(fmt::format("SELECT pg_advisory_xact_lock({}, {})", kLockClass,
                                   static_cast<int>(Lock::schema))));
  work.push_back(plain("CREATE SCHEMA IF NOT EXISTS corral"));
  work.push_back(
      plain("CREATE TABLE IF NOT EXISTS corral.schema_steps (step bigint PRIMARY KEY, applied "
            "timestamptz NOT NULL DEFAULT now())"));
  for (std::size_t step = 1; step <= steps.size(); ++step) {
    // Another server may have been first while this one waited for the lock.
    work.push_back(plain(fmt::format(
        "DO $step$ BEGIN IF NOT EXISTS (SELECT 1 FROM corral.schema_steps WHERE step = {}) THEN\n"
        "EXECUTE $text$ {} $text$; INSERT INTO corral.schema_steps(step) VALUES ({}); END IF; END "
        "$step$",
        step, steps[step - 1], step)));
  }
  std::vector<const Statement*> pointers;
  for (const auto& statement : work) pointers.push_back(&statement);
  auto done = co_await connection.run(std::move(pointers), deadline);
  if (!done)
    co_return std::unexpected(
        failure_from(std::move(done).error(), "bringing the database's schema up to date"));
  co_return std::expected<void, Failure>{};
}

}  // namespace corral::adapters::store::postgres
