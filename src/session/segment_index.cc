#include "session/segment_index.h"

#include "base/json.h"

namespace corral::session {
namespace {

constexpr std::int64_t kLatest = 253'402'300'799'999;  // the year 9999: what RFC 3339 can say

// Whole and not negative.
bool take(const json::value& value, std::uint64_t& out) {
  if (!value.is_int64() || value.get_int64() < 0) return false;
  out = static_cast<std::uint64_t>(value.get_int64());
  return true;
}

bool take(const json::value* value, SourceEnds& out) {
  if (value == nullptr || !value->is_object()) return false;
  for (const auto& member : value->get_object())
    if (!take(member.value(), out[std::string(member.key())])) return false;
  return true;
}

bool take(const json::value& value, IndexPoint& out) {
  if (!value.is_array()) return false;
  const auto& numbers = value.get_array();
  std::uint64_t time = 0;
  if (numbers.size() < 2 || numbers.size() > 3 || !take(numbers[0], out.offset) ||
      !take(numbers[1], out.position) || (numbers.size() == 3 && !take(numbers[2], time)) ||
      time > kLatest)
    return false;
  out.time = Time(Duration(static_cast<std::int64_t>(time)));
  return true;
}

bool take(const json::value* value, std::vector<IndexPoint>& out) {
  if (value == nullptr || !value->is_array()) return false;
  for (const auto& item : value->get_array()) {
    IndexPoint point;
    if (!take(item, point)) return false;
    if (!out.empty() &&
        (point.offset <= out.back().offset || point.position <= out.back().position))
      return false;
    out.push_back(point);
  }
  return true;
}

}  // namespace

std::string to_json(const SegmentIndex& index) {
  json::object sources;
  for (const auto& [source, end] : index.sources) sources[source] = static_cast<std::int64_t>(end);
  json::array points;
  points.reserve(index.points.size());
  for (const auto& point : index.points)
    points.push_back(json::array{static_cast<std::int64_t>(point.offset),
                                 static_cast<std::int64_t>(point.position),
                                 point.time.time_since_epoch().count()});
  return json::serialize(json::object{{"end", static_cast<std::int64_t>(index.end)},
                                      {"file_bytes", static_cast<std::int64_t>(index.file_bytes)},
                                      {"sources", std::move(sources)},
                                      {"index", std::move(points)}});
}

Result<SegmentIndex> parse_segment_index(std::string_view text) {
  CORRAL_TRY(const auto document, parse_json(text, "log index"));
  SegmentIndex index;
  const auto *end = find(document, {"end"}), *file_bytes = find(document, {"file_bytes"});
  if (end == nullptr || !take(*end, index.end) || file_bytes == nullptr ||
      !take(*file_bytes, index.file_bytes) || !take(find(document, {"sources"}), index.sources) ||
      !take(find(document, {"index"}), index.points))
    return fail(ErrorCode::corrupt, "the log index is none");
  return index;
}

}  // namespace corral::session
