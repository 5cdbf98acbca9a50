#include "adapters/store/postgres/writer.h"

#include <algorithm>

#include "adapters/store/postgres/retry.h"
#include "adapters/store/postgres/schema.h"
#include "base/log.h"

namespace corral::adapters::store::postgres {
namespace {

// A batch is as long as what waits, within bounds: its transaction holds locks that other servers
// wait for.
constexpr std::size_t kMaxBatch = 128;
constexpr std::size_t kMaxBatchBytes = 4u << 20;
constexpr int kMaxTries = 10;  // of transactions that are in each other's way

Deadline now() { return std::chrono::steady_clock::now(); }

// The writer asks for few rows by index, and its statements are planned once, when the tables may
// still be empty. Compiling a claim takes a hundred times as long as the claim.
Statement planner_settings() {
  return {.sql =
              "SELECT set_config('enable_seqscan', 'off', false), set_config('enable_bitmapscan', "
              "'off', false), set_config('jit', 'off', false)",
          .parameters = {},
          .prepared = false};
}

}  // namespace

Task<Result<Written>> Writer::run(Write write) {
  Call call{.write = std::move(write), .deadline = {}};
  while (queue_.size() >= options_.max_waiting) co_await room_.wait();
  call.deadline = now() + options_.patience;
  queue_.push_back(&call);
  arrived_.notify_one();
  while (!call.answered) co_await call.ended.wait();
  co_return std::move(call.answer);
}

Task<Result<void>> Writer::open() {
  CORRAL_CO_CHECK(co_await reconnect(now() + options_.patience));
  co_return Result<void>{};
}

Task<void> Writer::serve() {
  for (;;) {
    while (queue_.empty()) {
      busy_ = false;
      idle_.notify_all();
      co_await arrived_.wait();
    }
    busy_ = true;
    std::vector<Call*> batch;
    for (std::size_t bytes = 0;
         !queue_.empty() && batch.size() < kMaxBatch && bytes < kMaxBatchBytes;
         queue_.pop_front()) {
      batch.push_back(queue_.front());
      bytes += batch.back()->write.size_bytes();
    }
    room_.notify_all();
    co_await write_all(std::move(batch));
  }
}

Task<void> Writer::drained() {
  while (busy_ || !queue_.empty()) co_await idle_.wait();
}

Task<void> Writer::write_all(std::vector<Call*> batch) {
  std::size_t together =
      batch.size();       // fewer when one of them was refused: those before it go first
  bool in_doubt = false;  // whether these calls were sent, and their outcome is open
  int tries = 0;
  const auto take = [&](std::size_t count) {
    batch.erase(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(count));
    together = batch.size();
    in_doubt = false;
    tries = 0;
  };
  while (!batch.empty()) {
    if (!connection_) {
      std::vector<Call*> calls(batch.begin(),
                               batch.begin() + static_cast<std::ptrdiff_t>(together));
      const bool ready = co_await find_connection(calls, in_doubt);
      in_doubt = false;
      if (!ready) {
        take(together);
        batch.insert(batch.begin(), calls.begin(), calls.end());
        together = calls.empty() ? batch.size() : calls.size();
        continue;
      }
    }
    const Batch calls = Batch(batch).first(together);
    auto done = co_await attempt(calls);
    if (done) {
      answer_batch(calls, *std::move(done));
      take(together);
      continue;
    }
    const auto& [failure, call] = done.error();
    if (failure.kind == Failure::Kind::lost) {
      log::warning("store.connection_lost",
                   {{"database", endpoint_.name()}, {"why", failure.error.message}});
      connection_.reset();
      in_doubt = true;
      continue;
    }
    in_doubt_.reset();
    if (failure.kind == Failure::Kind::again && ++tries < kMaxTries) continue;
    if (call >= calls.size() && calls.size() > 1) {
      together = 1;  // the commit itself: each by itself
    } else if (call == 0 || call >= calls.size()) {
      // No call before it had a part in its failure: that is its answer.
      answer(*calls.front(), std::unexpected(failure.error));
      take(1);
    } else {
      together = call;
    }
  }
}

Task<bool> Writer::find_connection(std::vector<Call*>& calls, bool in_doubt) {
  const Deadline until = (*std::ranges::max_element(calls, {}, [](const Call* call) {
                           return call->deadline;
                         }))->deadline;
  auto settled = co_await reconnect(until);
  Error error;
  if (!settled) {
    error = std::move(settled).error();
    error.message += in_doubt ? " (whether the change was made is not known; it is safe to try it "
                                "again: expected versions and keys keep it from being made twice)"
                              : " (nothing was changed)";
  } else if (in_doubt && *settled) {
    answer_settled(calls, **settled);
    co_return false;
  } else if (in_doubt && now() >= until) {
    error = {ErrorCode::unavailable,
             endpoint_.name() + ": the connection broke again and again (nothing was changed)",
             nullptr};
  } else {
    co_return true;
  }
  for (auto* call : calls) answer(*call, std::unexpected(error));
  calls.clear();
  co_return false;
}

Task<std::expected<std::vector<Rows>, Writer::Refused>> Writer::attempt(Batch calls) {
  const bool queue = std::ranges::any_of(calls, [](const Call* call) { return call->write.queue; });
  const bool log = std::ranges::any_of(calls, [](const Call* call) { return call->write.log; });
  const bool events =
      std::ranges::any_of(calls, [](const Call* call) { return call->write.events > 0; });
  const bool wakes =
      std::ranges::any_of(calls, [](const Call* call) { return !call->write.wakes.empty(); });
  const Statement begin{.sql = "SELECT corral.begin_batch($1, $2, $3, $4, $5)",
                        .parameters = Parameters()
                                          .text(options_.id)
                                          .integer(++batch_)
                                          .time(clock_.now())
                                          .boolean(queue)
                                          .boolean(log)};
  // To the other servers: who, where the log ends, whether jobs may have become ready.
  const Statement notify{
      .sql =
          "SELECT pg_notify('corral', $1 || ' ' || (SELECT coalesce(max(position), 0) FROM "
          "corral.events) || ' ' || $2)",
      .parameters = Parameters().text(options_.id).text(wakes ? "jobs" : "events")};
  std::vector<const Statement*> statements{&begin};
  std::vector<std::size_t> owners{0};  // the call that a statement is of
  for (std::size_t at = 0; at < calls.size(); ++at)
    for (const auto& statement : calls[at]->write.statements)
      statements.push_back(&statement), owners.push_back(at);
  if (events || wakes) statements.push_back(&notify), owners.push_back(calls.size());
  owners.push_back(calls.size());

  in_doubt_ = batch_;
  auto done = co_await connection_->run(std::move(statements), now() + options_.answer_timeout);
  if (!done)
    co_return std::unexpected(Refused{std::move(done).error().failure, owners[done.error().at]});
  in_doubt_.reset();
  co_return *std::move(done);
}

void Writer::answer_batch(Batch calls, std::vector<Rows> rows) {
  auto position = rows.front().number(0, 0);
  const auto base = position;
  std::uint64_t ready = 0;
  std::size_t at = 1;
  for (auto* call : calls) {
    position += call->write.events;
    for (const auto statement : call->write.wakes) {
      const auto& result = rows[at + statement];
      ready += result.size() > 0 ? result.number(0, 0) : result.affected();
    }
    Written written{.position = call->position.value_or(position), .rows = {}};
    for (std::size_t i = 0; i < call->write.statements.size(); ++i)
      written.rows.push_back(std::move(rows[at++]));
    answer(*call, std::move(written));
  }
  if (position > base) waiting_.saw_events(position);
  waiting_.saw_jobs(ready);
}

void Writer::answer_settled(std::vector<Call*>& calls, std::uint64_t base) {
  auto position = base;
  std::uint64_t ready = 0;
  std::vector<Call*> left;
  for (auto* call : calls) {
    position += call->write.events;
    if (!call->write.wakes.empty()) ready += kMaxBatch;  // the rows that said how many are lost
    if (call->write.instead.empty()) {
      answer(*call, Written{.position = position, .rows = {}});
      continue;
    }
    Write question;
    question.statements = call->write.instead;
    question.instead = std::move(call->write.instead);
    call->write = std::move(question);
    call->position = position;
    left.push_back(call);
  }
  waiting_.saw_events(position);
  waiting_.saw_jobs(ready);
  calls = std::move(left);
}

void Writer::answer(Call& call, Result<Written> result) {
  call.answer = std::move(result);
  call.answered = true;
  call.ended.notify_all();
}

Task<Result<std::optional<std::uint64_t>>> Writer::reconnect(Deadline until) {
  for (BackOff back_off;;) {
    auto connected =
        co_await connect(std::min(now() + kConnectTimeout, std::max(until, now() + Duration{200})));
    if (connected) co_return *connected;
    const auto& failure = connected.error();
    if (failure.kind == Failure::Kind::refused || now() >= until)
      co_return std::unexpected(failure.error);
    co_await back_off.wait(until);
  }
}

Task<std::expected<std::optional<std::uint64_t>, Failure>> Writer::connect(Deadline until) {
  auto opened = co_await Connection::open(endpoint_, until);
  if (!opened) co_return std::unexpected(std::move(opened).error());
  auto connection = *std::move(opened);
  if (!registered_) {
    auto prepared = co_await prepare_database(*connection, now() + options_.answer_timeout);
    if (!prepared) co_return std::unexpected(std::move(prepared).error());
  }
  const Statement planner = planner_settings();
  const Statement enter{
      .sql =
          "INSERT INTO corral.writers(id, settled, seen) VALUES ($1, $2, $3) ON CONFLICT (id) DO "
          "NOTHING",
      .parameters = Parameters().text(options_.id).integer(batch_).time(clock_.now()),
      .prepared = false};
  // Those of servers that ended long ago.
  const Statement forget{
      .sql = "DELETE FROM corral.writers WHERE seen < $1",
      .parameters = Parameters().time(clock_.now() - std::chrono::hours(24 * 30)),
      .prepared = false};
  const Statement settle{.sql = "SELECT corral.settle_batch($1, $2)",
                         .parameters = Parameters().text(options_.id).integer(batch_),
                         .prepared = false};
  const Statement end{.sql = "SELECT coalesce(max(position), 0) FROM corral.events",
                      .parameters = {},
                      .prepared = false};
  // Settling comes first: a row of this writer that is gone was that of a batch never committed.
  std::vector<const Statement*> statements{&planner, &settle, &forget, &enter, &end};
  auto done = co_await connection->run(std::move(statements), now() + options_.answer_timeout);
  if (!done) co_return std::unexpected(std::move(done).error().failure);
  const auto& rows = *done;
  const std::optional<std::uint64_t> base = in_doubt_ == batch_ && !rows[1].is_null(0, 0)
                                                ? std::optional(rows[1].number(0, 0))
                                                : std::nullopt;
  in_doubt_.reset();
  if (registered_) log::info("store.connected_again", {{"database", endpoint_.name()}});
  registered_ = true;
  connection_ = std::move(connection);
  waiting_.saw_anything(rows[4].number(0, 0));
  co_return base;
}

}  // namespace corral::adapters::store::postgres
