#include "adapters/store/postgres/pool.h"

#include "adapters/store/postgres/retry.h"

namespace corral::adapters::store::postgres {
namespace {

Deadline now() { return std::chrono::steady_clock::now(); }

struct Place {
  std::size_t& free;
  Condition& returned;
  ~Place() {
    ++free;
    returned.notify_one();
  }
};

}  // namespace

Task<Result<std::vector<Rows>>> Pool::read(std::vector<Statement> statements) {
  const Deadline until = now() + patience_;
  while (free_ == 0) co_await returned_.wait();
  --free_;
  const Place place{free_, returned_};

  std::vector<const Statement*> asked;
  for (const auto& statement : statements) asked.push_back(&statement);
  for (BackOff back_off;;) {
    std::unique_ptr<Connection> connection;
    Failure failure;
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    } else if (auto opened = co_await Connection::open(
                   endpoint_,
                   std::min(now() + kConnectTimeout, std::max(until, now() + Duration{200})))) {
      connection = *std::move(opened);
    } else {
      failure = std::move(opened).error();
    }
    if (connection) {
      auto rows = co_await connection->run(asked, now() + answer_timeout_);
      if (rows) {
        idle_.push_back(std::move(connection));
        co_return *std::move(rows);
      }
      failure = std::move(rows).error().failure;
      if (failure.kind != Failure::Kind::lost)
        idle_.push_back(std::move(connection));
      else
        idle_.clear();  // the others are as old, and broke with it
    }
    if (failure.kind == Failure::Kind::refused || now() >= until)
      co_return std::unexpected(std::move(failure.error));
    co_await back_off.wait(until);
  }
}

}  // namespace corral::adapters::store::postgres
