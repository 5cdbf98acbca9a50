// The read model of a run as readers see it: from the cache while it is good, otherwise from the
// store.
//
// Whoever was answered after a change never sees what was before it. While this process changes a
// run, its readers go to the store; the cached document is erased before the change is answered,
// which also voids the leases of readers that hold the old one. A change whose outcome is unknown
// (cut off, no answer of the store or of the cache) keeps readers at the store until what was
// cached is past its time. What other servers change is erased as soon as their events are seen
// here: until then, a moment, a cache that servers do not share may answer with what was before.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "ports/cache.h"
#include "ports/store.h"

namespace corral::engine {

struct RunDoubts;  // the runs whose cached documents cannot be trusted

class RunDocuments {
 public:
  RunDocuments(ports::Store& store, ports::Cache& cache, Clock& clock);

  static constexpr Duration kKept{300'000};

  // The document's body; nothing when there is no such run. Errors are the store's: without its
  // cache a server is only slower.
  Task<Result<std::optional<json::value>>> get(RunId run);

  // Held while a run is being changed.
  class Change {
   public:
    Change(RunDocuments& documents, RunId run);
    ~Change();
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;
    // It is known that nothing was changed.
    void refused() { settled_ = true; }
    // It was changed. To be awaited before anybody is told.
    Task<void> done();

   private:
    RunDocuments& documents_;
    std::shared_ptr<RunDoubts> doubts_;  // a call that is never resumed outlives the engine
    RunId run_;
    bool settled_ = false;
  };

  // There are events of the run that this process did not write: no document from before them is
  // served any more.
  Task<void> saw_change(RunId run);
  // Likewise, of all runs that the events are of.
  Task<void> saw_changes(const std::vector<ports::Event>& events);

  // From here on others may change runs too. Follows the store's events from `position`, for ever;
  // when that is not possible readers go to the store.
  Task<void> follow(std::uint64_t position);

  std::uint64_t hits() const { return hits_; }
  std::uint64_t misses() const { return misses_; }

 private:
  bool may_use_cache(RunId run) const;
  Task<bool> erase(RunId run);
  Task<Result<std::optional<json::value>>> read(RunId run);

  ports::Store& store_;
  ports::Cache& cache_;
  Clock& clock_;
  std::shared_ptr<RunDoubts> doubts_;
  std::uint64_t followed_ = 0;      // the position up to which every event was seen
  Time fresh_until_ = Time::max();  // what others do is known that long
  std::uint64_t hits_ = 0, misses_ = 0;
};

}  // namespace corral::engine
