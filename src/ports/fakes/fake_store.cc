#include "ports/fakes/fake_store.h"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "ports/fakes/timed_wait.h"

namespace corral::ports::fakes {
void FakeStore::set_faults(Faults faults) {
  std::scoped_lock lock(mutex_);
  faults_ = std::move(faults);
}

std::optional<Error> FakeStore::fault(std::string_view call, Moment moment) {
  Faults faults;
  {
    std::scoped_lock lock(mutex_);
    faults = faults_;
  }
  if (!faults) return std::nullopt;
  return faults(call, moment);
}

template <class T>
Task<Result<T>> FakeStore::call(std::string_view name, std::function<Result<T>(StoreModel&)> work) {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  if (auto error = fault(name, Moment::before)) co_return std::unexpected(std::move(*error));
  Result<T> result = fail(ErrorCode::internal, "not run");
  {
    std::scoped_lock lock(mutex_);
    result = work(model_);
  }
  if (auto error = fault(name, Moment::after)) co_return std::unexpected(std::move(*error));
  co_return result;
}

Task<Result<std::uint64_t>> FakeStore::commit(Transaction transaction) {
  co_return co_await call<std::uint64_t>(
      "commit", [this, &transaction](StoreModel& model) -> Result<std::uint64_t> {
        return commit_to(model, transaction);
      });
}

Result<std::uint64_t> FakeStore::commit_to(StoreModel& model, const Transaction& transaction) {
  CORRAL_TRY(const auto done, model.commit(transaction, clock_.now()));
  if (done.events) events_.wake_all();
  job_epoch_ += done.jobs;
  jobs_.wake(done.jobs);
  return done.position;
}

Task<Result<std::vector<Event>>> FakeStore::read_stream(std::string stream,
                                                        std::uint64_t after_version,
                                                        std::uint32_t limit) {
  co_return co_await call<std::vector<Event>>(
      "read_stream", [&](StoreModel& model) -> Result<std::vector<Event>> {
        return model.read_stream(stream, after_version, limit);
      });
}

Task<Result<std::vector<Event>>> FakeStore::read_all(EventQuery query) {
  co_return co_await call<std::vector<Event>>(
      "read_all",
      [&](StoreModel& model) -> Result<std::vector<Event>> { return model.read_all(query); });
}

Task<Result<std::vector<StreamInfo>>> FakeStore::list_streams(std::string prefix,
                                                              std::string after_name,
                                                              std::uint32_t limit) {
  co_return co_await call<std::vector<StreamInfo>>(
      "list_streams", [&](StoreModel& model) -> Result<std::vector<StreamInfo>> {
        return model.list_streams(prefix, after_name, limit);
      });
}

Task<Result<void>> FakeStore::wait_after(std::uint64_t position, Duration timeout) {
  WaitList::Place place(events_, co_await asio::this_coro::executor);
  CORRAL_CO_TRY(const auto end, co_await call<std::uint64_t>(
                                    "wait_after", [](StoreModel& model) -> Result<std::uint64_t> {
                                      return model.position();
                                    }));
  if (end <= position) co_await timed_wait(place, clock_, timeout);
  co_return Result<void>{};
}

Task<Result<std::optional<Document>>> FakeStore::get(std::string kind, std::string id) {
  co_return co_await call<std::optional<Document>>(
      "get",
      [&](StoreModel& model) -> Result<std::optional<Document>> { return model.get(kind, id); });
}

Task<Result<std::vector<Document>>> FakeStore::list(DocumentQuery query) {
  co_return co_await call<std::vector<Document>>(
      "list",
      [&](StoreModel& model) -> Result<std::vector<Document>> { return model.list(query); });
}

Task<Result<std::vector<Job>>> FakeStore::claim(ClaimQuery query) {
  co_return co_await call<std::vector<Job>>(
      "claim", [&, this](StoreModel& model) -> Result<std::vector<Job>> {
        return claim_from(model, query);
      });
}

std::vector<Job> FakeStore::claim_from(StoreModel& model, const ClaimQuery& query) {
  auto claimed = model.claim(query);
  if (claimed.empty() && query.most > 0) {
    empty_epoch_ = job_epoch_;
    next_due_.reset();
    if (const auto due = model.next_due(query.now)) next_due_ = clock_.now() + (*due - query.now);
  }
  return claimed;
}

Task<Result<CommitAndClaim>> FakeStore::commit_and_claim(Transaction transaction,
                                                         ClaimQuery query) {
  co_return co_await call<CommitAndClaim>(
      "commit_and_claim", [&, this](StoreModel& model) -> Result<CommitAndClaim> {
        CORRAL_TRY(const auto position, commit_to(model, transaction));
        return CommitAndClaim{position, claim_from(model, query)};
      });
}

Task<Result<void>> FakeStore::heartbeat(std::uint64_t job, std::string owner, Time until) {
  co_return co_await call<void>(
      "heartbeat", [&](StoreModel& model) { return model.heartbeat(job, owner, until); });
}

Task<Result<void>> FakeStore::release_leases(std::string family, std::string except) {
  co_return co_await call<void>("release_leases", [&, this](StoreModel& model) -> Result<void> {
    const auto released = model.release_leases(family, except);
    job_epoch_ += released;
    jobs_.wake(released);
    return {};
  });
}

Task<Result<std::optional<Job>>> FakeStore::find_job(std::string key) {
  co_return co_await call<std::optional<Job>>(
      "find_job",
      [&](StoreModel& model) -> Result<std::optional<Job>> { return model.find_job(key); });
}

Task<Result<std::vector<Job>>> FakeStore::list_jobs(JobQuery query) {
  co_return co_await call<std::vector<Job>>(
      "list_jobs",
      [&](StoreModel& model) -> Result<std::vector<Job>> { return model.list_jobs(query); });
}

Task<Result<QueueCounts>> FakeStore::queue_counts(Time now) {
  co_return co_await call<QueueCounts>(
      "queue_counts",
      [=](StoreModel& model) -> Result<QueueCounts> { return model.queue_counts(now); });
}

Task<Result<void>> FakeStore::trim_jobs(std::uint32_t keep_completed, std::uint32_t keep_failed) {
  co_return co_await call<void>("trim_jobs", [=](StoreModel& model) -> Result<void> {
    model.trim_jobs(keep_completed, keep_failed);
    return {};
  });
}

Task<Result<void>> FakeStore::wait_for_job(Duration timeout) {
  WaitList::Place place(jobs_, co_await asio::this_coro::executor);
  struct State {
    bool ready = false;
    std::optional<Time> due;
  };
  CORRAL_CO_TRY(const auto state,
                co_await call<State>("wait_for_job", [this](StoreModel&) -> Result<State> {
                  return State{job_epoch_ != empty_epoch_, next_due_};
                }));
  if (state.ready) co_return Result<void>{};
  if (state.due) timeout = std::min(timeout, *state.due - clock_.now());
  co_await timed_wait(place, clock_, timeout);
  co_return Result<void>{};
}

}  // namespace corral::ports::fakes
