// What a Store must do, as plain data in memory: no threads, no waiting, no I/O.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ports/store.h"

namespace corral::ports::fakes {

// Not thread-safe. `now` stamps what is written.
class StoreModel {
 public:
  struct Committed {
    std::uint64_t position = 0;
    bool events = false;     // events were appended
    std::uint32_t jobs = 0;  // jobs that may have become ready
  };
  // A refused transaction leaves nothing behind.
  Result<Committed> commit(const Transaction& transaction, Time now);

  std::vector<Event> read_stream(const std::string& stream, std::uint64_t after_version,
                                 std::uint32_t limit) const;
  std::vector<Event> read_all(const EventQuery& query) const;
  std::vector<StreamInfo> list_streams(const std::string& prefix, const std::string& after_name,
                                       std::uint32_t limit) const;
  std::uint64_t position() const { return events_.size(); }

  std::optional<Document> get(const std::string& kind, const std::string& id) const;
  std::vector<Document> list(const DocumentQuery& query) const;

  std::vector<Job> claim(const ClaimQuery& query);
  Result<void> heartbeat(std::uint64_t job, const std::string& owner, Time until);
  // How many leases it ended.
  std::uint32_t release_leases(const std::string& family, const std::string& except);
  std::optional<Job> find_job(const std::string& key) const;
  std::vector<Job> list_jobs(const JobQuery& query) const;
  QueueCounts queue_counts(Time now) const;
  void trim_jobs(std::uint32_t keep_completed, std::uint32_t keep_failed);
  // After a claim that found nothing: when the next delayed job is due or the next lease runs out.
  std::optional<Time> next_due(Time now) const;

 private:
  struct JobRow {
    Job job;
    Time order;                  // its place within a priority: due time, or entry when due at once
    std::uint64_t finished = 0;  // order of finishing
  };

  Result<void> apply(const Append& append, Time now);
  Result<void> apply(const PutDocument& put, Time now);
  Result<void> apply(const DeleteDocument& remove, Time now);
  Result<void> apply(const NewJob& job, Time now);
  Result<void> apply(const CompleteJob& complete, Time now);
  Result<void> apply(const ReleaseJob& release, Time now);
  Result<void> apply(const WakeJob& wake, Time now);
  Result<void> apply(const RetryJob& retry, Time now);
  Result<void> apply(const DiscardJob& discard, Time now);
  Result<void> apply(const PauseQueue& pause, Time now);

  // What is claimed, counted for the limits.
  struct Claimed {
    std::map<std::string, std::uint32_t> groups, slots;
    std::uint32_t total = 0;
    void add(const Job& job);
  };
  Claimed count_claimed() const;
  bool may_claim(const Job& job, const ClaimQuery& query, const Claimed& claimed) const;
  JobRow* best_ready(const ClaimQuery& query, Claimed& claimed);

  // Not yet finished.
  JobRow* open_job(const std::string& key);
  Result<JobRow*> claimed_by(std::uint64_t job, const std::string& owner);
  Result<JobRow*> dead_letter(std::uint64_t job);
  void finish(JobRow& row, const char* state);
  void end_lease(JobRow& row);
  void sweep(Time now);
  void remember(const JobRow& row);

  std::vector<Event> events_;
  std::map<std::string, std::vector<std::uint64_t>> streams_;  // positions
  std::map<std::pair<std::string, std::string>, Document> documents_;
  std::map<std::uint64_t, JobRow> jobs_;
  std::map<std::string, std::uint64_t> last_claims_;  // by group: when it was last served
  std::set<std::string> paused_;
  std::uint64_t last_job_ = 0, last_finished_ = 0, last_claim_ = 0;
  Committed current_;
  std::vector<std::function<void()>> undo_;  // of the transaction under way, run backwards
};

}  // namespace corral::ports::fakes
