// Transactions, written: what each Change does to the tables. Runs on the writer's thread.
#pragma once

#include <string>
#include <vector>

#include "adapters/store/sqlite/database.h"
#include "ports/store.h"

namespace corral::adapters::store::sqlite {

// What the writer knows without asking the database. Copied before each transaction, to go back
// when that is refused.
struct WriterState {
  std::uint64_t position = 0;    // of the last event
  std::uint64_t job_epoch = 1;   // grows with each job that may have become ready
  std::uint64_t last_claim = 0;  // numbers the claims: which group was served when

  // As of the last claim that found nothing: nothing was ready at that epoch, until the wait is
  // over.
  std::uint64_t empty_epoch = 0;
  std::optional<Duration> next_due;
  std::uint64_t empty_claims = 0;
};

// A transaction whose JSON is already text, in the order of the changes: so the writer does not
// spend time on it.
struct EncodedTransaction {
  ports::Transaction transaction;
  std::vector<std::string> texts;
};
EncodedTransaction encode(ports::Transaction transaction);

// Applies all changes inside the open SQLite transaction. On a refusal (`conflict`, `invalid`) the
// caller goes back to its savepoint and its copy of the state. Returns the log's end.
Result<std::uint64_t> apply_transaction(Database& database, WriterState& state,
                                        const EncodedTransaction& encoded, Time now);

}  // namespace corral::adapters::store::sqlite
