#include "adapters/store/postgres/reads.h"

#include <algorithm>
#include <limits>

#include "adapters/store/postgres/json_text.h"

namespace corral::adapters::store::postgres {
namespace {

#define CORRAL_EVENT_COLUMNS \
  "position, stream, version, type, data, actor, cause, correlation, trace, time"
#define CORRAL_DOCUMENT_COLUMNS "kind, id, parent, state, name, version, created, updated, body"

// " AND <condition>$n" for the parameter that was added last.
void where(Statement& statement, std::string_view condition) {
  statement.sql += fmt::format(" AND {}${}", condition, statement.parameters.size());
}

// Positions of events after $1, at most $2, with a time from $3 on and before $4. What the planner
// takes for likely is not left to it: a type may be absent, a window far away.

// In the middle of its window a reader finds the next events right behind the last. Elsewhere the
// index by time gives those of the whole window, which are then sorted: a clock may have gone back,
// so their order is another.
constexpr std::string_view kInTime =
    "WITH near AS MATERIALIZED ("
    "  SELECT position, time FROM corral.events WHERE position > $1 ORDER BY position LIMIT 2000),"
    " here AS MATERIALIZED ("
    "  SELECT position FROM near WHERE time >= $3 AND time < $4 ORDER BY position LIMIT $2),"
    " far AS MATERIALIZED (SELECT (SELECT count(*) FROM here) < $2"
    "  AND (SELECT count(*) FROM near) = 2000 AS away),"
    " found AS (SELECT position FROM here WHERE NOT (SELECT away FROM far)"
    "  UNION ALL SELECT position + 0 FROM corral.events"  // + 0: by time, not in order
    "  WHERE (SELECT away FROM far) AND time >= $3 AND time < $4 AND position > $1"
    "  ORDER BY 1 LIMIT $2) ";

// The first of each type ($5, a JSON array), and of these the first.
constexpr std::string_view kOfTypes =
    "WITH wanted AS MATERIALIZED (SELECT DISTINCT jsonb_array_elements_text($5::jsonb) AS type),"
    " found AS (SELECT first.position FROM wanted CROSS JOIN LATERAL ("
    "   SELECT position FROM corral.events e WHERE (e.type, e.position) > (wanted.type, $1)"
    "   AND e.type <= wanted.type AND e.time >= $3 AND e.time < $4"
    "   ORDER BY e.type, e.position LIMIT $2) first ORDER BY 1 LIMIT $2) ";

// Without a last character of which only the first bytes are there: PostgreSQL takes no such text.
std::string_view whole_characters(std::string_view text) {
  std::size_t last = text.size();
  while (last > 0 && (static_cast<unsigned char>(text[last - 1]) & 0xc0) == 0x80) --last;
  if (last == 0) return text;
  const auto lead = static_cast<unsigned char>(text[last - 1]);
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return text.size() - (last - 1) < length ? text.substr(0, last - 1) : text;
}

}  // namespace

Statement read_stream_statement(const std::string& stream, std::uint64_t after_version,
                                std::uint32_t limit) {
  return {.sql = "SELECT " CORRAL_EVENT_COLUMNS
                 " FROM corral.events WHERE stream = $1 AND version > $2 ORDER BY version LIMIT $3",
          .parameters = Parameters().text(stream).integer(after_version).integer(limit)};
}

Statement read_all_statement(const ports::EventQuery& query) {
  Parameters asked;
  asked.integer(query.after_position).integer(query.limit);
  if (query.types.empty() && !query.from && !query.until)
    return {.sql = "SELECT " CORRAL_EVENT_COLUMNS
                   " FROM corral.events WHERE position > $1 ORDER BY position LIMIT $2",
            .parameters = std::move(asked)};
  constexpr auto kAlways = std::numeric_limits<std::int64_t>::max();
  asked.integer(query.from ? query.from->time_since_epoch().count() : 0)
      .integer(query.until ? query.until->time_since_epoch().count() : kAlways);
  if (!query.types.empty()) {
    json::array types;
    for (const auto& type : query.types) types.emplace_back(type);
    asked.text(json::serialize(types));
  }
  return {.sql = fmt::format("{}SELECT " CORRAL_EVENT_COLUMNS
                             " FROM corral.events WHERE position IN (SELECT position FROM found) "
                             "ORDER BY position",
                             query.types.empty() ? kInTime : kOfTypes),
          .parameters = std::move(asked)};
}

Statement list_streams_statement(const std::string& prefix, const std::string& after_name,
                                 std::uint32_t limit) {
  // The text is for the index (planned for its value, a prefix becomes a range), the bytes say what
  // is meant.
  return {.sql =
              "SELECT name, version FROM corral.streams WHERE starts_with(name, $1) AND "
              "substring(convert_to(name, 'UTF8') FROM 1 FOR $2::int) = $3 "
              "AND name > $4 ORDER BY name LIMIT $5",
          .parameters = Parameters()
                            .text(whole_characters(prefix))
                            .integer(prefix.size())
                            .bytes(prefix)
                            .text(after_name)
                            .integer(limit),
          .prepared = false};
}

Statement get_document_statement(const std::string& kind, const std::string& id) {
  return {
      .sql = "SELECT " CORRAL_DOCUMENT_COLUMNS " FROM corral.documents WHERE kind = $1 AND id = $2",
      .parameters = Parameters().text(kind).text(id)};
}

Statement list_documents_statement(const ports::DocumentQuery& query) {
  Statement statement{
      .sql = "SELECT " CORRAL_DOCUMENT_COLUMNS " FROM corral.documents WHERE kind = $1",
      .parameters = Parameters().text(query.kind)};
  if (query.name && query.name->empty())
    statement.sql += " AND name IS NULL";
  else if (query.name)
    statement.parameters.text(*query.name), where(statement, "name = ");
  if (query.parent) statement.parameters.text(*query.parent), where(statement, "parent = ");
  if (query.state) statement.parameters.text(*query.state), where(statement, "state = ");
  if (!query.before_id.empty())
    statement.parameters.text(query.before_id), where(statement, "id < ");
  statement.parameters.integer(std::min(query.limit, ports::kMaxListLimit));
  statement.sql += fmt::format(" ORDER BY id DESC LIMIT ${}", statement.parameters.size());
  return statement;
}

Result<std::vector<ports::Event>> read_events(const Rows& rows) {
  std::vector<ports::Event> events;
  for (int row = 0; row < rows.size(); ++row) {
    ports::Event& event = events.emplace_back();
    event.position = rows.number(row, 0);
    event.stream = rows.view(row, 1);
    event.version = rows.number(row, 2);
    event.type = rows.view(row, 3);
    CORRAL_TRY(event.data, parse_text(rows.view(row, 4)));
    event.origin = {rows.text(row, 5), rows.text(row, 6), rows.text(row, 7), rows.text(row, 8)};
    event.time = rows.time(row, 9);
  }
  return events;
}

std::vector<ports::StreamInfo> read_streams(const Rows& rows) {
  std::vector<ports::StreamInfo> streams;
  for (int row = 0; row < rows.size(); ++row)
    streams.push_back({rows.text(row, 0), rows.number(row, 1)});
  return streams;
}

Result<std::vector<ports::Document>> read_documents(const Rows& rows) {
  std::vector<ports::Document> documents;
  for (int row = 0; row < rows.size(); ++row) {
    ports::Document& document = documents.emplace_back();
    document.kind = rows.view(row, 0);
    document.id = rows.view(row, 1);
    document.parent = rows.view(row, 2);
    document.state = rows.view(row, 3);
    document.name = rows.view(row, 4);
    document.version = rows.number(row, 5);
    document.created = rows.time(row, 6);
    document.updated = rows.time(row, 7);
    CORRAL_TRY(document.body, parse_text(rows.view(row, 8)));
  }
  return documents;
}

}  // namespace corral::adapters::store::postgres
