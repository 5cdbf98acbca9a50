// Who waits for events or jobs, and what is known about them: from this store's own commits and
// claims at once, from other servers' as the listener hears of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "base/wait_list.h"

namespace corral::adapters::store::postgres {

// Thread-safe: waiters stay on their own executors.
class Waiting {
 public:
  void saw_events(std::uint64_t last_position);
  // `count` jobs may have become ready.
  void saw_jobs(std::uint64_t count);
  // Anything may have happened.
  void saw_anything(std::uint64_t last_position);

  // A claim begins; what comes to be known from here on it may have missed.
  std::uint64_t claim_begins();
  // It found nothing, and will not before `next_due` has passed (from now) unless news come.
  void claimed_nothing(std::uint64_t begun, std::optional<Duration> next_due);

  Task<void> for_event(std::uint64_t position, Duration timeout);
  Task<void> for_job(Duration timeout);

 private:
  std::uint64_t last_position();

  std::mutex mutex_;  // guards what follows
  std::uint64_t position_ = 0;
  std::uint64_t job_epoch_ = 1, empty_epoch_ = 0;
  std::optional<std::chrono::steady_clock::time_point> due_;

  WaitList events_, jobs_;
};

}  // namespace corral::adapters::store::postgres
