// One connection to PostgreSQL, driven without blocking.
#pragma once

#include <chrono>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "adapters/store/postgres/endpoint.h"
#include "adapters/store/postgres/failure.h"
#include "adapters/store/postgres/statement.h"
#include "base/task.h"

struct pg_conn;

namespace corral::adapters::store::postgres {

using Deadline = std::chrono::steady_clock::time_point;

// Lives on the executor it was opened on; one call at a time. (libpq looks up host names without
// yielding: the executor has a thread of its own.)
class Connection {
 public:
  // Connected, with the session's settings made.
  static Task<std::expected<std::unique_ptr<Connection>, Failure>> open(const Endpoint& endpoint,
                                                                        Deadline deadline);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  struct Refusal {
    Failure failure;
    std::size_t at = 0;  // the statement's place; after the last when all of them were well and the
                         // commit was not
  };
  // Sends all statements in one go (pipeline mode) as one transaction, committed when this returns
  // rows. After a failure that is `lost` the connection is of no more use, and whether the
  // transaction was committed is open.
  Task<std::expected<std::vector<Rows>, Refusal>> run(std::vector<const Statement*> statements,
                                                      Deadline deadline);

  // What was notified on the channels it listens to, since the last call. Waits for the first one;
  // empty at the deadline.
  Task<std::expected<std::vector<std::string>, Failure>> notifications(Deadline deadline);

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  struct Sent;  // a command in the pipeline
  enum class Ready { yes, timed_out };

  Connection(const Executor& executor, std::unique_ptr<pg_conn, Close> connection);
  static asio::posix::stream_descriptor watched(const Executor& executor, pg_conn* connection);
  static Task<Ready> wait(asio::posix::stream_descriptor& socket, bool readable, bool writable,
                          Deadline deadline);

  // False when libpq would not take it: the connection is broken.
  bool send(const Statement& statement, std::size_t at, std::vector<Sent>& sent);
  Task<bool> flush(Deadline deadline);
  Task<std::expected<pg_result*, Failure>> next_result(Deadline deadline);
  Failure lost(std::string_view doing) const;

  std::unique_ptr<pg_conn, Close> connection_;
  asio::posix::stream_descriptor socket_;
  std::map<std::string, std::string> prepared_;  // name by text
  std::uint64_t last_name_ = 0;
};

}  // namespace corral::adapters::store::postgres
