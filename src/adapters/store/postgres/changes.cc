#include "adapters/store/postgres/changes.h"

#include <variant>

#include "adapters/store/postgres/queue.h"

namespace corral::adapters::store::postgres {
namespace {

struct Maker {
  Write& write;
  const Time now;

  Result<void> operator()(ports::Append& append);
  Result<void> operator()(ports::PutDocument& put);
  Result<void> operator()(ports::DeleteDocument& remove);
  // The queue's changes.
  Result<void> operator()(auto& change) { return add_change(write, change, now); }
};

Result<void> Maker::operator()(ports::Append& append) {
  if (append.stream.empty())
    return fail(ErrorCode::invalid, "an event needs the name of its stream");
  // Also where it only looks: nobody may append to the stream until this is committed.
  write.log = true;
  write.events += append.events.size();
  write.statements.push_back({.sql = "SELECT corral.expect_version($1, $2, $3)",
                              .parameters = Parameters()
                                                .text(append.stream)
                                                .integer(append.expected_version)
                                                .integer(append.events.size())});
  auto version = append.expected_version;
  for (auto& event : append.events)
    write.statements.push_back({.sql = "INSERT INTO corral.events(position, stream, version, type, "
                                       "data, actor, cause, correlation, trace, time) "
                                       "VALUES ((SELECT coalesce(max(position), 0) + 1 FROM "
                                       "corral.events), $1, $2, $3, $4, $5, $6, $7, $8, $9)",
                                .parameters = Parameters()
                                                  .text(append.stream)
                                                  .integer(++version)
                                                  .text(event.type)
                                                  .bytes(json::serialize(event.data))
                                                  .text(event.origin.actor)
                                                  .text(event.origin.cause)
                                                  .text(event.origin.correlation)
                                                  .text(event.origin.trace)
                                                  .time(now)});
  return {};
}

Result<void> Maker::operator()(ports::PutDocument& put) {
  const ports::Document& document = put.document;
  if (document.kind.empty() || document.id.empty())
    return fail(ErrorCode::invalid, "a document needs a kind and an id");
  write.log = true;
  write.statements.push_back({.sql = "SELECT corral.put_document($1, $2, $3, $4, $5, $6, $7, $8)",
                              .parameters = Parameters()
                                                .text(document.kind)
                                                .text(document.id)
                                                .text(document.parent)
                                                .text(document.state)
                                                .text(document.name)
                                                .bytes(json::serialize(document.body))
                                                .optional_integer(put.expected_version)
                                                .time(now)});
  return {};
}

Result<void> Maker::operator()(ports::DeleteDocument& remove) {
  write.log = true;
  write.statements.push_back({.sql = "DELETE FROM corral.documents WHERE kind = $1 AND id = $2",
                              .parameters = Parameters().text(remove.kind).text(remove.id)});
  return {};
}

}  // namespace

std::size_t Write::size_bytes() const {
  std::size_t sum = 0;
  for (const auto& statement : statements) sum += statement.parameters.size_bytes();
  return sum;
}

Result<Write> write_of(ports::Transaction transaction, Time now) {
  Write write;
  Maker maker{write, now};
  for (auto& change : transaction.changes) CORRAL_CHECK(std::visit(maker, change));
  return write;
}

}  // namespace corral::adapters::store::postgres
