#include "ports/store.h"

#include <algorithm>

namespace corral::ports {

Result<void> check_job(const NewJob& job) {
  if (job.kind.empty() || job.key.empty())
    return fail(ErrorCode::invalid, "a job needs a kind and a key");
  if (job.max_attempts == 0)
    return fail(ErrorCode::invalid, "job {}: max_attempts must be at least 1", job.key);
  if (job.slots.size() > kMaxSlots)
    return fail(ErrorCode::invalid, "job {}: {} slots, at most {} are possible", job.key,
                job.slots.size(), kMaxSlots);
  for (auto slot = job.slots.begin(); slot != job.slots.end(); ++slot) {
    if (slot->name.empty() || slot->limit == 0)
      return fail(ErrorCode::invalid, "job {}: a slot needs a name and a limit of at least 1",
                  job.key);
    if (std::any_of(job.slots.begin(), slot,
                    [&](const Slot& other) { return other.name == slot->name; }))
      return fail(ErrorCode::invalid, "job {}: slot {} is named twice", job.key, slot->name);
  }
  return {};
}

}  // namespace corral::ports
