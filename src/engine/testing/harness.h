// A server's lives in one world: engines come and go, store, logs, blobs, repositories and machines
// stay.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/random.h"
#include "engine/engine.h"
#include "engine/testing/fake_agent.h"
#include "engine/testing/fake_world.h"
#include "engine/testing/memory_logs.h"
#include "ports/fakes/fake_blobs.h"
#include "ports/fakes/fake_cache.h"
#include "ports/fakes/fake_clock.h"
#include "ports/fakes/fake_http_client.h"
#include "ports/fakes/fake_llm.h"
#include "ports/fakes/fake_store.h"

namespace corral::engine::testing {

class Harness {
 public:
  explicit Harness(std::uint64_t seed = 1);
  ~Harness();

  // ---- one life after the other ----
  void boot();       // a new engine, started
  void shut_down();  // as an upgrade does: stop()
  void crash();      // everything outside turns its back at once; then the engine is unwound
  bool alive() const { return life_ != nullptr; }
  Engine& engine() { return *life_->engine; }
  asio::io_context& context() { return life_->context; }

  // ---- time ----
  // Runs one handler; when there is none, lets the clock go to the next sleeper. False: nothing
  // will ever happen.
  bool step();
  void settle();  // all that can happen without time passing
  // Until `done` or many steps; true when done.
  template <class Done>
  bool run_until(Done done, int most = 200'000) {
    for (int i = 0; i < most; ++i) {
      if (done()) return true;
      if (!step()) return done();
    }
    return false;
  }

  // Awaits a call on the engine, letting time pass if need be.
  template <class T>
  T call(Task<T> task) {
    std::optional<T> result;
    asio::co_spawn(context(), std::move(task),
                   [&result](const std::exception_ptr& thrown, T value) {
                     if (thrown) std::rethrow_exception(thrown);
                     result.emplace(std::move(value));
                   });
    run_until([&] { return result.has_value(); });
    CORRAL_ASSERT(result);
    return std::move(*result);
  }

  // ---- runs ----
  StartRun request(std::string prompt);
  RunId start(StartRun request);
  RunId start(std::string prompt) { return start(request(std::move(prompt))); }
  json::value run(RunId id);  // the document, read from the store
  json::value session(SessionId id);
  std::string status(RunId id);
  bool ended(RunId id);
  bool run_to_end(RunId id) {
    return run_until([&] { return ended(id); }) && (settle(), true);
  }
  std::string step_status(RunId id, std::string_view step);
  std::vector<ports::Event> events(RunId id);
  int count(RunId id, std::string_view type, std::string_view step = {});
  std::vector<ports::Event> all_events(std::uint64_t after_position, std::uint32_t limit);
  std::vector<ports::Job> jobs(std::string state);
  std::string log(RunId id) const;
  std::string timeline(RunId id) const;

  ports::fakes::FakeClock clock;
  ports::fakes::FakeStore store;
  ports::fakes::FakeBlobs blobs;
  MemoryLogs logs;
  ports::fakes::FakeHttpClient http;
  ports::fakes::FakeLlm models;
  std::unique_ptr<ports::fakes::FakeCache> cache;  // the present life's
  FakeWorld world;
  SeededRandom random;
  EngineOptions options;
  std::vector<std::shared_ptr<ports::Agent>> agents;
  std::function<std::optional<Error>(std::string_view call, ports::fakes::FakeStore::Moment moment)>
      store_faults;
  std::function<std::optional<Error>()> cache_faults;

 private:
  struct Life {
    asio::io_context context;
    std::unique_ptr<ports::Launcher> launcher;
    std::unique_ptr<ports::Mirrors> mirrors;
    std::unique_ptr<Engine> engine;
  };
  void end_life();

  template <class T>
  T ask_store(Task<T> task);
  json::value document(std::string kind, std::string id);  // null: there is none

  std::unique_ptr<Life> life_;
  bool crashed_ = false;
};

}  // namespace corral::engine::testing
