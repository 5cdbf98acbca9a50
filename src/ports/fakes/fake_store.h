// The store in memory: the semantics of ports::Store (its contract suite runs against it too), and
// faults on demand.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string_view>

#include "base/wait_list.h"
#include "ports/fakes/store_model.h"
#include "ports/store.h"

namespace corral::ports::fakes {

// Thread-safe. Time comes from `clock`, which outlives it: waits end when a FakeClock is advanced
// past them. Every call yields to the executor once, as a call to a database would.
//
// It stands for what is on disk: let it outlive the objects that a simulated crash destroys.
class FakeStore final : public Store {
 public:
  explicit FakeStore(Clock& clock) : clock_(clock) {}

  // When a fault strikes: `before`, nothing has happened; `after`, it has happened and the
  // acknowledgement is lost.
  enum class Moment { before, after };
  // Asked at both moments of every call, by its name ("commit", "claim", "read_stream", …): an
  // Error it returns is what the caller gets. Called on the caller's thread.
  using Faults = std::function<std::optional<Error>(std::string_view call, Moment moment)>;
  void set_faults(Faults faults);

  Task<Result<std::uint64_t>> commit(Transaction transaction) override;
  Task<Result<std::vector<Event>>> read_stream(std::string stream, std::uint64_t after_version,
                                               std::uint32_t limit) override;
  Task<Result<std::vector<Event>>> read_all(EventQuery query) override;
  Task<Result<std::vector<StreamInfo>>> list_streams(std::string prefix, std::string after_name,
                                                     std::uint32_t limit) override;
  Task<Result<void>> wait_after(std::uint64_t position, Duration timeout) override;
  Task<Result<std::optional<Document>>> get(std::string kind, std::string id) override;
  Task<Result<std::vector<Document>>> list(DocumentQuery query) override;
  Task<Result<std::vector<Job>>> claim(ClaimQuery query) override;
  Task<Result<CommitAndClaim>> commit_and_claim(Transaction transaction, ClaimQuery query) override;
  Task<Result<void>> heartbeat(std::uint64_t job, std::string owner, Time until) override;
  Task<Result<void>> release_leases(std::string family, std::string except) override;
  Task<Result<std::optional<Job>>> find_job(std::string key) override;
  Task<Result<std::vector<Job>>> list_jobs(JobQuery query) override;
  Task<Result<QueueCounts>> queue_counts(Time now) override;
  Task<Result<void>> trim_jobs(std::uint32_t keep_completed, std::uint32_t keep_failed) override;
  Task<Result<void>> wait_for_job(Duration timeout) override;

 private:
  std::optional<Error> fault(std::string_view call, Moment moment);
  // Under the lock.
  Result<std::uint64_t> commit_to(StoreModel& model, const Transaction& transaction);
  std::vector<Job> claim_from(StoreModel& model, const ClaimQuery& query);
  template <class T>
  Task<Result<T>> call(std::string_view name, std::function<Result<T>(StoreModel&)> work);

  Clock& clock_;
  std::mutex mutex_;  // guards what follows
  StoreModel model_;
  Faults faults_;
  std::uint64_t job_epoch_ = 1,
                empty_epoch_ =
                    0;  // grows with each job that may be ready; as of the last empty claim
  std::optional<Time> next_due_;  // as of the last empty claim
  WaitList events_, jobs_;
};

}  // namespace corral::ports::fakes
