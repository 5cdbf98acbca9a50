#include "session/segment.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "session/record.h"

namespace corral::session {
namespace {

constexpr std::size_t kScanBytes = 1u << 20;

// What the index file of a sealed segment says, if it is there and fits the segment's size.
bool load_index(Segment& segment, SourceEnds& ends) {
  const auto text = read_file(segment.index_path());
  if (!text) return false;
  auto index = parse_segment_index(*text);
  if (!index || index->file_bytes != segment.file_bytes) return false;
  segment.end = index->end;
  segment.index = std::move(index->points);
  for (auto& [source, end] : index->sources) ends[source] = end;
  return true;
}

// The tail that a crash left half written. Nobody was told that it is durable.
Result<void> cut_torn_end(int file, const Segment& segment, std::uint64_t size) {
  log::warning("log.torn_end_cut",
               {{"file", segment.path.string()}, {"bytes", size - segment.file_bytes}});
  if (::ftruncate(file, static_cast<off_t>(segment.file_bytes)) == 0 && ::fdatasync(file) == 0)
    return {};
  return std::unexpected(errno_error(errno, "cannot cut " + segment.path.string()));
}

}  // namespace

std::string Segment::file_name(std::uint64_t begin) { return fmt::format("{:020}.seg", begin); }

std::filesystem::path Segment::index_path() const {
  return std::filesystem::path(path).replace_extension(".idx");
}

void Segment::note(std::uint64_t payload_bytes, std::uint64_t record_bytes, Time time) {
  if (index.empty() || end - index.back().offset >= kIndexSpacingBytes)
    index.push_back({end, file_bytes, time});
  end += payload_bytes;
  file_bytes += record_bytes;
}

IndexPoint Segment::point_before(std::uint64_t offset) const {
  const auto after = std::ranges::upper_bound(index, offset, {}, &IndexPoint::offset);
  return after == index.begin() ? IndexPoint{begin, 0, {}} : *std::prev(after);
}

Result<std::uint64_t> begin_in_name(const std::filesystem::path& path) {
  const std::string name = path.stem().string();
  std::uint64_t begin = 0;
  const auto [stop, problem] = std::from_chars(name.data(), name.data() + name.size(), begin);
  if (problem == std::errc() && stop == name.data() + name.size()) return begin;
  return fail(ErrorCode::corrupt, "{} is not named as a log segment", path.string());
}

Result<Segment> create_segment(const std::filesystem::path& folder, std::uint64_t begin) {
  Segment segment;
  segment.path = folder / Segment::file_name(begin);
  segment.begin = segment.end = begin;
  // It may be there, empty, from an attempt that failed half-way.
  const Fd file(::open(segment.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  struct stat info{};
  if (!file || ::fstat(file.get(), &info) != 0)
    return std::unexpected(errno_error(errno, "cannot create " + segment.path.string()));
  if (info.st_size != 0)
    return fail(ErrorCode::conflict, "{} is already there: another process writes this log",
                segment.path.string());
  CORRAL_CHECK(sync_folder(folder));
  return segment;
}

Result<Segment> open_segment(const std::filesystem::path& path, Age age, SourceEnds& ends) {
  Segment segment;
  segment.path = path;
  CORRAL_TRY(segment.begin, begin_in_name(path));
  segment.end = segment.begin;
  const Fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  struct stat info{};
  if (!file || ::fstat(file.get(), &info) != 0)
    return std::unexpected(errno_error(errno, "cannot open " + path.string()));
  const auto size = static_cast<std::uint64_t>(info.st_size);
  segment.file_bytes = size;
  if (load_index(segment, ends)) return segment;

  segment.file_bytes = 0;
  const auto take = [&](std::uint64_t, const RecordView& record) {
    auto& end = ends[std::string(record.source)];
    end = std::max(end, record.source_offset + record.payload.size());
    segment.note(record.payload.size(), record.bytes, record.time);
    return Scan::go_on;
  };
  CORRAL_TRY(const auto whole, scan_records(file.get(), 0, size, kScanBytes, take));
  if (whole < size) {
    if (age == Age::older)
      return fail(ErrorCode::corrupt, "{} is damaged at byte {}: restore it from a backup",
                  path.string(), whole);
    CORRAL_CHECK(cut_torn_end(file.get(), segment, size));
  }
  return segment;
}

Result<Fd> open_for_appending(const Segment& segment) {
  Fd file(::open(segment.path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file) return std::unexpected(errno_error(errno, "cannot open " + segment.path.string()));
  return file;
}

Result<void> append_at(int file, const std::filesystem::path& path, std::uint64_t position,
                       std::string_view bytes) {
  for (std::uint64_t at = position; !bytes.empty();) {
    const auto count = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int problem = errno;
      const bool cut = ::ftruncate(file, static_cast<off_t>(position)) == 0;
      return std::unexpected(errno_error(problem, fmt::format("cannot write {}{}", path.string(),
                                                              cut ? "" : " (nor cut it again)")));
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
    at += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<void> seal_segment(int file, const Segment& segment, const SourceEnds& ends) {
  if (::fdatasync(file) != 0)
    return std::unexpected(errno_error(errno, "cannot sync " + segment.path.string()));
  return write_file_atomically(
      segment.index_path(),
      to_json(SegmentIndex{segment.end, segment.file_bytes, ends, segment.index}));
}

Result<std::string> read_segment(const std::filesystem::path& path, IndexPoint start,
                                 std::uint64_t offset, std::size_t max_bytes,
                                 std::uint64_t file_limit) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::unexpected(errno_error(errno, "cannot read " + path.string()));
  std::string bytes;
  std::uint64_t at = start.offset;
  const auto take = [&](std::uint64_t, const RecordView& record) {
    const std::uint64_t record_end = at + record.payload.size();
    if (record_end > offset) {
      const std::size_t skip = offset > at ? static_cast<std::size_t>(offset - at) : 0;
      bytes.append(record.payload.substr(skip, max_bytes - bytes.size()));
    }
    at = record_end;
    return bytes.size() >= max_bytes ? Scan::stop : Scan::go_on;
  };
  // About what is asked for, with the way to it from the index point.
  const auto read_bytes = static_cast<std::size_t>(
      std::min<std::uint64_t>(offset - start.offset + max_bytes, kScanBytes) + 1024);
  CORRAL_TRY(const auto position,
             scan_records(file.get(), start.position, file_limit, read_bytes, take));
  if (position < file_limit && bytes.size() < max_bytes)
    return fail(ErrorCode::corrupt,
                "{} is damaged at byte {}: its log cannot be read past offset {}", path.string(),
                position, at);
  return bytes;
}

}  // namespace corral::session
