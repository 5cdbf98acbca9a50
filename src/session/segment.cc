#include "session/segment.h"

#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "session/record.h"

namespace corral::session {
namespace {

// Makes a new name in a folder durable.
Result<void> sync_folder(const std::filesystem::path& folder) {
  Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return std::unexpected(errno_error(errno, "cannot sync " + folder.string()));
  return {};
}

Result<std::uint64_t> file_size(int fd, const std::filesystem::path& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return std::unexpected(errno_error(errno, "cannot read " + path.string()));
  return static_cast<std::uint64_t>(info.st_size);
}

// The index file of a sealed segment, if it is there and fits the segment's size.
bool load_index(Segment& segment, SourceEnds& ends) {
  const auto text = read_file(segment.index_path());
  if (!text) return false;
  const auto document = parse_json(*text, "log index");
  if (!document || static_cast<std::uint64_t>(find_int(*document, {"file_bytes"}, -1)) != segment.file_bytes) return false;
  const auto* sources = find(*document, {"sources"});
  const auto* points = find(*document, {"index"});
  if (sources == nullptr || !sources->is_object() || points == nullptr || !points->is_array()) return false;
  SourceEnds read;
  for (const auto& member : sources->get_object()) {
    if (!member.value().is_int64()) return false;
    read[member.key()] = static_cast<std::uint64_t>(member.value().get_int64());
  }
  std::vector<IndexPoint> index;
  for (const auto& point : points->get_array()) {
    if (!point.is_array() || point.get_array().size() != 2 || !point.at(0).is_int64() || !point.at(1).is_int64()) return false;
    index.push_back({static_cast<std::uint64_t>(point.at(0).get_int64()), static_cast<std::uint64_t>(point.at(1).get_int64())});
  }
  segment.end = static_cast<std::uint64_t>(find_int(*document, {"end"}));
  segment.index = std::move(index);
  for (auto& [source, end] : read) ends[source] = end;
  return true;
}

}  // namespace

std::string Segment::file_name(std::uint64_t begin) { return fmt::format("{:020}.seg", begin); }

std::filesystem::path Segment::index_path() const { return std::filesystem::path(path).replace_extension(".idx"); }

void Segment::note(std::uint64_t payload_bytes, std::uint64_t record_bytes) {
  if (index.empty() || end - index.back().offset >= kIndexSpacingBytes) index.push_back({end, file_bytes});
  end += payload_bytes;
  file_bytes += record_bytes;
}

Result<Segment> Segment::create(const std::filesystem::path& folder, std::uint64_t begin) {
  Segment segment;
  segment.path = folder / file_name(begin);
  segment.begin = segment.end = begin;
  segment.file = Fd(::open(segment.path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!segment.file) return std::unexpected(errno_error(errno, "cannot create " + segment.path.string()));
  CORRAL_CHECK(sync_folder(folder));
  return segment;
}

Result<Segment> Segment::open(const std::filesystem::path& path, SourceEnds& ends) {
  Segment segment;
  segment.path = path;
  const std::string name = path.stem().string();
  if (std::from_chars(name.data(), name.data() + name.size(), segment.begin).ec != std::errc())
    return fail(ErrorCode::corrupt, "{} is not named as a log segment", path.string());
  segment.end = segment.begin;
  segment.file = Fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!segment.file) return std::unexpected(errno_error(errno, "cannot open " + path.string()));
  CORRAL_TRY(const auto size, file_size(segment.file.get(), path));
  segment.file_bytes = size;
  if (load_index(segment, ends)) return segment;

  segment.file_bytes = 0;
  CORRAL_TRY(const auto whole, scan_records(segment.file.get(), 0, size, [&](std::uint64_t, const RecordView& record) {
    auto& end = ends[std::string(record.source)];
    end = std::max(end, record.source_offset + record.payload.size());
    segment.note(record.payload.size(), record_bytes(record.source, record.payload.size()));
    return Scan::go_on;
  }));
  if (whole < size) {
    log::warning("log.torn_end_cut", {{"file", path.string()}, {"bytes", size - whole}});
    if (::ftruncate(segment.file.get(), static_cast<off_t>(whole)) != 0) return std::unexpected(errno_error(errno, "cannot cut " + path.string()));
  }
  return segment;
}

Result<void> Segment::seal(const SourceEnds& ends) {
  if (::fdatasync(file.get()) != 0) return std::unexpected(errno_error(errno, "cannot sync " + path.string()));
  json::object sources;
  for (const auto& [source, source_end] : ends) sources[source] = static_cast<std::int64_t>(source_end);
  json::array points;
  for (const auto& point : index) points.push_back(json::array{static_cast<std::int64_t>(point.offset), static_cast<std::int64_t>(point.position)});
  const json::object document{{"end", static_cast<std::int64_t>(end)}, {"file_bytes", static_cast<std::int64_t>(file_bytes)},
                              {"sources", std::move(sources)}, {"index", std::move(points)}};
  return write_file_atomically(index_path(), json::serialize(document));
}

Result<std::string> Segment::read(std::uint64_t offset, std::size_t max_bytes, std::uint64_t file_limit) const {
  std::string bytes;
  if (offset >= end || index.empty()) return bytes;
  auto point = std::upper_bound(index.begin(), index.end(), offset, [](std::uint64_t at, const IndexPoint& p) { return at < p.offset; });
  CORRAL_ASSERT(point != index.begin());
  --point;
  std::uint64_t at = point->offset;
  CORRAL_TRY(const auto position, scan_records(file.get(), point->position, file_limit, [&](std::uint64_t, const RecordView& record) {
    const std::uint64_t record_end = at + record.payload.size();
    if (record_end > offset) {
      const std::size_t skip = offset > at ? static_cast<std::size_t>(offset - at) : 0;
      bytes.append(record.payload.substr(skip, max_bytes - bytes.size()));
    }
    at = record_end;
    return bytes.size() >= max_bytes ? Scan::stop : Scan::go_on;
  }));
  if (position < file_limit && bytes.size() < max_bytes)
    return fail(ErrorCode::corrupt, "{} is damaged at byte {}: its log cannot be read past offset {}", path.string(), position, at);
  return bytes;
}

}  // namespace corral::session
