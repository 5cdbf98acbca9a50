// What a Store must do, as plain data in memory: no threads, no waiting, no I/O.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
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
    bool events = false;        // events were appended
    std::uint32_t jobs = 0;     // jobs that may have become ready
  };
  // A refused transaction leaves nothing behind.
  Result<Committed> commit(const Transaction& transaction, Time now);

  std::vector<Event> read_stream(const std::string& stream, std::uint64_t after_version, std::uint32_t limit) const;
  std::vector<Event> read_all(std::uint64_t after_position, std::uint32_t limit) const;
  std::uint64_t position() const { return events_.size(); }

  std::optional<Document> get(const std::string& kind, const std::string& id) const;
  std::vector<Document> list(const DocumentQuery& query) const;

  std::optional<Job> claim(const std::string& owner, Time now, Duration lease, QueueLimits limits);
  Result<void> heartbeat(std::uint64_t job, const std::string& owner, Time until);
  // How many leases it ended.
  std::uint32_t release_leases_except(const std::string& owner);
  std::optional<Job> find_job(const std::string& key) const;
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

  Result<JobRow*> claimed_by(std::uint64_t job, const std::string& owner);
  void finish(JobRow& row, const char* state);
  void end_lease(JobRow& row);
  void sweep(Time now);
  void remember(const JobRow& row);

  std::vector<Event> events_;
  std::map<std::string, std::vector<std::uint64_t>> streams_;  // positions
  std::map<std::pair<std::string, std::string>, Document> documents_;
  std::map<std::uint64_t, JobRow> jobs_;
  std::uint64_t last_job_ = 0, last_finished_ = 0;
  Committed current_;
  std::vector<std::function<void()>> undo_;  // of the transaction under way, run backwards
};

}  // namespace corral::ports::fakes
