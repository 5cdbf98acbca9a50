// An HttpServer on a thread of its own, so that a test can talk to it with blocking calls.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "edge/http/server.h"

namespace corral::edge::testing {

class ServerThread {
 public:
  // `make_handler` runs on the server's thread, with its executor.
  explicit ServerThread(std::function<Handler(Executor)> make_handler, ServerOptions options = {});
  ~ServerThread();
  ServerThread(const ServerThread&) = delete;

  // Stops the server and waits for its tasks and the thread; the executor lives on for what was
  // made with it.
  void stop();

  std::uint16_t port() const { return port_; }
  // Runs on the server's thread and waits for it.
  void run(std::function<void(HttpServer&)> work);
  // Asks on the server's thread, between its other work, until the answer is yes; false when it
  // never is, for 10 s.
  bool eventually(std::function<bool()> condition);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::uint16_t port_ = 0;
};

}  // namespace corral::edge::testing
