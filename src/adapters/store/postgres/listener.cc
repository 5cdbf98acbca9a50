#include "adapters/store/postgres/listener.h"

#include <charconv>

#include "adapters/store/postgres/retry.h"
#include "base/log.h"

namespace corral::adapters::store::postgres {
namespace {

// A connection that says nothing for so long is asked whether it is still there.
constexpr Duration kSilence{15'000};

Deadline now() { return std::chrono::steady_clock::now(); }

}  // namespace

Task<void> Listener::tried() {
  while (!tried_) co_await tried_changed_.wait();
}

// "<writer> <position> jobs|events", as writer.cc sends it.
void Listener::hear(std::string_view payload) {
  const auto first = payload.find(' '), last = payload.rfind(' ');
  if (first == std::string_view::npos || payload.substr(0, first) == own_) return;
  std::uint64_t position = 0;
  std::from_chars(payload.data() + first + 1, payload.data() + last, position);
  // How many jobs there are is not said: all who wait may look.
  if (payload.substr(last + 1) == "jobs")
    waiting_.saw_anything(position);
  else
    waiting_.saw_events(position);
}

Task<Failure> Listener::listen_once() {
  auto opened = co_await Connection::open(endpoint_, now() + kConnectTimeout);
  if (!opened) co_return std::move(opened).error();
  const auto connection = *std::move(opened);
  const Statement begin{.sql = "LISTEN corral", .parameters = {}, .prepared = false};
  const Statement end{.sql = "SELECT coalesce(max(position), 0) FROM corral.events",
                      .parameters = {},
                      .prepared = false};
  std::vector<const Statement*> start{&begin};
  auto listening = co_await connection->run(std::move(start), now() + kConnectTimeout);
  if (!listening) co_return std::move(listening).error().failure;
  for (;;) {
    // After LISTEN is committed: what comes later is notified. And now and then, to see whether the
    // connection lives.
    std::vector<const Statement*> question{&end};
    auto rows = co_await connection->run(std::move(question), now() + kConnectTimeout);
    if (!rows) co_return std::move(rows).error().failure;
    const auto position = rows->front().number(0, 0);
    if (heard_)
      waiting_.saw_events(position);
    else
      waiting_.saw_anything(position);
    heard_ = tried_ = true;
    tried_changed_.notify_all();
    for (bool silent = false; !silent;) {
      auto payloads = co_await connection->notifications(now() + kSilence);
      if (!payloads) co_return std::move(payloads).error();
      silent = payloads->empty();
      for (const auto& payload : *payloads) hear(payload);
    }
  }
}

Task<void> Listener::listen() {
  for (BackOff back_off;;) {
    heard_ = false;
    const auto failure = co_await listen_once();
    // Said once, not at each attempt.
    if (heard_ || !tried_)
      log::warning("store.listening_broke_off",
                   {{"database", endpoint_.name()}, {"why", failure.error.message}});
    tried_ = true;
    tried_changed_.notify_all();
    if (heard_) back_off = {};
    co_await back_off.wait();
  }
}

}  // namespace corral::adapters::store::postgres
