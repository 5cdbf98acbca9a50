// The queue's half of the model.
#include <algorithm>
#include <tuple>

#include "ports/fakes/store_model.h"

namespace corral::ports::fakes {

void StoreModel::remember(const JobRow& row) {
  undo_.push_back([this, before = row] { jobs_[before.job.id] = before; });
}

// ---- changes ----

Result<void> StoreModel::apply(const NewJob& job, Time now) {
  CORRAL_CHECK(check_job(job));
  if (open_job(job.key) != nullptr) return {};
  JobRow row;
  row.job = {.id = ++last_job_,
             .kind = job.kind,
             .key = job.key,
             .group = job.group,
             .slots = job.slots,
             .payload = job.payload,
             .priority = job.priority,
             .due = job.due,
             .created = now,
             .max_attempts = job.max_attempts,
             .state = "ready"};
  row.order = job.due == Time{} ? now : job.due;
  undo_.push_back([this, id = last_job_] { jobs_.erase(id); });
  jobs_.emplace(last_job_, std::move(row));
  ++current_.jobs;
  return {};
}

StoreModel::JobRow* StoreModel::open_job(const std::string& key) {
  for (auto& [id, row] : jobs_)
    if (row.job.key == key && row.finished == 0) return &row;
  return nullptr;
}

Result<StoreModel::JobRow*> StoreModel::claimed_by(std::uint64_t job, const std::string& owner) {
  const auto found = jobs_.find(job);
  if (found == jobs_.end() || found->second.job.state != "claimed" ||
      found->second.job.lease_owner != owner)
    return fail(ErrorCode::conflict, "job {} is not leased to {} any more", job, owner);
  return &found->second;
}

Result<StoreModel::JobRow*> StoreModel::dead_letter(std::uint64_t job) {
  const auto found = jobs_.find(job);
  if (found == jobs_.end()) return fail(ErrorCode::not_found, "there is no job {}", job);
  if (found->second.job.state != "failed")
    return fail(ErrorCode::conflict, "job {} is {}, not a dead letter", job,
                found->second.job.state);
  return &found->second;
}

void StoreModel::finish(JobRow& row, const char* state) {
  row.job.state = state;
  row.job.lease_owner.clear();
  row.job.lease_until = Time{};
  row.finished = ++last_finished_;
}

void StoreModel::end_lease(JobRow& row) {
  row.job.state = "ready";
  row.job.lease_owner.clear();
  row.job.lease_until = Time{};
}

Result<void> StoreModel::apply(const CompleteJob& complete, Time) {
  CORRAL_TRY(JobRow * row, claimed_by(complete.id, complete.owner));
  remember(*row);
  finish(*row, "completed");
  row->job.error.clear();
  current_.jobs +=
      1 + static_cast<std::uint32_t>(row->job.slots.size());  // places under the limits are free
  return {};
}

Result<void> StoreModel::apply(const ReleaseJob& release, Time) {
  CORRAL_TRY(JobRow * row, claimed_by(release.id, release.owner));
  remember(*row);
  row->job.error = release.error;
  current_.jobs +=
      1 + static_cast<std::uint32_t>(row->job.slots.size());  // places under the limits are free
  if (release.keep_attempt) {
    --row->job.attempt;
  } else if (row->job.attempt >= row->job.max_attempts) {
    finish(*row, "failed");
    return {};
  }
  end_lease(*row);
  row->job.due = release.due;
  if (release.due != Time{}) row->order = release.due;
  return {};
}

Result<void> StoreModel::apply(const WakeJob& wake, Time now) {
  JobRow* row = open_job(wake.key);
  if (row == nullptr || row->job.state != "ready" || row->job.due <= now) return {};
  remember(*row);
  row->job.due = Time{};
  row->order = now;
  ++current_.jobs;
  return {};
}

Result<void> StoreModel::apply(const RetryJob& retry, Time now) {
  CORRAL_TRY(JobRow * row, dead_letter(retry.id));
  if (open_job(row->job.key) != nullptr)
    return fail(ErrorCode::conflict, "another job has the key {} of job {}", row->job.key,
                retry.id);
  remember(*row);
  end_lease(*row);
  row->finished = 0;
  row->job.attempt = 0;
  row->job.due = Time{};
  row->order = now;
  ++current_.jobs;
  return {};
}

Result<void> StoreModel::apply(const DiscardJob& discard, Time) {
  CORRAL_TRY(const JobRow* row, dead_letter(discard.id));
  remember(*row);
  jobs_.erase(discard.id);
  return {};
}

Result<void> StoreModel::apply(const PauseQueue& pause, Time) {
  undo_.push_back([this, before = paused_] { paused_ = before; });
  if (pause.paused)
    paused_.insert(pause.group);
  else if (paused_.erase(pause.group) > 0)
    current_.jobs += static_cast<std::uint32_t>(jobs_.size());
  return {};
}

// ---- claims ----

void StoreModel::sweep(Time now) {
  for (auto& [id, row] : jobs_) {
    if (row.job.state != "claimed" || row.job.lease_until > now) continue;
    if (row.job.attempt >= row.job.max_attempts) {
      finish(row, "failed");
      row.job.error = kLeaseRanOut;
    } else {
      end_lease(row);
    }
  }
}

void StoreModel::Claimed::add(const Job& job) {
  ++total;
  ++groups[job.group];
  for (const auto& slot : job.slots) ++slots[slot.name];
}

StoreModel::Claimed StoreModel::count_claimed() const {
  Claimed claimed;
  for (const auto& [id, row] : jobs_)
    if (row.job.state == "claimed") claimed.add(row.job);
  return claimed;
}

bool StoreModel::may_claim(const Job& job, const ClaimQuery& query, const Claimed& claimed) const {
  const auto count = [](const std::map<std::string, std::uint32_t>& counts,
                        const std::string& name) {
    const auto found = counts.find(name);
    return found == counts.end() ? 0 : found->second;
  };
  return job.state == "ready" && job.due <= query.now && !paused_.contains(job.group) &&
         count(claimed.groups, job.group) < query.limits.per_group &&
         std::ranges::all_of(
             job.slots,
             [&](const Slot& slot) { return count(claimed.slots, slot.name) < slot.limit; });
}

StoreModel::JobRow* StoreModel::best_ready(const ClaimQuery& query, Claimed& claimed) {
  if (paused_.contains("") || claimed.total >= query.limits.total) return nullptr;
  const auto rank = [&](const JobRow& row) {
    return std::tuple(-static_cast<std::int64_t>(row.job.priority), claimed.groups[row.job.group],
                      last_claims_[row.job.group], row.order, row.job.id);
  };
  JobRow* best = nullptr;
  for (auto& [id, row] : jobs_)
    if (may_claim(row.job, query, claimed) && (best == nullptr || rank(row) < rank(*best)))
      best = &row;
  return best;
}

std::vector<Job> StoreModel::claim(const ClaimQuery& query) {
  std::vector<Job> jobs;
  if (query.most == 0) return jobs;
  sweep(query.now);
  Claimed claimed = count_claimed();
  while (jobs.size() < query.most) {
    JobRow* row = best_ready(query, claimed);
    if (row == nullptr) break;
    row->job.state = "claimed";
    row->job.lease_owner = query.owner;
    row->job.lease_until = query.now + query.lease;
    ++row->job.attempt;
    claimed.add(row->job);
    last_claims_[row->job.group] = ++last_claim_;
    jobs.push_back(row->job);
  }
  return jobs;
}

Result<void> StoreModel::heartbeat(std::uint64_t job, const std::string& owner, Time until) {
  CORRAL_TRY(JobRow * row, claimed_by(job, owner));
  row->job.lease_until = until;
  return {};
}

std::uint32_t StoreModel::release_leases(const std::string& family, const std::string& except) {
  std::uint32_t released = 0;
  for (auto& [id, row] : jobs_) {
    if (row.job.state != "claimed" || row.job.lease_owner == except ||
        !row.job.lease_owner.starts_with(family))
      continue;
    --row.job.attempt;
    end_lease(row);
    ++released;
  }
  return released;
}

std::optional<Time> StoreModel::next_due(Time now) const {
  std::optional<Time> next;
  for (const auto& [id, row] : jobs_) {
    const Time at = row.job.state == "claimed" ? row.job.lease_until : row.job.due;
    if (row.finished == 0 && at > now && (!next || at < *next)) next = at;
  }
  return next;
}

// ---- queries ----

std::optional<Job> StoreModel::find_job(const std::string& key) const {
  for (auto at = jobs_.rbegin(); at != jobs_.rend(); ++at)
    if (at->second.job.key == key) return at->second.job;
  return std::nullopt;
}

std::vector<Job> StoreModel::list_jobs(const JobQuery& query) const {
  std::vector<Job> found;
  const std::uint32_t limit = std::min(query.limit, kMaxListLimit);
  for (auto at = jobs_.rbegin(); at != jobs_.rend() && found.size() < limit; ++at) {
    const Job& job = at->second.job;
    if (query.before_id != 0 && job.id >= query.before_id) continue;
    if ((query.kind && job.kind != *query.kind) || (query.group && job.group != *query.group))
      continue;
    const bool delayed = job.state == "ready" && job.due > query.now;
    if (query.state && !(*query.state == "delayed" ? delayed : job.state == *query.state)) continue;
    found.push_back(job);
  }
  return found;
}

QueueCounts StoreModel::queue_counts(Time now) const {
  QueueCounts counts;
  for (const auto& [id, row] : jobs_) {
    if (row.job.state == "completed") {
      ++counts.completed;
    } else if (row.job.state == "failed") {
      ++counts.failed;
    } else if (row.job.state == "claimed" && row.job.lease_until > now) {
      ++counts.claimed;
    } else if (row.job.state == "ready" && row.job.due > now) {
      ++counts.delayed;
    } else {
      ++counts.ready;
      if (!counts.oldest_due || row.order < *counts.oldest_due) counts.oldest_due = row.order;
    }
  }
  counts.paused.assign(paused_.begin(), paused_.end());
  return counts;
}

void StoreModel::trim_jobs(std::uint32_t keep_completed, std::uint32_t keep_failed) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> finished;  // newest first
  for (const auto& [id, row] : jobs_)
    if (row.finished != 0) finished.emplace_back(row.finished, id);
  std::ranges::sort(finished, std::greater{});
  for (const auto& [order, id] : finished) {
    std::uint32_t& keep = jobs_[id].job.state == "completed" ? keep_completed : keep_failed;
    if (keep > 0)
      --keep;
    else
      jobs_.erase(id);
  }
}

}  // namespace corral::ports::fakes
