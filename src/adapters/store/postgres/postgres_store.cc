#include "adapters/store/postgres/postgres_store.h"

#include <atomic>
#include <future>

#include "adapters/store/postgres/changes.h"
#include "adapters/store/postgres/listener.h"
#include "adapters/store/postgres/loop.h"
#include "adapters/store/postgres/pool.h"
#include "adapters/store/postgres/queue.h"
#include "adapters/store/postgres/reads.h"
#include "adapters/store/postgres/waiting.h"
#include "adapters/store/postgres/writer.h"

namespace corral::adapters::store {
namespace postgres {
namespace {

using ports::Document;
using ports::Event;
using ports::Job;

std::vector<Statement> one(Statement statement) {
  std::vector<Statement> list;
  list.push_back(std::move(statement));
  return list;
}

class PostgresStore final : public ports::Store {
 public:
  PostgresStore(Endpoint endpoint, const PostgresStoreOptions& options)
      : clock_(*options.clock),
        id_(options.random->hex(8)),
        endpoint_(std::move(endpoint)),
        writer_(endpoint_, clock_, waiting_,
                {.id = id_,
                 .patience = options.patience,
                 .answer_timeout = options.answer_timeout,
                 .max_waiting = options.max_waiting}),
        pool_(endpoint_, options.readers, options.patience, options.answer_timeout),
        listener_(endpoint_, waiting_, id_),
        tasks_(loop_.executor()) {}

  ~PostgresStore() override {
    std::promise<void> stopped;
    asio::co_spawn(loop_.executor(), stop(),
                   [&stopped](std::exception_ptr) { stopped.set_value(); });
    stopped.get_future().wait();
    loop_.join();
  }

  Result<void> open() {
    std::promise<Result<void>> opened;
    asio::co_spawn(loop_.executor(), start(), [&opened](std::exception_ptr, Result<void> result) {
      opened.set_value(std::move(result));
    });
    return opened.get_future().get();
  }

  Task<Result<std::uint64_t>> commit(ports::Transaction transaction) override {
    CORRAL_CO_TRY(auto write, write_of(std::move(transaction), clock_.now()));
    CORRAL_CO_TRY(const auto written, co_await loop_.run(writer_.run(std::move(write))));
    co_return written.position;
  }

  Task<Result<std::vector<Event>>> read_stream(std::string stream, std::uint64_t after_version,
                                               std::uint32_t limit) override {
    CORRAL_CO_TRY(const auto rows,
                  co_await read(one(read_stream_statement(stream, after_version, limit))));
    co_return read_events(rows.front());
  }
  Task<Result<std::vector<Event>>> read_all(ports::EventQuery query) override {
    CORRAL_CO_TRY(const auto rows, co_await read(one(read_all_statement(query))));
    co_return read_events(rows.front());
  }
  Task<Result<std::vector<ports::StreamInfo>>> list_streams(std::string prefix,
                                                            std::string after_name,
                                                            std::uint32_t limit) override {
    CORRAL_CO_TRY(const auto rows,
                  co_await read(one(list_streams_statement(prefix, after_name, limit))));
    co_return read_streams(rows.front());
  }
  Task<Result<void>> wait_after(std::uint64_t position, Duration timeout) override {
    co_await waiting_.for_event(position, timeout);
    co_return Result<void>{};
  }

  Task<Result<std::optional<Document>>> get(std::string kind, std::string id) override {
    CORRAL_CO_TRY(const auto rows, co_await read(one(get_document_statement(kind, id))));
    CORRAL_CO_TRY(auto documents, read_documents(rows.front()));
    co_return documents.empty() ? std::nullopt : std::optional(std::move(documents.front()));
  }
  Task<Result<std::vector<Document>>> list(ports::DocumentQuery query) override {
    CORRAL_CO_TRY(const auto rows, co_await read(one(list_documents_statement(query))));
    co_return read_documents(rows.front());
  }

  Task<Result<std::vector<Job>>> claim(ports::ClaimQuery query) override {
    if (query.most == 0) co_return std::vector<Job>{};
    CORRAL_CO_TRY(auto claimed, co_await claim_with(Write{}, query));
    co_return std::move(claimed.jobs);
  }
  Task<Result<ports::CommitAndClaim>> commit_and_claim(ports::Transaction transaction,
                                                       ports::ClaimQuery query) override {
    if (query.most == 0) {
      CORRAL_CO_TRY(const auto position, co_await commit(std::move(transaction)));
      co_return ports::CommitAndClaim{position, {}};
    }
    CORRAL_CO_TRY(auto write, write_of(std::move(transaction), clock_.now()));
    co_return co_await claim_with(std::move(write), query);
  }
  Task<Result<void>> heartbeat(std::uint64_t job, std::string owner, Time until) override {
    CORRAL_CO_CHECK(co_await loop_.run(writer_.run(write_of_heartbeat(job, owner, until))));
    co_return Result<void>{};
  }
  Task<Result<void>> release_leases(std::string family, std::string except) override {
    CORRAL_CO_CHECK(co_await loop_.run(writer_.run(write_of_release_leases(family, except))));
    co_return Result<void>{};
  }
  Task<Result<std::optional<Job>>> find_job(std::string key) override {
    CORRAL_CO_TRY(const auto rows, co_await read(one(find_job_statement(key))));
    CORRAL_CO_TRY(auto jobs, read_jobs(rows.front()));
    co_return jobs.empty() ? std::nullopt : std::optional(std::move(jobs.front()));
  }
  Task<Result<std::vector<Job>>> list_jobs(ports::JobQuery query) override {
    CORRAL_CO_TRY(const auto rows, co_await read(one(list_jobs_statement(query))));
    co_return read_jobs(rows.front());
  }
  Task<Result<ports::QueueCounts>> queue_counts(Time now) override {
    auto statements = one(queue_counts_statement(now));
    statements.push_back(paused_groups_statement());
    CORRAL_CO_TRY(const auto rows, co_await read(std::move(statements)));
    co_return read_queue_counts(rows.at(0), rows.at(1));
  }
  Task<Result<void>> trim_jobs(std::uint32_t keep_completed, std::uint32_t keep_failed) override {
    // In slices, so that commits get their turn in between.
    constexpr std::uint32_t kSlice = 500;
    for (bool more = true; more;) {
      CORRAL_CO_TRY(
          const auto written,
          co_await loop_.run(writer_.run(write_of_trim(keep_completed, keep_failed, kSlice))));
      more = written.rows.at(0).affected() > 0 || written.rows.at(1).affected() > 0;
    }
    co_return Result<void>{};
  }
  Task<Result<void>> wait_for_job(Duration timeout) override {
    co_await waiting_.for_job(timeout);
    co_return Result<void>{};
  }

 private:
  Task<Result<std::vector<Rows>>> read(std::vector<Statement> statements) {
    return loop_.run(pool_.read(std::move(statements)));
  }

  // What `write` changes, and a claim behind it.
  Task<Result<ports::CommitAndClaim>> claim_with(Write write, const ports::ClaimQuery& query) {
    const auto begun = waiting_.claim_begins();
    add_claim(write, query, fmt::format("{}/{}", id_, ++claims_));
    CORRAL_CO_TRY(const auto written, co_await loop_.run(writer_.run(std::move(write))));
    const auto& rows = written.rows.back();
    CORRAL_CO_TRY(auto jobs, read_jobs(rows));
    if (jobs.empty()) {
      const auto next = next_due(rows);
      waiting_.claimed_nothing(begun, next ? std::optional(*next - query.now) : std::nullopt);
    }
    co_return ports::CommitAndClaim{written.position, std::move(jobs)};
  }

  Task<Result<void>> start() {
    CORRAL_CO_CHECK(co_await writer_.open());
    tasks_.start("store.writer", writer_.serve());
    tasks_.start("store.listener", listener_.listen());
    co_await listener_.tried();
    co_return Result<void>{};
  }
  Task<void> stop() {
    co_await writer_.drained();
    co_await tasks_.stop();
  }

  Clock& clock_;
  const std::string id_;
  const Endpoint endpoint_;
  Waiting waiting_;
  std::atomic<std::uint64_t> claims_ = 0;
  Loop loop_;  // its thread has ended before what follows is destroyed
  Writer writer_;
  Pool pool_;
  Listener listener_;
  TaskScope tasks_;
};

}  // namespace
}  // namespace postgres

Result<std::unique_ptr<ports::Store>> open_postgres_store(Secret url,
                                                          PostgresStoreOptions options) {
  using namespace postgres;
  CORRAL_TRY(auto endpoint, Endpoint::parse(std::move(url)));
  auto store = std::make_unique<PostgresStore>(std::move(endpoint), options);
  CORRAL_CHECK(store->open());
  return store;
}

}  // namespace corral::adapters::store
