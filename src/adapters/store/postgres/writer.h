// The one connection that writes, with adaptive group commit: what waits while one transaction is
// under way shares the next.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapters/store/postgres/changes.h"
#include "adapters/store/postgres/connection.h"
#include "adapters/store/postgres/waiting.h"
#include "base/condition.h"

namespace corral::adapters::store::postgres {

struct Written {
  std::uint64_t position = 0;  // of the last event appended, or of the log
  std::vector<Rows> rows;  // of each statement; of `instead` where those were asked; empty where
                           // neither was to be had
};

// Global order. An event's position is the highest one plus one, taken under the log's lock (an
// advisory lock of the transaction), which is held until the commit is visible. So positions become
// visible in their order and without gaps, however many servers write: a reader that has seen
// position n has seen all before it. What is serialised by that is one short transaction for each
// server, with all that its callers had waiting. A sequence would hand out positions to
// transactions that commit in another order, and leave gaps; publishing only below the oldest
// transaction under way would let one slow transaction, of any other program too, hold up every
// reader.
//
// Nothing lost, nothing doubled. A connection that breaks while a batch is under way leaves its
// outcome open. The batch has a number, which its transaction writes into this writer's row before
// anything else. On the next connection the writer settles that number: the row tells whether the
// batch was committed, and is set so that a transaction which still comes through is refused. Then
// the batch is answered, or written again.
//
// Lives on one executor.
class Writer {
 public:
  struct Options {
    std::string id;           // unique to this store
    Duration patience;        // how long a call waits for a database that is away
    Duration answer_timeout;  // for a transaction; then the connection counts as broken
    std::size_t max_waiting;  // calls; more wait for room
  };
  Writer(const Endpoint& endpoint, Clock& clock, Waiting& waiting, Options options)
      : endpoint_(endpoint), clock_(clock), waiting_(waiting), options_(std::move(options)) {}

  // `unavailable` when the database does not come back in time: the message says whether the
  // outcome is known.
  Task<Result<Written>> run(Write write);

  // Connects, brings the schema up to date, registers. Once, before all else.
  Task<Result<void>> open();
  // Serves the calls until it is cancelled.
  Task<void> serve();
  // Returns when every call is answered.
  Task<void> drained();

 private:
  struct Call {
    Write write;
    Deadline deadline;
    std::optional<std::uint64_t> position;  // known already, when only rows are asked for
    Result<Written> answer = fail(ErrorCode::internal, "the call was not run");
    bool answered = false;
    Condition ended;
  };
  using Batch = std::span<Call* const>;
  struct Refused {
    Failure failure;
    std::size_t call = 0;  // whose statement it was; behind the last when it was the commit
  };

  Task<void> write_all(std::vector<Call*> batch);
  // Settles what the last connection left open. Whether the calls are to be written now.
  Task<bool> find_connection(std::vector<Call*>& calls, bool in_doubt);
  // Writes the calls in one transaction.
  Task<std::expected<std::vector<Rows>, Refused>> attempt(Batch calls);
  void answer_batch(Batch calls, std::vector<Rows> rows);
  // Calls that turned out to be committed; those that need rows remain, to ask for them.
  void answer_settled(std::vector<Call*>& calls, std::uint64_t base);
  void answer(Call& call, Result<Written> result);

  // Tries until there is a connection, or `until`. A base when the batch in doubt was committed.
  Task<Result<std::optional<std::uint64_t>>> reconnect(Deadline until);
  Task<std::expected<std::optional<std::uint64_t>, Failure>> connect(Deadline until);

  const Endpoint& endpoint_;
  Clock& clock_;
  Waiting& waiting_;
  Options options_;

  std::unique_ptr<Connection> connection_;
  bool registered_ = false;
  std::uint64_t batch_ = 0;                // the last number that was used
  std::optional<std::uint64_t> in_doubt_;  // a batch whose outcome is open

  std::deque<Call*> queue_;
  bool busy_ = false;
  Condition arrived_, room_, idle_;
};

}  // namespace corral::adapters::store::postgres
