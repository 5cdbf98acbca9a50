#include "adapters/store/sqlite/reads.h"

#include <algorithm>

#include "adapters/store/sqlite/json_text.h"
#include "adapters/store/sqlite/queue.h"

namespace corral::adapters::store::sqlite {
namespace {

using ports::Document;
using ports::Event;

#define CORRAL_DOCUMENT_COLUMNS "kind, id, parent, state, ifnull(name, ''), version, created, updated, body"

Document read_document(const Query& query) {
  Document document;
  document.kind = query.view(0);
  document.id = query.view(1);
  document.parent = query.view(2);
  document.state = query.view(3);
  document.name = query.view(4);
  document.version = query.number(5);
  document.created = query.time(6);
  document.updated = query.time(7);
  document.body = parse_text(query.view(8));
  return document;
}

std::vector<Event> read_events(Query& query) {
  std::vector<Event> events;
  while (query.step()) {
    Event& event = events.emplace_back();
    event.position = query.number(0);
    event.stream = query.view(1);
    event.version = query.number(2);
    event.type = query.view(3);
    event.data = parse_text(query.view(4));
    event.actor = query.view(5);
    event.time = query.time(6);
  }
  return events;
}

}  // namespace

std::vector<Event> read_stream(Database& database, const std::string& stream, std::uint64_t after_version, std::uint32_t limit) {
  Query query(database,
              "SELECT e.position, s.name, e.version, e.type, e.data, e.actor, e.time FROM streams s JOIN events e ON e.stream = s.id "
              "WHERE s.name = ? AND e.version > ? ORDER BY e.version LIMIT ?",
              stream, after_version, limit);
  return read_events(query);
}

std::vector<Event> read_all(Database& database, std::uint64_t after_position, std::uint32_t limit) {
  Query query(database,
              "SELECT e.position, s.name, e.version, e.type, e.data, e.actor, e.time FROM events e CROSS JOIN streams s ON s.id = e.stream "
              "WHERE e.position > ? ORDER BY e.position LIMIT ?",
              after_position, limit);
  return read_events(query);
}

std::uint64_t last_position(Database& database) {
  Query query(database, "SELECT ifnull(max(position), 0) FROM events");
  return query.step() ? query.number(0) : 0;
}

std::optional<Document> get_document(Database& database, const std::string& kind, const std::string& id) {
  Query query(database, "SELECT " CORRAL_DOCUMENT_COLUMNS " FROM documents WHERE kind = ? AND id = ?", kind, id);
  if (!query.step()) return std::nullopt;
  return read_document(query);
}

std::vector<Document> list_documents(Database& database, const ports::DocumentQuery& wanted) {
  // A statement for each set of filters, so that each finds its index. Few share a name: sorting them is cheaper than
  // walking all of the kind in order, which the planner would prefer.
  const bool named = wanted.name && !wanted.name->empty();
  std::string sql = "SELECT " CORRAL_DOCUMENT_COLUMNS " FROM documents";
  sql += named ? " INDEXED BY documents_by_name WHERE kind = ? AND name = ?" : " WHERE kind = ?";
  if (wanted.name && !named) sql += " AND name IS NULL";
  if (wanted.parent) sql += " AND parent = ?";
  if (wanted.state) sql += " AND state = ?";
  if (!wanted.before_id.empty()) sql += " AND id < ?";
  sql += " ORDER BY id DESC LIMIT ?";

  Query query(database, sql, wanted.kind);
  if (named) query.bind(*wanted.name);
  if (wanted.parent) query.bind(*wanted.parent);
  if (wanted.state) query.bind(*wanted.state);
  if (!wanted.before_id.empty()) query.bind(wanted.before_id);
  query.bind(std::min(wanted.limit, ports::kMaxListLimit));
  std::vector<Document> documents;
  while (query.step()) documents.push_back(read_document(query));
  return documents;
}

std::optional<ports::Job> find_job(Database& database, const std::string& key) {
  Query query(database, "SELECT " CORRAL_JOB_COLUMNS " FROM jobs WHERE key = ? ORDER BY id DESC LIMIT 1", key);
  if (!query.step()) return std::nullopt;
  return read_job(query);
}

ports::QueueCounts queue_counts(Database& database, Time now) {
  // One statement: one snapshot. Each count walks an index that holds nothing else.
  Query query(database,
              "SELECT (SELECT count(*) FROM jobs INDEXED BY jobs_ready WHERE state = 1),"
              "       (SELECT count(*) FROM jobs INDEXED BY jobs_ready WHERE state = 1 AND due > ?1),"
              "       (SELECT count(*) FROM jobs INDEXED BY jobs_delayed WHERE state = 0),"
              "       (SELECT count(*) FROM jobs INDEXED BY jobs_delayed WHERE state = 0 AND due <= ?1),"
              "       (SELECT count(*) FROM jobs INDEXED BY jobs_claimed WHERE state = 2),"
              "       (SELECT count(*) FROM jobs INDEXED BY jobs_claimed WHERE state = 2 AND lease_until <= ?1),"
              "       (SELECT count(*) FROM jobs INDEXED BY jobs_finished WHERE state = 3 AND finished IS NOT NULL),"
              "       (SELECT count(*) FROM jobs INDEXED BY jobs_finished WHERE state = 4 AND finished IS NOT NULL)",
              now);
  ports::QueueCounts counts;
  if (!query.step()) return counts;
  const auto ready = query.number(0), ready_later = query.number(1), delayed = query.number(2), due = query.number(3);
  const auto claimed = query.number(4), expired = query.number(5);
  counts.ready = ready - ready_later + due + expired;
  counts.delayed = delayed - due + ready_later;
  counts.claimed = claimed - expired;
  counts.completed = query.number(6);
  counts.failed = query.number(7);
  return counts;
}

}  // namespace corral::adapters::store::sqlite
