#include "adapters/store/sqlite/reads.h"

#include <algorithm>
#include <set>

#include "adapters/store/sqlite/json_text.h"

namespace corral::adapters::store::sqlite {
namespace {

using ports::Document;
using ports::Event;
using ports::EventQuery;

#define CORRAL_DOCUMENT_COLUMNS \
  "kind, id, parent, state, ifnull(name, ''), version, created, updated, body"

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

#define CORRAL_EVENT_COLUMNS                                                                 \
  "e.position, s.name, e.version, e.type, e.data, e.actor, e.time, e.cause, e.correlation, " \
  "e.trace"

void read_events(Query& query, std::vector<Event>& events) {
  while (query.step()) {
    Event& event = events.emplace_back();
    event.position = query.number(0);
    event.stream = query.view(1);
    event.version = query.number(2);
    event.type = query.view(3);
    event.data = parse_text(query.view(4));
    event.origin.actor = query.view(5);
    event.time = query.time(6);
    event.origin.cause = query.view(7);
    event.origin.correlation = query.view(8);
    event.origin.trace = query.view(9);
  }
}

using Positions = std::vector<std::uint64_t>;

struct Window {
  explicit Window(const EventQuery& query)
      : from(query.from.value_or(Time::min())), until(query.until.value_or(Time::max())) {}
  Time from, until;
  bool holds(Time time) const { return from <= time && time < until; }
};

// The first of each type, and of these the first.
Positions positions_of_types(Database& database, const EventQuery& wanted) {
  const Window window(wanted);
  const std::set<std::string> types(wanted.types.begin(), wanted.types.end());
  Positions found;
  for (const auto& type : types) {
    Query query(database,
                "SELECT position FROM events INDEXED BY events_by_type WHERE type = ? AND position "
                "> ? AND time >= ? AND time < ? "
                "ORDER BY position LIMIT ?",
                type, wanted.after_position, window.from, window.until, wanted.limit);
    while (query.step()) found.push_back(query.number(0));
  }
  std::ranges::sort(found);
  if (found.size() > wanted.limit) found.resize(wanted.limit);
  return found;
}

// In the middle of its window a reader finds the next events right behind the last. Elsewhere the
// index by time gives those of the whole window, which are then sorted: a clock may have gone back,
// so their order is another.
Positions positions_in_time(Database& database, const EventQuery& wanted) {
  constexpr int kNear = 2'000;
  const Window window(wanted);
  Positions found;
  int seen = 0;
  {
    Query query(database, "SELECT position, time FROM events WHERE position > ? ORDER BY position",
                wanted.after_position);
    while (seen < kNear && found.size() < wanted.limit && query.step()) {
      ++seen;
      if (window.holds(query.time(1))) found.push_back(query.number(0));
    }
    if (found.size() == wanted.limit || seen < kNear) return found;
  }
  found.clear();
  Query query(database,
              "SELECT position FROM events INDEXED BY events_by_time WHERE time >= ? AND time < ? "
              "AND position > ? ORDER BY position LIMIT ?",
              window.from, window.until, wanted.after_position, wanted.limit);
  while (query.step()) found.push_back(query.number(0));
  return found;
}

}  // namespace

std::vector<Event> read_stream(Database& database, const std::string& stream,
                               std::uint64_t after_version, std::uint32_t limit) {
  Query query(database,
              "SELECT " CORRAL_EVENT_COLUMNS
              " FROM streams s JOIN events e ON e.stream = s.id "
              "WHERE s.name = ? AND e.version > ? ORDER BY e.version LIMIT ?",
              stream, after_version, limit);
  std::vector<Event> events;
  read_events(query, events);
  return events;
}

// Events never change: a few statements see what one would.
std::vector<Event> read_all(Database& database, const EventQuery& wanted) {
  std::vector<Event> events;
  if (wanted.types.empty() && !wanted.from && !wanted.until) {
    Query query(database,
                "SELECT " CORRAL_EVENT_COLUMNS
                " FROM events e CROSS JOIN streams s ON s.id = e.stream "
                "WHERE e.position > ? ORDER BY e.position LIMIT ?",
                wanted.after_position, wanted.limit);
    read_events(query, events);
    return events;
  }
  for (const auto position : wanted.types.empty() ? positions_in_time(database, wanted)
                                                  : positions_of_types(database, wanted)) {
    Query query(database,
                "SELECT " CORRAL_EVENT_COLUMNS
                " FROM events e CROSS JOIN streams s ON s.id = e.stream WHERE e.position = ?",
                position);
    read_events(query, events);
  }
  return events;
}

std::vector<ports::StreamInfo> list_streams(Database& database, const std::string& prefix,
                                            const std::string& after_name, std::uint32_t limit) {
  Query query(
      database,
      "SELECT name, version FROM streams WHERE name > ? AND name >= ? ORDER BY name LIMIT ?",
      after_name, prefix, limit);
  std::vector<ports::StreamInfo> streams;
  while (query.step() && query.view(0).starts_with(prefix))
    streams.push_back({query.text(0), query.number(1)});
  return streams;
}

std::uint64_t last_position(Database& database) {
  Query query(database, "SELECT ifnull(max(position), 0) FROM events");
  return query.step() ? query.number(0) : 0;
}

std::optional<Document> get_document(Database& database, const std::string& kind,
                                     const std::string& id) {
  Query query(database,
              "SELECT " CORRAL_DOCUMENT_COLUMNS " FROM documents WHERE kind = ? AND id = ?", kind,
              id);
  if (!query.step()) return std::nullopt;
  return read_document(query);
}

std::vector<Document> list_documents(Database& database, const ports::DocumentQuery& wanted) {
  // A statement for each set of filters, so that each finds its index. Few share a name: sorting
  // them is cheaper than walking all of the kind in order, which the planner would prefer.
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

}  // namespace corral::adapters::store::sqlite
