#include "session/compressed_segment.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <boost/endian/conversion.hpp>

#include "base/crc32c.h"
#include "base/files.h"
#include "base/freed.h"
#include "session/record.h"

namespace corral::session {
namespace {

constexpr std::size_t kFrameBytes = kIndexSpacingBytes;  // of the log, in each frame
constexpr std::size_t kScanBytes = 1u << 20;
constexpr std::size_t kMaxIndexBytes = 16u << 20;
constexpr int kLevel = 3;
constexpr std::uint32_t kSkippable = ZSTD_MAGIC_SKIPPABLE_START + 12;
constexpr std::string_view kMagic = "corralz1";
constexpr std::size_t kSkippableHeader = 8;
constexpr std::size_t kTrailer = 8 + kMagic.size();

void append_u32(std::string& into, std::size_t value) {
  unsigned char raw[4];
  boost::endian::store_little_u32(raw, static_cast<std::uint32_t>(value));
  into.append(reinterpret_cast<const char*>(raw), sizeof raw);
}
std::uint32_t u32_at(std::string_view bytes, std::size_t at) {
  return boost::endian::load_little_u32(reinterpret_cast<const unsigned char*>(bytes.data()) + at);
}

// All of `count` bytes, or fewer at the end of the file.
Result<std::string> read_at(int file, const std::filesystem::path& path, std::uint64_t position,
                            std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t have = 0;
  while (have < count) {
    const auto got =
        ::pread(file, bytes.data() + have, count - have, static_cast<off_t>(position + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno_error(errno, "cannot read " + path.string()));
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

// Cuts what it is given into frames and writes them.
class FrameWriter {
 public:
  FrameWriter(int file, std::uint64_t begin) : file_(file), context_(ZSTD_createCCtx()) {
    CORRAL_ASSERT(context_ != nullptr);
    index_.end = begin;
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
    packed_.resize(ZSTD_compressBound(kFrameBytes));
  }

  Result<void> take(const RecordView& record) {
    auto& source_end = index_.sources[std::string(record.source)];
    source_end = std::max(source_end, record.source_offset + record.payload.size());
    for (auto rest = record.payload; !rest.empty();) {
      if (plain_.empty()) time_ = record.time;
      const auto piece = rest.substr(0, kFrameBytes - plain_.size());
      plain_.append(piece);
      rest.remove_prefix(piece.size());
      if (plain_.size() == kFrameBytes) CORRAL_CHECK(flush());
    }
    return {};
  }

  Result<SegmentIndex> finish() {
    if (!plain_.empty()) CORRAL_CHECK(flush());
    const auto json = to_json(index_);
    std::string tail;
    append_u32(tail, kSkippable);
    append_u32(tail, json.size() + kTrailer);
    tail += json;
    append_u32(tail, json.size());
    append_u32(tail, crc32c(json));
    tail += kMagic;
    CORRAL_CHECK(write_all(file_, tail));
    return std::move(index_);
  }

 private:
  Result<void> flush() {
    const auto size = ZSTD_compress2(context_.get(), packed_.data(), packed_.size(), plain_.data(),
                                     plain_.size());
    if (ZSTD_isError(size) != 0)
      return fail(ErrorCode::internal, "zstd: {}", ZSTD_getErrorName(size));
    CORRAL_CHECK(write_all(file_, std::string_view(packed_).substr(0, size)));
    index_.points.push_back({index_.end, index_.file_bytes, time_});
    index_.end += plain_.size();
    index_.file_bytes += size;
    plain_.clear();
    return {};
  }

  int file_;
  std::unique_ptr<ZSTD_CCtx, Freed<ZSTD_freeCCtx>> context_;
  SegmentIndex index_;
  std::string plain_, packed_;
  Time time_{};
};

Result<SegmentIndex> write_frames(const Segment& from, int in, int out) {
  FrameWriter writer(out, from.begin);
  Result<void> written;
  const auto take = [&](std::uint64_t, const RecordView& record) {
    written = writer.take(record);
    return written ? Scan::go_on : Scan::stop;
  };
  CORRAL_TRY(const auto whole, scan_records(in, 0, from.file_bytes, kScanBytes, take));
  CORRAL_CHECK(written);
  if (whole < from.file_bytes)
    return fail(ErrorCode::corrupt, "{} is damaged at byte {}: restore it from a backup",
                from.path.string(), whole);
  return writer.finish();
}

// What the index says can be true of a segment that begins there.
bool plausible(const SegmentIndex& index, std::uint64_t begin) {
  const auto& points = index.points;
  if (points.empty() || points.front().offset != begin || points.front().position != 0)
    return false;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool last = i + 1 == points.size();
    const auto end = last ? index.end : points[i + 1].offset;
    const auto file_end = last ? index.file_bytes : points[i + 1].position;
    // In order, too: what is not has a difference beyond all bounds.
    if (end <= points[i].offset || end - points[i].offset > kFrameBytes ||
        file_end <= points[i].position ||
        file_end - points[i].position > ZSTD_compressBound(kFrameBytes))
      return false;
  }
  return true;
}

}  // namespace

std::filesystem::path compressed_path(const std::filesystem::path& records) {
  return std::filesystem::path(records).replace_extension(".zst");
}

Result<Segment> compress_segment(const Segment& from) {
  Segment made{.path = compressed_path(from.path), .begin = from.begin, .index = {}};
  made.form = Segment::Form::frames;
  const auto beside = std::filesystem::path(made.path) += ".part";
  const Fd in(::open(from.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in) return std::unexpected(errno_error(errno, "cannot read " + from.path.string()));
  // One name only: what a crash left of an earlier attempt is written over.
  const Fd out(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!out) return std::unexpected(errno_error(errno, "cannot create " + beside.string()));
  auto index = write_frames(from, in.get(), out.get());
  if (index && index->end != from.end)
    index = fail(ErrorCode::corrupt, "{} ends at offset {}, not at {}", from.path.string(),
                 index->end, from.end);
  if (index && (::fsync(out.get()) != 0 || ::rename(beside.c_str(), made.path.c_str()) != 0))
    index = std::unexpected(errno_error(errno, "cannot write " + made.path.string()));
  if (!index) {
    ::unlink(beside.c_str());
    return std::unexpected(std::move(index).error());
  }
  CORRAL_CHECK(sync_folder(made.path.parent_path()));
  made.end = index->end;
  made.file_bytes = index->file_bytes;
  made.index = std::move(index->points);
  return made;
}

Result<Segment> open_compressed(const std::filesystem::path& path, SourceEnds& ends) {
  Segment segment{.path = path, .index = {}};
  segment.form = Segment::Form::frames;
  CORRAL_TRY(segment.begin, begin_in_name(path));
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (!file || ::fstat(file.get(), &info) != 0)
    return std::unexpected(errno_error(errno, "cannot open " + path.string()));
  const auto size = static_cast<std::uint64_t>(info.st_size);
  const auto damaged = [&](std::string_view what) {
    return fail(ErrorCode::corrupt, "{} ({} bytes) {}: restore it from a backup", path.string(),
                size, what);
  };
  if (size < kSkippableHeader + kTrailer) return damaged("is too short for a log segment");
  CORRAL_TRY(const auto trailer, read_at(file.get(), path, size - kTrailer, kTrailer));
  if (!trailer.ends_with(kMagic) || trailer.size() != kTrailer)
    return damaged("does not end as a log segment does");
  const std::uint64_t json_bytes = u32_at(trailer, 0);
  if (json_bytes > kMaxIndexBytes || json_bytes + kSkippableHeader + kTrailer > size)
    return damaged("has no index at its end");
  CORRAL_TRY(const auto json, read_at(file.get(), path, size - kTrailer - json_bytes, json_bytes));
  if (crc32c(json) != u32_at(trailer, 4)) return damaged("has a damaged index");
  auto index = parse_segment_index(json);
  if (!index || !plausible(*index, segment.begin) ||
      index->file_bytes + kSkippableHeader + json_bytes + kTrailer != size)
    return damaged("has an index that does not fit it");
  segment.end = index->end;
  segment.file_bytes = index->file_bytes;
  segment.index = std::move(index->points);
  for (const auto& [source, end] : index->sources) {
    auto& known = ends[source];
    known = std::max(known, end);
  }
  return segment;
}

FrameRange frames_of(const Segment& segment, std::uint64_t offset, std::uint64_t end) {
  const auto& points = segment.index;
  const auto first = std::ranges::upper_bound(points, offset, {}, &IndexPoint::offset);
  const auto last = std::ranges::lower_bound(points, end, {}, &IndexPoint::offset);
  FrameRange range{segment.path, {first == points.begin() ? first : std::prev(first), last}};
  range.points.push_back(last == points.end() ? IndexPoint{segment.end, segment.file_bytes, {}}
                                              : *last);
  return range;
}

Result<std::string> read_frames(const FrameRange& range, std::uint64_t offset,
                                std::size_t max_bytes) {
  const Fd file(::open(range.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::unexpected(errno_error(errno, "cannot read " + range.path.string()));
  std::string bytes, plain;
  for (std::size_t i = 0; i + 1 < range.points.size() && bytes.size() < max_bytes; ++i) {
    const auto &at = range.points[i], &next = range.points[i + 1];
    const auto packed_bytes = static_cast<std::size_t>(next.position - at.position);
    CORRAL_TRY(const auto packed, read_at(file.get(), range.path, at.position, packed_bytes));
    plain.resize(static_cast<std::size_t>(next.offset - at.offset));
    const auto size = ZSTD_decompress(plain.data(), plain.size(), packed.data(), packed.size());
    if (ZSTD_isError(size) != 0 || size != plain.size())
      return fail(ErrorCode::corrupt,
                  "{} is damaged at byte {}: its log cannot be read from offset {} to {}",
                  range.path.string(), at.position, at.offset, next.offset);
    const auto skip = std::min<std::uint64_t>(offset - std::min(offset, at.offset), plain.size());
    bytes.append(plain, skip, max_bytes - bytes.size());
  }
  return bytes;
}

}  // namespace corral::session
