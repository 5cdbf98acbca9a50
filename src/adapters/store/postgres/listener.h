// Hears what other servers wrote.
#pragma once

#include <string>

#include "adapters/store/postgres/connection.h"
#include "adapters/store/postgres/waiting.h"
#include "base/condition.h"

namespace corral::adapters::store::postgres {

// Keeps a connection that listens (LISTEN/NOTIFY) and tells the waiters. While it is away they wake
// at their timeouts only; when it is back they look at once, for what was notified meanwhile is
// lost. Lives on one executor.
class Listener {
 public:
  // `own` is this store's writer, whose news are known already.
  Listener(const Endpoint& endpoint, Waiting& waiting, std::string own)
      : endpoint_(endpoint), waiting_(waiting), own_(std::move(own)) {}

  // Runs until it is cancelled.
  Task<void> listen();
  // Returns when it listens, or could not at the first attempt.
  Task<void> tried();

 private:
  // Until the connection breaks; why it did.
  Task<Failure> listen_once();
  void hear(std::string_view payload);

  const Endpoint& endpoint_;
  Waiting& waiting_;
  std::string own_;
  bool heard_ = false;  // on this connection
  bool tried_ = false;
  Condition tried_changed_;
};

}  // namespace corral::adapters::store::postgres
