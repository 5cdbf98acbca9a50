#include "adapters/store/sqlite/changes.h"

#include "adapters/store/sqlite/queue.h"

namespace corral::adapters::store::sqlite {
namespace {

using ports::Append;
using ports::DeleteDocument;
using ports::NewJob;
using ports::PutDocument;

struct Applier {
  Database& database;
  WriterState& state;
  const Time now;
  const std::string* next_text;

  Result<void> operator()(const Append& append);
  Result<void> operator()(const PutDocument& put);
  Result<void> operator()(const DeleteDocument& remove);
  Result<void> operator()(const NewJob& job) {
    return enqueue(database, state, job, *next_text++, now);
  }
  Result<void> operator()(const ports::CompleteJob& complete) {
    return complete_job(database, state, complete, now);
  }
  Result<void> operator()(const ports::ReleaseJob& release) {
    return release_job(database, state, release, now);
  }
  Result<void> operator()(const ports::WakeJob& wake) {
    return wake_job(database, state, wake, now);
  }
  Result<void> operator()(const ports::RetryJob& retry) {
    return retry_job(database, state, retry, now);
  }
  Result<void> operator()(const ports::DiscardJob& discard) {
    return discard_job(database, discard);
  }
  Result<void> operator()(const ports::PauseQueue& pause) {
    return pause_queue(database, state, pause);
  }

  Result<void> check_name(const ports::Document& document);
};

Result<void> Applier::operator()(const Append& append) {
  if (append.stream.empty())
    return fail(ErrorCode::invalid, "an event needs the name of its stream");
  std::uint64_t stream = 0, version = 0;
  {
    Query query(database, "SELECT id, version FROM streams WHERE name = ?", append.stream);
    if (query.step()) stream = query.number(0), version = query.number(1);
  }
  if (version != append.expected_version)
    return fail(ErrorCode::conflict, "stream {} is at version {}, not {}", append.stream, version,
                append.expected_version);
  if (append.events.empty()) return {};

  const auto last = version + append.events.size();
  if (stream == 0) {
    Query(database, "INSERT INTO streams(name, version) VALUES (?, ?)", append.stream, last).run();
    stream = static_cast<std::uint64_t>(database.last_insert_id());
  } else {
    Query(database, "UPDATE streams SET version = ? WHERE id = ?", last, stream).run();
  }
  for (const auto& event : append.events)
    Query(database,
          "INSERT INTO events(position, stream, version, type, data, actor, time, cause, "
          "correlation, trace) "
          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          ++state.position, stream, ++version, event.type, *next_text++, event.origin.actor, now,
          event.origin.cause, event.origin.correlation, event.origin.trace)
        .run();
  return {};
}

Result<void> Applier::check_name(const ports::Document& document) {
  if (document.name.empty()) return {};
  Query query(database, "SELECT id FROM documents WHERE kind = ? AND name = ? AND parent = ?",
              document.kind, document.name, document.parent);
  if (!query.step() || query.view(0) == document.id) return {};
  return fail(ErrorCode::conflict, "a {} named \"{}\" is already there", document.kind,
              document.name);
}

Result<void> Applier::operator()(const PutDocument& put) {
  const ports::Document& document = put.document;
  const std::string& body = *next_text++;
  if (document.kind.empty() || document.id.empty())
    return fail(ErrorCode::invalid, "a document needs a kind and an id");
  std::uint64_t row = 0, version = 0;
  {
    Query query(database, "SELECT rowid, version FROM documents WHERE kind = ? AND id = ?",
                document.kind, document.id);
    if (query.step()) row = query.number(0), version = query.number(1);
  }
  if (put.expected_version && *put.expected_version != version)
    return fail(ErrorCode::conflict, "{} {} is at version {}, not {}", document.kind, document.id,
                version, *put.expected_version);
  CORRAL_CHECK(check_name(document));
  if (version == 0) {
    Query(database,
          "INSERT INTO documents(kind, id, parent, state, name, version, created, updated, body) "
          "VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?)",
          document.kind, document.id, document.parent, document.state, Query::OrNull{document.name},
          now, now, body)
        .run();
  } else {
    Query(database,
          "UPDATE documents SET parent = ?, state = ?, name = ?, version = ?, updated = ?, body = "
          "? WHERE rowid = ?",
          document.parent, document.state, Query::OrNull{document.name}, version + 1, now, body,
          row)
        .run();
  }
  return {};
}

Result<void> Applier::operator()(const DeleteDocument& remove) {
  Query(database, "DELETE FROM documents WHERE kind = ? AND id = ?", remove.kind, remove.id).run();
  return {};
}

}  // namespace

EncodedTransaction encode(ports::Transaction transaction) {
  EncodedTransaction encoded{.transaction = std::move(transaction), .texts = {}};
  const auto take = [&](json::value& value) {
    encoded.texts.push_back(json::serialize(value));
    value = nullptr;  // a large one is not held twice
  };
  for (auto& change : encoded.transaction.changes) {
    if (auto* append = std::get_if<Append>(&change))
      for (auto& event : append->events) take(event.data);
    else if (auto* put = std::get_if<PutDocument>(&change))
      take(put->document.body);
    else if (auto* job = std::get_if<NewJob>(&change))
      take(job->payload);
  }
  return encoded;
}

Result<std::uint64_t> apply_transaction(Database& database, WriterState& state,
                                        const EncodedTransaction& encoded, Time now) {
  Applier applier{database, state, now, encoded.texts.data()};
  for (const auto& change : encoded.transaction.changes) CORRAL_CHECK(std::visit(applier, change));
  return state.position;
}

}  // namespace corral::adapters::store::sqlite
