// The API over a FakeService on a server thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "edge/http/testing/fake_files.h"
#include "edge/http/testing/fake_notify.h"
#include "edge/http/testing/fake_service.h"
#include "edge/http/testing/fake_sessions.h"
#include "edge/http/testing/server_thread.h"

namespace corral::edge::testing {

struct ApiServerOptions {
  std::string token = {};
  double requests_per_second = 0;
  double request_burst = 0;
  Duration keep_alive{15'000};
};

class ApiServer {
 public:
  explicit ApiServer(ApiServerOptions options = {});
  ~ApiServer();

  std::uint16_t port() const { return thread_->port(); }
  // Runs on the server's thread and waits for it.
  void run(std::function<void(FakeService&)> work);
  // See ServerThread.
  bool eventually(std::function<bool(FakeService&)> condition);

  const Executor& executor() const { return executor_; }
  // Only to be used on the server's thread: within run() and eventually().
  FakeSessions& sessions() { return *sessions_; }
  FakeFiles& files() { return files_; }
  FakeNotify& notify() { return notify_; }

  std::atomic<bool> not_ready = false;

 private:
  FakeFiles files_;
  FakeNotify notify_;
  std::unique_ptr<ServerThread> thread_;
  Executor executor_;
  std::unique_ptr<FakeSessions> sessions_;
  std::unique_ptr<FakeService> service_;  // its timers need the thread's executor
};

}  // namespace corral::edge::testing
