#include "session/file_log.h"

#include <algorithm>
#include <cerrno>
#include <map>

#include <unistd.h>

#include "base/files.h"
#include "session/record.h"

namespace corral::session {
namespace {

constexpr std::size_t kTailBytes = 128 * 1024;

bool valid_source(std::string_view name) {
  return !name.empty() && name.size() <= 96 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._:/-") ==
             std::string_view::npos;
}

// Makes the folder, and the names on the way to it durable.
Result<void> create_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> made;
  for (auto at = folder; !at.empty() && !std::filesystem::exists(at, error); at = at.parent_path())
    made.push_back(at);
  CORRAL_CHECK(make_directories(folder));
  for (const auto& at : made)
    if (at.has_parent_path()) CORRAL_CHECK(sync_folder(at.parent_path()));
  return {};
}

// Runs at the end of its scope, however that is left.
template <class Work>
class AtExit {
 public:
  explicit AtExit(Work work) : work_(std::move(work)) {}
  ~AtExit() { work_(); }
  AtExit(const AtExit&) = delete;
  AtExit& operator=(const AtExit&) = delete;

 private:
  Work work_;
};

// The segment files of a folder in order, one of each: compressed where that is there.
Result<std::vector<std::filesystem::path>> find_segments(const std::filesystem::path& folder) {
  std::error_code error;
  std::map<std::string, std::filesystem::path> found;  // by stem
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const auto& path = entry.path();
    if (path.extension() == ".zst") found[path.stem()] = path;
    if (path.extension() == ".seg") found.try_emplace(path.stem(), path);
  }
  if (error) return std::unexpected(errno_error(error.value(), "cannot read " + folder.string()));
  std::vector<std::filesystem::path> paths;
  for (auto& [stem, path] : found) paths.push_back(std::move(path));
  return paths;
}

// Of a segment that is there compressed, once that is known to be good.
void remove_original(const Segment& segment) {
  const auto records = std::filesystem::path(segment.path).replace_extension(".seg");
  ::unlink(records.c_str());
  ::unlink(segment.index_path().c_str());
}

}  // namespace

Result<LogFiles> open_log_files(const std::filesystem::path& folder, LogStore::Open mode) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    if (mode == LogStore::Open::existing)
      return fail(ErrorCode::not_found, "there is no log {}", folder.filename().string());
    CORRAL_CHECK(create_folder(folder));
  }
  CORRAL_TRY(const auto found, find_segments(folder));

  LogFiles files;
  files.folder = folder;
  for (const auto& path : found) {
    const auto age = path == found.back() ? Age::newest : Age::older;
    const bool frames = path.extension() == ".zst";
    CORRAL_TRY(auto segment,
               frames ? open_compressed(path, files.ends) : open_segment(path, age, files.ends));
    if (frames) remove_original(segment);
    const std::uint64_t expected = files.segments.empty() ? 0 : files.segments.back().end;
    if (segment.begin != expected)
      return fail(ErrorCode::corrupt, "{} should begin at offset {}: a part of the log is missing",
                  path.string(), expected);
    files.segments.push_back(std::move(segment));
  }
  if (files.segments.empty()) {
    if (mode == LogStore::Open::existing)
      return fail(ErrorCode::not_found, "there is no log {}", folder.filename().string());
    CORRAL_TRY(auto first, create_segment(folder, 0));
    files.segments.push_back(std::move(first));
  }
  if (files.segments.back().form == Segment::Form::records) {
    CORRAL_TRY(files.active, open_for_appending(files.segments.back()));
  }
  files.closed = std::filesystem::exists(folder / "closed", error);
  return files;
}

FileLog::FileLog(LogFiles files, BlockingPool& pool, std::uint64_t segment_bytes, Clock& clock)
    : files_(std::move(files)), pool_(pool), segment_bytes_(segment_bytes), clock_(clock) {
  if (files_.active) active_ = std::make_shared<Fd>(std::move(files_.active));
}

Task<Result<void>> FileLog::append(std::string source, std::uint64_t source_offset,
                                   std::string bytes) {
  const auto self = shared_from_this();
  CORRAL_CO_TRY(const auto ticket,
                co_await add(std::move(source), source_offset, std::move(bytes)));
  co_return co_await sync(ticket);
}

Task<Result<void>> FileLog::append_unsynced(std::string source, std::uint64_t source_offset,
                                            std::string bytes) {
  const auto self = shared_from_this();
  CORRAL_CO_CHECK(co_await add(std::move(source), source_offset, std::move(bytes)));
  co_return Result<void>{};
}

Task<Result<std::uint64_t>> FileLog::add(std::string source, std::uint64_t source_offset,
                                         std::string bytes) {
  if (!valid_source(source))
    co_return fail(ErrorCode::invalid, "'{}' is not a log source's name", source);
  const auto turn = co_await writing_.take();
  if (files_.closed)
    co_return fail(ErrorCode::conflict, "the log {} is closed", files_.folder.filename().string());
  if (broken_) co_return std::unexpected(*broken_);
  const std::uint64_t have = source_end(source);
  if (source_offset > have)
    co_return fail(ErrorCode::invalid,
                   "a gap in log source '{}': it has {} bytes, these begin at {}", source, have,
                   source_offset);
  const auto known =
      static_cast<std::size_t>(std::min<std::uint64_t>(have - source_offset, bytes.size()));
  if (known < bytes.size()) {
    bytes.erase(0, known);
    CORRAL_CO_CHECK(co_await write(std::move(source), source_offset + known, std::move(bytes)));
  }
  co_return written_;
}

// Writes the bytes at the end, as one write; viewers see them at once. The caller holds the turn.
Task<Result<void>> FileLog::write(std::string source, std::uint64_t source_offset,
                                  std::string bytes) {
  if (!active_ || files_.segments.back().file_bytes >= segment_bytes_)
    CORRAL_CO_CHECK(co_await roll());
  const Time now = clock_.now();
  std::string records;
  records.reserve(bytes.size() + (bytes.size() / kMaxPayloadBytes + 1) * record_bytes(source, 0));
  for (std::size_t at = 0; at < bytes.size(); at += kMaxPayloadBytes)
    encode_record(records, {.source = source,
                            .source_offset = source_offset + at,
                            .payload = std::string_view(bytes).substr(at, kMaxPayloadBytes),
                            .time = now});

  auto written = co_await pool_.run(
      [file = active_, path = files_.segments.back().path,
       position = files_.segments.back().file_bytes,
       records = std::move(records)] { return append_at(file->get(), path, position, records); });
  if (!written) co_return written;
  // From here to the end nothing suspends: a cancelled append has happened, or has not.
  Segment& segment = files_.segments.back();
  for (std::size_t at = 0; at < bytes.size(); at += kMaxPayloadBytes) {
    const std::size_t payload = std::min(bytes.size() - at, kMaxPayloadBytes);
    segment.note(payload, record_bytes(source, payload), now);
  }
  files_.ends[std::move(source)] = source_offset + bytes.size();
  ++written_;
  published(bytes);
  co_return Result<void>{};
}

void FileLog::published(std::string_view bytes) {
  if (bytes.size() >= kTailBytes) {
    tail_.assign(bytes.substr(bytes.size() - kTailBytes));
  } else {
    if (tail_.size() + bytes.size() > 2 * kTailBytes) tail_.erase(0, tail_.size() - kTailBytes);
    tail_.append(bytes);
  }
  changed_.notify_all();
}

std::uint64_t FileLog::source_end(const std::string& source) const {
  const auto found = files_.ends.find(source);
  return found == files_.ends.end() ? 0 : found->second;
}

Task<Result<void>> FileLog::roll() {
  struct Next {
    Segment segment;
    std::shared_ptr<Fd> file;
  };
  // The ends and the segment that is written to stay as they are: the caller holds the turn.
  auto next =
      co_await pool_.run([this, begin = end(), self = shared_from_this()]() -> Result<Next> {
        if (active_)
          CORRAL_CHECK(seal_segment(active_->get(), files_.segments.back(), files_.ends));
        CORRAL_TRY(auto segment, create_segment(files_.folder, begin));
        CORRAL_TRY(auto file, open_for_appending(segment));
        return Next{std::move(segment), std::make_shared<Fd>(std::move(file))};
      });
  if (!next) co_return std::unexpected(std::move(next).error());
  files_.segments.push_back(std::move(next->segment));
  active_ = std::move(next->file);
  synced_ = written_;
  synced_changed_.notify_all();
  co_return Result<void>{};
}

// Returns once the first `ticket` appends are on disk. One sync serves all who wait when it begins.
Task<Result<void>> FileLog::sync(std::uint64_t ticket) {
  while (synced_ < ticket && !broken_) {
    if (syncing_) {
      co_await synced_changed_.wait();
      continue;
    }
    syncing_ = true;
    // Also when this task is cancelled: the others then sync by themselves.
    const AtExit done([this] {
      syncing_ = false;
      synced_changed_.notify_all();
    });
    const std::uint64_t target = written_;
    const int problem =
        co_await pool_.run([file = active_] { return ::fdatasync(file->get()) == 0 ? 0 : errno; });
    // After a roll the older segment was synced when it was sealed.
    if (problem == 0) synced_ = std::max(synced_, target);
    // The kernel forgets what it could not write: another sync would succeed and mean nothing.
    else
      broken_ = errno_error(problem, "cannot sync " + files_.segments.back().path.string() +
                                         " (the log takes no more until it is opened again)");
  }
  if (synced_ < ticket) co_return std::unexpected(*broken_);
  co_return Result<void>{};
}

Task<Result<void>> FileLog::close() {
  const auto self = shared_from_this();
  const auto turn = co_await writing_.take();
  if (files_.closed) co_return Result<void>{};
  CORRAL_CO_CHECK(co_await sync(written_));
  CORRAL_CO_CHECK(co_await pool_.run(
      [path = files_.folder / "closed"] { return write_file_atomically(path, ""); }));
  files_.closed = true;
  changed_.notify_all();
  co_return Result<void>{};
}

Task<Result<std::string>> FileLog::read(std::uint64_t offset, std::size_t max_bytes) {
  if (offset > end())
    co_return fail(ErrorCode::invalid, "offset {} is past the end of the log ({} bytes)", offset,
                   end());
  if (offset == end() || max_bytes == 0) co_return std::string();
  if (const std::uint64_t tail_begin = end() - tail_.size(); offset >= tail_begin)
    co_return tail_.substr(static_cast<std::size_t>(offset - tail_begin), max_bytes);
  const auto self = shared_from_this();
  for (;;) {
    const Segment& segment = segment_at(offset);
    const auto form = segment.form;
    auto bytes =
        form == Segment::Form::frames
            ? co_await pool_.run([range = frames_of(segment, offset, offset + max_bytes), offset,
                                  max_bytes] { return read_frames(range, offset, max_bytes); })
            : co_await pool_.run([path = segment.path, start = segment.point_before(offset), offset,
                                  max_bytes, limit = segment.file_bytes] {
                return read_segment(path, start, offset, max_bytes, limit);
              });
    // It may have been compressed between the look and the reading, and its file be gone.
    const bool moved =
        !bytes && bytes.error().code == ErrorCode::not_found && segment_at(offset).form != form;
    if (!moved) co_return bytes;
  }
}

const Segment& FileLog::segment_at(std::uint64_t offset) const {
  return *std::prev(std::ranges::upper_bound(files_.segments, offset, {}, &Segment::begin));
}

std::optional<Time> FileLog::time_of(std::uint64_t offset) const {
  const auto time = segment_at(offset).point_before(offset).time;
  if (time == Time{}) return std::nullopt;
  return time;
}

// From here on the last segment is not written to.
Task<Result<void>> FileLog::seal_last() {
  const auto turn = co_await writing_.take();
  if (!active_ || files_.segments.back().file_bytes < kWorthCompressing) co_return Result<void>{};
  // All that is written is synced then: nobody needs the file any more.
  CORRAL_CO_CHECK(co_await sync(written_));
  active_.reset();
  co_return Result<void>{};
}

Task<Result<void>> FileLog::compress(Last last) {
  const auto self = shared_from_this();
  if (last == Last::compress) CORRAL_CO_CHECK(co_await seal_last());
  const std::size_t count = files_.segments.size() - (active_ ? 1 : 0);
  for (std::size_t i = 0; i < count; ++i) {
    const Segment& segment = files_.segments[i];
    if (segment.form == Segment::Form::frames || segment.file_bytes < kWorthCompressing) continue;
    // A copy: the vector grows meanwhile. None of these segments changes.
    CORRAL_CO_TRY(auto made,
                  co_await pool_.run([from = segment] { return compress_segment(from); }));
    files_.segments[i] = made;
    // Who reads the original just now has it open, or finds the compressed one at its next attempt.
    co_await pool_.run([made = std::move(made)] { remove_original(made); });
  }
  co_return Result<void>{};
}

Task<void> FileLog::wait_beyond(std::uint64_t offset, Duration timeout) {
  const auto self = shared_from_this();
  const auto until =
      std::chrono::steady_clock::now() + std::min<Duration>(timeout, std::chrono::hours(24 * 365));
  while (end() <= offset && !closed()) {
    const auto left = std::chrono::ceil<Duration>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) co_return;
    co_await changed_.wait_for(left);
  }
}

}  // namespace corral::session
