// Transactions as statements: what each Change does to the tables.
#pragma once

#include <cstdint>
#include <vector>

#include "adapters/store/postgres/statement.h"
#include "ports/store.h"

namespace corral::adapters::store::postgres {

// What a call wants written. Handed to the writer, which puts several into one transaction.
struct Write {
  std::vector<Statement> statements;
  std::uint64_t events = 0;  // how many it appends
  // Takes its turn among all servers: appends, relies on a stream's version, or writes documents
  // (which two transactions might otherwise lock in opposite orders).
  bool log = false;
  bool queue = false;  // decides by how many jobs are claimed
  // The statements after which jobs may have become ready: as many as the first row says, or as
  // rows were touched.
  std::vector<std::size_t> wakes;
  // Asked when the transaction turns out to be committed although its answer was lost. Empty:
  // nobody needs the rows.
  std::vector<Statement> instead;

  std::size_t size_bytes() const;
};

// Checks what can be checked without the database (`invalid`), and turns the JSON into text: before
// the writer's turn.
Result<Write> write_of(ports::Transaction transaction, Time now);

}  // namespace corral::adapters::store::postgres
