// Virtual time: nothing passes until the test says so.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "base/clock.h"

namespace corral::ports::fakes {

// now() is thread-safe; sleeping and advancing belong to one executor.
//
//   context.poll();                        // everything that can run has run
//   clock.advance_to(*clock.next_wake());  // the sleepers of that moment resume at the next poll()
class FakeClock final : public Clock {
 public:
  explicit FakeClock(Time start = Time{std::chrono::hours(24 * 365 * 56)}) : now_(start) {}

  Time now() const override;
  // Resumes when advance() passes it; one of no length returns at once. Cancelling ends it with
  // operation_aborted.
  Task<void> sleep(Duration duration) override;

  void advance(Duration duration);
  // Never goes back: an earlier time changes nothing.
  void advance_to(Time time);

  // When the next sleeper is due; nothing when nobody sleeps.
  std::optional<Time> next_wake() const;
  std::size_t sleepers() const;

 private:
  struct Sleeper;
  struct Bed;
  mutable std::mutex mutex_;
  Time now_;
  std::multimap<Time, std::shared_ptr<Sleeper>> sleepers_;
};

}  // namespace corral::ports::fakes
