// LogStore on files: a folder per log, a segment file per `segment_bytes`, an index file beside each sealed segment, and an
// empty file "closed" once no more will come.
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "base/condition.h"
#include "base/files.h"
#include "session/log_store.h"
#include "session/record.h"
#include "session/segment.h"

namespace corral::session {
namespace {

// What the newest viewers need is answered from memory.
constexpr std::size_t kTailBytes = 128 * 1024;

bool valid_name(std::string_view name, std::string_view extra, std::size_t max_bytes) {
  if (name.empty() || name.size() > max_bytes || name.find("..") != std::string_view::npos || name.front() == '/' || name.back() == '/') return false;
  for (const char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || extra.find(c) != std::string_view::npos)) return false;
  return true;
}

struct Opened {
  std::vector<Segment> segments;  // at least one; the last is appended to
  SourceEnds ends;
  bool closed = false;
};

// Blocking.
Result<Opened> open_folder(const std::filesystem::path& folder, LogStore::Open mode) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    if (mode == LogStore::Open::existing) return fail(ErrorCode::not_found, "there is no log {}", folder.filename().string());
    CORRAL_CHECK(make_directories(folder));
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".seg") files.push_back(entry.path());
  if (error) return std::unexpected(errno_error(error.value(), "cannot read " + folder.string()));
  std::ranges::sort(files);
  Opened opened;
  for (const auto& file : files) {
    CORRAL_TRY(auto segment, Segment::open(file, opened.ends));
    const std::uint64_t expected = opened.segments.empty() ? 0 : opened.segments.back().end;
    if (segment.begin != expected) return fail(ErrorCode::corrupt, "{} should begin at offset {}: a part of the log is missing", file.string(), expected);
    opened.segments.push_back(std::move(segment));
  }
  if (opened.segments.empty()) {
    CORRAL_TRY(auto first, Segment::create(folder, 0));
    opened.segments.push_back(std::move(first));
  }
  opened.closed = std::filesystem::exists(folder / "closed", error);
  return opened;
}

class FileLog final : public Log, public std::enable_shared_from_this<FileLog> {
 public:
  FileLog(std::filesystem::path folder, BlockingPool& pool, std::uint64_t segment_bytes, Opened opened)
      : folder_(std::move(folder)), pool_(pool), segment_bytes_(segment_bytes), ends_(std::move(opened.ends)), closed_(opened.closed) {
    for (auto& segment : opened.segments) segments_.push_back(std::make_shared<Segment>(std::move(segment)));
    end_ = tail_begin_ = segments_.back()->end;
  }

  Task<Result<void>> append(std::string source, std::uint64_t source_offset, std::string bytes) override {
    const auto self = shared_from_this();
    if (!valid_name(source, "._:/-", 96)) co_return fail(ErrorCode::invalid, "'{}' is not a log source's name", source);
    std::uint64_t ticket = 0;
    {
      const auto turn = co_await writing_.take();
      if (closed_) co_return fail(ErrorCode::conflict, "the log is closed");
      const std::uint64_t have = source_end(source);
      if (source_offset > have)
        co_return fail(ErrorCode::invalid, "a gap in log source '{}': it has {} bytes, these begin at {}", source, have, source_offset);
      const auto known = static_cast<std::size_t>(std::min<std::uint64_t>(have - source_offset, bytes.size()));
      for (std::size_t at = known; at < bytes.size();) {
        const std::size_t count = std::min(bytes.size() - at, kMaxPayloadBytes);
        CORRAL_CO_CHECK(co_await write({source, source_offset + at, std::string_view(bytes).substr(at, count)}));
        at += count;
      }
      ticket = written_;
    }
    co_return co_await sync(ticket);
  }

  std::uint64_t source_end(const std::string& source) const override {
    const auto found = ends_.find(source);
    return found == ends_.end() ? 0 : found->second;
  }
  std::uint64_t end() const override { return end_; }
  bool closed() const override { return closed_; }

  Task<Result<void>> close() override {
    const auto self = shared_from_this();
    CORRAL_CO_CHECK(co_await sync(written_));
    const auto turn = co_await writing_.take();
    if (closed_) co_return Result<void>{};
    CORRAL_CO_CHECK(co_await pool_.run([path = folder_ / "closed"] { return write_file_atomically(path, ""); }));
    closed_ = true;
    changed_.notify_all();
    co_return Result<void>{};
  }

  Task<Result<std::string>> read(std::uint64_t offset, std::size_t max_bytes) override {
    const auto self = shared_from_this();
    if (offset > end_) co_return fail(ErrorCode::invalid, "offset {} is past the end of the log ({} bytes)", offset, end_);
    if (offset >= tail_begin_) co_return tail_.substr(static_cast<std::size_t>(offset - tail_begin_), max_bytes);
    auto at = std::upper_bound(segments_.begin(), segments_.end(), offset, [](std::uint64_t o, const auto& s) { return o < s->begin; });
    const auto segment = *--at;
    // What is appended meanwhile is not looked at: its index points may move under the reader's feet.
    Segment view;
    view.path = segment->path, view.begin = segment->begin, view.end = segment->end, view.index = segment->index;
    co_return co_await pool_.run([segment, offset, max_bytes, view = std::move(view), limit = segment->file_bytes]() mutable {
      view.file = Fd(::dup(segment->file.get()));
      return view.read(offset, max_bytes, limit);
    });
  }

  Task<void> wait_beyond(std::uint64_t offset, Duration timeout) override {
    const auto self = shared_from_this();
    const auto until = std::chrono::steady_clock::now() + timeout;
    while (end_ <= offset && !closed_) {
      const auto left = std::chrono::duration_cast<Duration>(until - std::chrono::steady_clock::now());
      if (left.count() <= 0) co_return;
      co_await changed_.wait_for(left);
    }
  }

 private:
  // Writes one record at the end; viewers see it at once. The caller holds the turn.
  Task<Result<void>> write(RecordView record) {
    if (segments_.back()->file_bytes >= segment_bytes_) CORRAL_CO_CHECK(co_await roll());
    const auto segment = segments_.back();
    std::string bytes;
    encode_record(bytes, record);
    const std::size_t size = bytes.size();
    CORRAL_CO_CHECK(co_await pool_.run([segment, bytes = std::move(bytes)] { return write_at_end(*segment, bytes); }));
    segment->note(record.payload.size(), size);
    ends_[std::string(record.source)] = record.source_offset + record.payload.size();
    end_ += record.payload.size();
    tail_.append(record.payload);
    if (tail_.size() > 2 * kTailBytes) tail_.erase(0, tail_.size() - kTailBytes);
    tail_begin_ = end_ - tail_.size();
    ++written_;
    changed_.notify_all();
    co_return Result<void>{};
  }

  // All or nothing: what a full disk leaves half written is cut off again.
  static Result<void> write_at_end(const Segment& segment, std::string_view bytes) {
    std::uint64_t position = segment.file_bytes;
    while (!bytes.empty()) {
      const auto count = ::pwrite(segment.file.get(), bytes.data(), bytes.size(), static_cast<off_t>(position));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        const int problem = errno;
        const bool cut = ::ftruncate(segment.file.get(), static_cast<off_t>(segment.file_bytes)) == 0;
        return std::unexpected(errno_error(problem, fmt::format("cannot write {}{}", segment.path.string(), cut ? "" : " (nor cut it again)")));
      }
      bytes.remove_prefix(static_cast<std::size_t>(count));
      position += static_cast<std::uint64_t>(count);
    }
    return {};
  }

  Task<Result<void>> roll() {
    const auto last = segments_.back();
    auto next = co_await pool_.run([last, folder = folder_, ends = ends_, begin = end_]() -> Result<std::shared_ptr<Segment>> {
      CORRAL_CHECK(last->seal(ends));
      CORRAL_TRY(auto segment, Segment::create(folder, begin));
      return std::make_shared<Segment>(std::move(segment));
    });
    if (!next) co_return std::unexpected(std::move(next).error());
    segments_.push_back(*std::move(next));
    synced_ = written_;
    synced_changed_.notify_all();
    co_return Result<void>{};
  }

  // Returns once the first `ticket` records are on disk. One sync serves all who wait when it begins.
  Task<Result<void>> sync(std::uint64_t ticket) {
    while (synced_ < ticket) {
      if (syncing_) {
        co_await synced_changed_.wait();
        continue;
      }
      syncing_ = true;
      const auto segment = segments_.back();
      const std::uint64_t target = written_;
      const int problem = co_await pool_.run([segment] { return ::fdatasync(segment->file.get()) == 0 ? 0 : errno; });
      syncing_ = false;
      // After a roll the older segment was synced when it was sealed.
      if (problem == 0) synced_ = std::max(synced_, target);
      synced_changed_.notify_all();
      if (problem != 0) co_return std::unexpected(errno_error(problem, "cannot sync " + segment->path.string()));
    }
    co_return Result<void>{};
  }

  const std::filesystem::path folder_;
  BlockingPool& pool_;
  const std::uint64_t segment_bytes_;
  std::vector<std::shared_ptr<Segment>> segments_;
  SourceEnds ends_;
  std::uint64_t end_ = 0;
  bool closed_;
  std::string tail_;              // the newest bytes, from tail_begin_ on
  std::uint64_t tail_begin_ = 0;
  std::uint64_t written_ = 0, synced_ = 0;  // records, since opening
  bool syncing_ = false;
  Turns writing_;
  Condition changed_, synced_changed_;
};

class FileLogStore final : public LogStore {
 public:
  FileLogStore(std::filesystem::path folder, BlockingPool& pool, std::uint64_t segment_bytes)
      : folder_(std::move(folder)), pool_(pool), segment_bytes_(segment_bytes) {}

  Task<Result<std::shared_ptr<Log>>> open(std::string name, Open mode) override {
    if (!valid_name(name, "._/-", 200)) co_return fail(ErrorCode::invalid, "'{}' is not a log's name", name);
    const auto turn = co_await opening_.take();
    std::erase_if(logs_, [](const auto& item) { return item.second.expired(); });
    if (const auto found = logs_.find(name); found != logs_.end())
      if (auto log = found->second.lock()) co_return log;
    const auto folder = folder_ / name;
    CORRAL_CO_TRY(auto opened, co_await pool_.run([folder, mode] { return open_folder(folder, mode); }));
    auto log = std::make_shared<FileLog>(folder, pool_, segment_bytes_, std::move(opened));
    logs_[name] = log;
    co_return log;
  }

  Task<Result<void>> remove(std::string prefix) override {
    if (!valid_name(prefix, "._/-", 200)) co_return fail(ErrorCode::invalid, "'{}' is not a log's name", prefix);
    const auto turn = co_await opening_.take();
    // Who still holds one of them reads on from the open files.
    std::erase_if(logs_, [&](const auto& item) { return item.first == prefix || item.first.starts_with(prefix + "/"); });
    co_return co_await pool_.run([path = folder_ / prefix] { return remove_tree(path); });
  }

 private:
  const std::filesystem::path folder_;
  BlockingPool& pool_;
  const std::uint64_t segment_bytes_;
  std::map<std::string, std::weak_ptr<FileLog>> logs_;
  Turns opening_;
};

}  // namespace

std::unique_ptr<LogStore> make_file_log_store(std::filesystem::path folder, BlockingPool& pool, Executor, std::uint64_t segment_bytes) {
  return std::make_unique<FileLogStore>(std::move(folder), pool, segment_bytes);
}

}  // namespace corral::session
