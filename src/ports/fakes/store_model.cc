#include "ports/fakes/store_model.h"

#include <algorithm>

namespace corral::ports::fakes {

void StoreModel::remember(const JobRow& row) {
  undo_.push_back([this, before = row] { jobs_[before.job.id] = before; });
}

Result<StoreModel::Committed> StoreModel::commit(const Transaction& transaction, Time now) {
  undo_.clear();
  current_ = {};
  for (const auto& change : transaction.changes) {
    auto applied = std::visit([&](const auto& c) { return apply(c, now); }, change);
    if (!applied) {
      for (auto step = undo_.rbegin(); step != undo_.rend(); ++step) (*step)();
      return std::unexpected(std::move(applied).error());
    }
  }
  current_.position = position();
  return current_;
}

Result<void> StoreModel::apply(const Append& append, Time now) {
  if (append.stream.empty()) return fail(ErrorCode::invalid, "an event needs the name of its stream");
  auto& stream = streams_[append.stream];
  if (stream.size() != append.expected_version)
    return fail(ErrorCode::conflict, "stream {} is at version {}, not {}", append.stream, stream.size(),
                append.expected_version);
  for (const auto& event : append.events) {
    events_.push_back({events_.size() + 1, append.stream, stream.size() + 1, event.type, event.data, event.actor, now});
    stream.push_back(events_.size());
    undo_.push_back([this, &stream] { stream.pop_back(), events_.pop_back(); });
    current_.events = true;
  }
  return {};
}

Result<void> StoreModel::apply(const PutDocument& put, Time now) {
  Document document = put.document;
  if (document.kind.empty() || document.id.empty()) return fail(ErrorCode::invalid, "a document needs a kind and an id");
  const std::pair key(document.kind, document.id);
  const auto found = documents_.find(key);
  const std::uint64_t version = found == documents_.end() ? 0 : found->second.version;
  if (put.expected_version && *put.expected_version != version)
    return fail(ErrorCode::conflict, "{} {} is at version {}, not {}", document.kind, document.id, version,
                *put.expected_version);
  if (!document.name.empty()) {
    for (const auto& [other_key, other] : documents_)
      if (other_key != key && other.kind == document.kind && other.parent == document.parent && other.name == document.name)
        return fail(ErrorCode::conflict, "a {} named \"{}\" is already there", document.kind, document.name);
  }
  document.version = version + 1;
  document.updated = now;
  document.created = version == 0 ? now : found->second.created;
  if (version == 0) {
    undo_.push_back([this, key] { documents_.erase(key); });
  } else {
    undo_.push_back([this, key, before = found->second] { documents_[key] = before; });
  }
  documents_[key] = std::move(document);
  return {};
}

Result<void> StoreModel::apply(const DeleteDocument& remove, Time) {
  const std::pair key(remove.kind, remove.id);
  if (const auto found = documents_.find(key); found != documents_.end()) {
    undo_.push_back([this, document = found->second, key] { documents_[key] = document; });
    documents_.erase(found);
  }
  return {};
}

Result<void> StoreModel::apply(const NewJob& job, Time now) {
  if (job.kind.empty() || job.key.empty()) return fail(ErrorCode::invalid, "a job needs a kind and a key");
  if (job.max_attempts == 0) return fail(ErrorCode::invalid, "job {}: max_attempts must be at least 1", job.key);
  for (const auto& [id, row] : jobs_)
    if (row.job.key == job.key && row.finished == 0) return {};
  JobRow row;
  row.job = {.id = ++last_job_, .kind = job.kind, .key = job.key, .group = job.group, .payload = job.payload,
             .priority = job.priority, .due = job.due, .max_attempts = job.max_attempts, .state = "ready"};
  row.order = job.due == Time{} ? now : job.due;
  undo_.push_back([this, id = last_job_] { jobs_.erase(id); });
  jobs_.emplace(last_job_, std::move(row));
  ++current_.jobs;
  return {};
}

Result<StoreModel::JobRow*> StoreModel::claimed_by(std::uint64_t job, const std::string& owner) {
  const auto found = jobs_.find(job);
  if (found == jobs_.end() || found->second.job.state != "claimed" || found->second.job.lease_owner != owner)
    return fail(ErrorCode::conflict, "job {} is not leased to {} any more", job, owner);
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
  ++current_.jobs;  // its place under the limits is free
  return {};
}

Result<void> StoreModel::apply(const ReleaseJob& release, Time) {
  CORRAL_TRY(JobRow * row, claimed_by(release.id, release.owner));
  remember(*row);
  row->job.error = release.error;
  ++current_.jobs;
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

std::vector<Event> StoreModel::read_stream(const std::string& stream, std::uint64_t after_version, std::uint32_t limit) const {
  std::vector<Event> events;
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return events;
  for (auto at = after_version; at < found->second.size() && events.size() < limit; ++at)
    events.push_back(events_[found->second[at] - 1]);
  return events;
}

std::vector<Event> StoreModel::read_all(std::uint64_t after_position, std::uint32_t limit) const {
  std::vector<Event> events;
  for (auto at = after_position; at < events_.size() && events.size() < limit; ++at) events.push_back(events_[at]);
  return events;
}

std::optional<Document> StoreModel::get(const std::string& kind, const std::string& id) const {
  const auto found = documents_.find({kind, id});
  if (found == documents_.end()) return std::nullopt;
  return found->second;
}

std::vector<Document> StoreModel::list(const DocumentQuery& query) const {
  std::vector<Document> documents;
  const std::uint32_t limit = std::min(query.limit, kMaxListLimit);
  for (auto at = documents_.rbegin(); at != documents_.rend() && documents.size() < limit; ++at) {
    const Document& document = at->second;
    if (document.kind != query.kind || (query.parent && document.parent != *query.parent)) continue;
    if ((query.state && document.state != *query.state) || (query.name && document.name != *query.name)) continue;
    if (!query.before_id.empty() && document.id >= query.before_id) continue;
    documents.push_back(document);
  }
  return documents;
}

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

std::optional<Job> StoreModel::claim(const std::string& owner, Time now, Duration lease, QueueLimits limits) {
  sweep(now);
  std::map<std::string, std::uint32_t> claimed;
  std::uint32_t total = 0;
  for (const auto& [id, row] : jobs_)
    if (row.job.state == "claimed") ++claimed[row.job.group], ++total;
  if (total >= limits.total) return std::nullopt;

  JobRow* best = nullptr;
  const auto rank = [](const JobRow& row) { return std::tuple(-static_cast<std::int64_t>(row.job.priority), row.order, row.job.id); };
  for (auto& [id, row] : jobs_) {
    if (row.job.state != "ready" || row.job.due > now || claimed[row.job.group] >= limits.per_group) continue;
    if (best == nullptr || rank(row) < rank(*best)) best = &row;
  }
  if (best == nullptr) return std::nullopt;
  best->job.state = "claimed";
  best->job.lease_owner = owner;
  best->job.lease_until = now + lease;
  ++best->job.attempt;
  return best->job;
}

Result<void> StoreModel::heartbeat(std::uint64_t job, const std::string& owner, Time until) {
  CORRAL_TRY(JobRow * row, claimed_by(job, owner));
  row->job.lease_until = until;
  return {};
}

std::uint32_t StoreModel::release_leases_except(const std::string& owner) {
  std::uint32_t released = 0;
  for (auto& [id, row] : jobs_) {
    if (row.job.state != "claimed" || row.job.lease_owner == owner) continue;
    --row.job.attempt;
    end_lease(row);
    ++released;
  }
  return released;
}

std::optional<Job> StoreModel::find_job(const std::string& key) const {
  for (auto at = jobs_.rbegin(); at != jobs_.rend(); ++at)
    if (at->second.job.key == key) return at->second.job;
  return std::nullopt;
}

QueueCounts StoreModel::queue_counts(Time now) const {
  QueueCounts counts;
  for (const auto& [id, row] : jobs_) {
    if (row.job.state == "completed") ++counts.completed;
    else if (row.job.state == "failed") ++counts.failed;
    else if (row.job.state == "claimed" && row.job.lease_until > now) ++counts.claimed;
    else if (row.job.state == "ready" && row.job.due > now) ++counts.delayed;
    else ++counts.ready;
  }
  return counts;
}

void StoreModel::trim_jobs(std::uint32_t keep_completed, std::uint32_t keep_failed) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> finished;  // newest first
  for (const auto& [id, row] : jobs_)
    if (row.finished != 0) finished.emplace_back(row.finished, id);
  std::ranges::sort(finished, std::greater{});
  for (const auto& [order, id] : finished) {
    std::uint32_t& keep = jobs_[id].job.state == "completed" ? keep_completed : keep_failed;
    if (keep > 0) --keep;
    else jobs_.erase(id);
  }
}

std::optional<Time> StoreModel::next_due(Time now) const {
  std::optional<Time> next;
  for (const auto& [id, row] : jobs_) {
    const Time at = row.job.state == "claimed" ? row.job.lease_until : row.job.due;
    if (row.finished == 0 && at > now && (!next || at < *next)) next = at;
  }
  return next;
}

}  // namespace corral::ports::fakes
