#include "ports/fakes/store_model.h"

#include <algorithm>

namespace corral::ports::fakes {

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
  if (append.stream.empty())
    return fail(ErrorCode::invalid, "an event needs the name of its stream");
  auto& stream = streams_[append.stream];
  if (stream.size() != append.expected_version)
    return fail(ErrorCode::conflict, "stream {} is at version {}, not {}", append.stream,
                stream.size(), append.expected_version);
  for (const auto& event : append.events) {
    events_.push_back({events_.size() + 1, append.stream, stream.size() + 1, event.type, event.data,
                       event.origin, now});
    stream.push_back(events_.size());
    undo_.push_back([this, &stream] { stream.pop_back(), events_.pop_back(); });
    current_.events = true;
  }
  return {};
}

Result<void> StoreModel::apply(const PutDocument& put, Time now) {
  Document document = put.document;
  if (document.kind.empty() || document.id.empty())
    return fail(ErrorCode::invalid, "a document needs a kind and an id");
  const std::pair key(document.kind, document.id);
  const auto found = documents_.find(key);
  const std::uint64_t version = found == documents_.end() ? 0 : found->second.version;
  if (put.expected_version && *put.expected_version != version)
    return fail(ErrorCode::conflict, "{} {} is at version {}, not {}", document.kind, document.id,
                version, *put.expected_version);
  if (!document.name.empty()) {
    for (const auto& [other_key, other] : documents_)
      if (other_key != key && other.kind == document.kind && other.parent == document.parent &&
          other.name == document.name)
        return fail(ErrorCode::conflict, "a {} named \"{}\" is already there", document.kind,
                    document.name);
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

std::vector<Event> StoreModel::read_stream(const std::string& stream, std::uint64_t after_version,
                                           std::uint32_t limit) const {
  std::vector<Event> events;
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return events;
  for (auto at = after_version; at < found->second.size() && events.size() < limit; ++at)
    events.push_back(events_[found->second[at] - 1]);
  return events;
}

std::vector<Event> StoreModel::read_all(const EventQuery& query) const {
  std::vector<Event> found;
  for (auto at = query.after_position; at < events_.size() && found.size() < query.limit; ++at) {
    const Event& event = events_[at];
    if (!query.types.empty() && std::ranges::find(query.types, event.type) == query.types.end())
      continue;
    if ((query.from && event.time < *query.from) || (query.until && event.time >= *query.until))
      continue;
    found.push_back(event);
  }
  return found;
}

std::vector<StreamInfo> StoreModel::list_streams(const std::string& prefix,
                                                 const std::string& after_name,
                                                 std::uint32_t limit) const {
  std::vector<StreamInfo> found;
  for (auto at = streams_.lower_bound(prefix); at != streams_.end() && found.size() < limit; ++at) {
    const auto& [name, positions] = *at;
    if (!name.starts_with(prefix)) break;
    if (name > after_name && !positions.empty()) found.push_back({name, positions.size()});
  }
  return found;
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
    if ((query.state && document.state != *query.state) ||
        (query.name && document.name != *query.name))
      continue;
    if (!query.before_id.empty() && document.id >= query.before_id) continue;
    documents.push_back(document);
  }
  return documents;
}

}  // namespace corral::ports::fakes
