#include "adapters/store/sqlite/sqlite_store.h"

#include <atomic>
#include <mutex>

#include "adapters/store/sqlite/claims.h"
#include "adapters/store/sqlite/queue.h"
#include "adapters/store/sqlite/queue_reads.h"
#include "adapters/store/sqlite/readers.h"
#include "adapters/store/sqlite/reads.h"
#include "adapters/store/sqlite/schema.h"
#include "adapters/store/sqlite/writer.h"
#include "base/wait_list.h"

namespace corral::adapters::store {
namespace sqlite {
namespace {

using ports::Document;
using ports::Event;
using ports::Job;
using Durability = Writer::Durability;
using SteadyTime = std::chrono::steady_clock::time_point;

// Who waits for events or jobs, and what the writer last published.
class Waiting {
 public:
  // On the writer's thread.
  void publish(const WriterState& state) {
    std::uint64_t events = 0, jobs = 0;
    {
      std::scoped_lock lock(mutex_);
      events = state.position - published_.position;
      jobs = state.job_epoch - published_.job_epoch;
      if (state.empty_claims != published_.empty_claims)
        due_ = state.next_due ? std::optional(std::chrono::steady_clock::now() + *state.next_due)
                              : std::nullopt;
      published_ = state;
    }
    if (events > 0) events_.wake_all();
    if (jobs > 0) jobs_.wake(jobs);
  }

  Task<void> for_event(std::uint64_t position, Duration timeout) {
    WaitList::Place place(events_, co_await asio::this_coro::executor);
    if (last_position() <= position) co_await place.wait(timeout);
  }

  Task<void> for_job(Duration timeout) {
    WaitList::Place place(jobs_, co_await asio::this_coro::executor);
    {
      std::scoped_lock lock(mutex_);
      if (published_.job_epoch != published_.empty_epoch) co_return;
      // Rounded up: a wait that ends before the moment would end in a claim for nothing.
      if (due_)
        timeout = std::min(timeout,
                           std::chrono::ceil<Duration>(*due_ - std::chrono::steady_clock::now()));
    }
    co_await place.wait(std::max(timeout, Duration{0}));
  }

 private:
  std::uint64_t last_position() {
    std::scoped_lock lock(mutex_);
    return published_.position;
  }

  std::mutex mutex_;
  WriterState published_;
  std::optional<SteadyTime>
      due_;  // when the next delay or lease runs out, as of the last empty claim
  WaitList events_, jobs_;
};

class SqliteStore final : public ports::Store {
 public:
  SqliteStore(const std::filesystem::path& path, std::unique_ptr<Database> database,
              const SqliteStoreOptions& options)
      : clock_(*options.clock),
        writer_(std::move(database), path, options.max_waiting,
                [this](const WriterState& state) { waiting_.publish(state); }),
        readers_(path, options.readers, options.max_waiting, options.busy_timeout) {}

  Task<Result<std::uint64_t>> commit(ports::Transaction transaction) override {
    co_return co_await writer_.run<std::uint64_t>(
        Durability::synced,
        [encoded = encode(std::move(transaction)), clock = &clock_](WriteContext& context) {
          return apply_transaction(context.database, context.state, encoded, clock->now());
        });
  }

  Task<Result<std::vector<Event>>> read_stream(std::string stream, std::uint64_t after_version,
                                               std::uint32_t limit) override {
    co_return co_await readers_.run<std::vector<Event>>([=](Database& database) {
      return sqlite::read_stream(database, stream, after_version, limit);
    });
  }
  Task<Result<std::vector<Event>>> read_all(ports::EventQuery query) override {
    co_return co_await readers_.run<std::vector<Event>>(
        [=](Database& database) { return sqlite::read_all(database, query); });
  }
  Task<Result<std::vector<ports::StreamInfo>>> list_streams(std::string prefix,
                                                            std::string after_name,
                                                            std::uint32_t limit) override {
    co_return co_await readers_.run<std::vector<ports::StreamInfo>>([=](Database& database) {
      return sqlite::list_streams(database, prefix, after_name, limit);
    });
  }
  Task<Result<void>> wait_after(std::uint64_t position, Duration timeout) override {
    co_await waiting_.for_event(position, timeout);
    co_return Result<void>{};
  }

  Task<Result<std::optional<Document>>> get(std::string kind, std::string id) override {
    co_return co_await readers_.run<std::optional<Document>>(
        [=](Database& database) { return get_document(database, kind, id); });
  }
  Task<Result<std::vector<Document>>> list(ports::DocumentQuery query) override {
    co_return co_await readers_.run<std::vector<Document>>(
        [=](Database& database) { return list_documents(database, query); });
  }

  Task<Result<std::vector<Job>>> claim(ports::ClaimQuery query) override {
    co_return co_await writer_.run<std::vector<Job>>(
        Durability::written, [query = std::move(query)](WriteContext& context) {
          return claim_jobs(context.database, context.state, query);
        });
  }
  Task<Result<ports::CommitAndClaim>> commit_and_claim(ports::Transaction transaction,
                                                       ports::ClaimQuery query) override {
    co_return co_await writer_.run<ports::CommitAndClaim>(
        Durability::synced,
        [encoded = encode(std::move(transaction)), query = std::move(query),
         clock = &clock_](WriteContext& context) -> Result<ports::CommitAndClaim> {
          CORRAL_TRY(const auto position,
                     apply_transaction(context.database, context.state, encoded, clock->now()));
          CORRAL_TRY(auto jobs, claim_jobs(context.database, context.state, query));
          return ports::CommitAndClaim{position, std::move(jobs)};
        });
  }
  Task<Result<void>> heartbeat(std::uint64_t job, std::string owner, Time until) override {
    co_return co_await writer_.run<void>(Durability::written, [=](WriteContext& context) {
      return heartbeat_job(context.database, job, owner, until);
    });
  }
  Task<Result<void>> release_leases(std::string family, std::string except) override {
    co_return co_await writer_.run<void>(
        Durability::written, [=](WriteContext& context) -> Result<void> {
          sqlite::release_leases(context.database, context.state, family, except);
          return {};
        });
  }
  Task<Result<std::optional<Job>>> find_job(std::string key) override {
    co_return co_await readers_.run<std::optional<Job>>(
        [=](Database& database) { return sqlite::find_job(database, key); });
  }
  Task<Result<std::vector<Job>>> list_jobs(ports::JobQuery query) override {
    co_return co_await readers_.run<std::vector<Job>>(
        [=](Database& database) { return sqlite::list_jobs(database, query); });
  }
  Task<Result<ports::QueueCounts>> queue_counts(Time now) override {
    co_return co_await readers_.run<ports::QueueCounts>(
        [=](Database& database) { return sqlite::queue_counts(database, now); });
  }
  Task<Result<void>> trim_jobs(std::uint32_t keep_completed, std::uint32_t keep_failed) override {
    // In slices, so that commits get their turn in between.
    constexpr std::uint32_t kSlice = 500;
    for (bool more = true; more;) {
      CORRAL_CO_TRY(more, co_await writer_.run<bool>(
                              Durability::written, [=](WriteContext& context) -> Result<bool> {
                                return trim_finished(context.database, keep_completed, keep_failed,
                                                     kSlice);
                              }));
    }
    co_return Result<void>{};
  }
  Task<Result<void>> wait_for_job(Duration timeout) override {
    co_await waiting_.for_job(timeout);
    co_return Result<void>{};
  }

 private:
  Clock& clock_;
  Waiting waiting_;
  Writer writer_;  // closes last: the last connection puts the log into the file
  Readers readers_;
};

}  // namespace
}  // namespace sqlite

Result<std::unique_ptr<ports::Store>> open_sqlite_store(std::filesystem::path path,
                                                        SqliteStoreOptions options) {
  using namespace sqlite;
  try {
    auto database =
        std::make_unique<Database>(path, Database::Mode::read_write, options.busy_timeout);
    prepare_database(*database);
    return std::make_unique<SqliteStore>(path, std::move(database), options);
  } catch (const SqliteFailure& failure) {
    return std::unexpected(failure.error);
  }
}

}  // namespace corral::adapters::store
