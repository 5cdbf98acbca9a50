// The connections that read.
#pragma once

#include <memory>
#include <vector>

#include "adapters/store/postgres/connection.h"
#include "base/condition.h"

namespace corral::adapters::store::postgres {

// At most `size` connections, opened when they are first needed; further callers wait for one.
// Lives on one executor.
class Pool {
 public:
  Pool(const Endpoint& endpoint, std::size_t size, Duration patience, Duration answer_timeout)
      : endpoint_(endpoint), free_(size), patience_(patience), answer_timeout_(answer_timeout) {}

  // Runs statements that only read, as one transaction. A connection that breaks is replaced and
  // they are asked again, until `patience` is over (`unavailable`). Sees every commit that was
  // acknowledged before.
  Task<Result<std::vector<Rows>>> read(std::vector<Statement> statements);

 private:
  const Endpoint& endpoint_;
  std::size_t free_;  // how many more callers may read
  Duration patience_, answer_timeout_;
  std::vector<std::unique_ptr<Connection>> idle_;
  Condition returned_;
};

}  // namespace corral::adapters::store::postgres
