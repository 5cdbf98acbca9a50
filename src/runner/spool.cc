#include "runner/spool.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "base/files.h"

namespace corral::runner {
namespace {

constexpr std::size_t kKeptBytes = 64u << 10;  // of memory that is empty

std::string file_name(std::uint32_t channel, std::uint64_t base) {
  return fmt::format("{}.{}", channel, base);
}

}  // namespace

Result<Spool> Spool::claim(Fd folder, std::uint64_t bound_bytes, std::string_view boot) {
  Fd mark(::openat(folder.get(), "boot", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!mark && errno == EEXIST)
    return fail(ErrorCode::conflict, "the spool folder belongs to an earlier runner");
  if (!mark) return std::unexpected(errno_error(errno, "cannot write to the spool folder"));
  CORRAL_CHECK(write_all(mark.get(), boot));
  return Spool(std::move(folder), bound_bytes);
}

ChannelLog::~ChannelLog() {
  for (const auto& segment : segments_) drop(segment);
  spool_.used_ -= end_ - begin_;
  spool_.in_memory_ -= in_memory();
}

std::uint64_t ChannelLog::room() const {
  const std::uint64_t own = end_ - begin_;
  const std::uint64_t share = own < Spool::kShareBytes ? Spool::kShareBytes - own : 0;
  const std::uint64_t common = spool_.used_ < spool_.bound_ ? spool_.bound_ - spool_.used_ : 0;
  return std::max(share, common);
}

Result<void> ChannelLog::open_segment() {
  const auto name = file_name(number_, stored_);
  Fd file(
      ::openat(spool_.folder_.get(), name.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return std::unexpected(errno_error(errno, "cannot make a spool file"));
  tail_ = std::move(file);
  segments_.push_back({stored_, 0});
  return {};
}

Result<void> ChannelLog::write(std::string_view bytes, std::size_t& written) {
  written = 0;
  while (written < bytes.size()) {
    if (segments_.empty() || segments_.back().size >= Spool::kSegmentBytes)
      CORRAL_CHECK(open_segment());
    auto& segment = segments_.back();
    const auto part = bytes.substr(written, Spool::kSegmentBytes - segment.size);
    const auto got =
        ::pwrite(tail_.get(), part.data(), part.size(), static_cast<off_t>(segment.size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno_error(errno, "cannot write to the spool"));
    const auto count = static_cast<std::size_t>(got);
    segment.size += count;
    stored_ += count;
    written += count;
  }
  return {};
}

Result<void> ChannelLog::append(std::string_view bytes, std::size_t& taken, Keep keep) {
  taken = 0;
  if (keep == Keep::memory && in_memory() + bytes.size() <= Spool::kMemoryBytes &&
      spool_.in_memory_ + bytes.size() <= Spool::kAllMemoryBytes) {
    memory_.append(bytes);
    spool_.in_memory_ += bytes.size();
    taken = bytes.size();
    end_ += taken;
    spool_.used_ += taken;
    return {};
  }
  CORRAL_CHECK(write_out());
  const auto stored = write(bytes, taken);
  end_ += taken;
  spool_.used_ += taken;
  return stored;
}

// From memory to the files.
Result<void> ChannelLog::write_out() {
  std::size_t written = 0;
  const auto done = write(std::string_view(memory_).substr(memory_begin_), written);
  forget_memory(written);
  return done;
}

// The oldest bytes of it. What they took is given back in large steps.
void ChannelLog::forget_memory(std::uint64_t bytes) {
  memory_begin_ += bytes;
  spool_.in_memory_ -= bytes;
  if (memory_begin_ < memory_.size() / 2) return;
  memory_.erase(0, memory_begin_);
  memory_begin_ = 0;
  if (memory_.empty() && memory_.capacity() > kKeptBytes) memory_ = {};
}

Result<std::size_t> ChannelLog::read(std::uint64_t offset, char* into, std::size_t size) {
  CORRAL_ASSERT(offset >= begin_ && offset < end_);
  if (offset >= stored_)
    return memory_.copy(into, size, memory_begin_ + static_cast<std::size_t>(offset - stored_));
  const auto after = std::ranges::upper_bound(segments_, offset, {}, &Segment::base);
  const auto& segment = *std::prev(after);
  int file = tail_.get();
  if (after != segments_.end()) {
    if (!reading_ || reading_base_ != segment.base) {
      reading_ = Fd(::openat(spool_.folder_.get(), file_name(number_, segment.base).c_str(),
                             O_RDONLY | O_CLOEXEC));
      if (!reading_) return std::unexpected(errno_error(errno, "cannot open a spool file"));
      reading_base_ = segment.base;
    }
    file = reading_.get();
  }
  const std::uint64_t at = offset - segment.base;
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size, segment.size - at));
  for (;;) {
    const auto got = ::pread(file, into, wanted, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno_error(errno, "cannot read from the spool"));
    if (got == 0)
      return fail(ErrorCode::corrupt, "a spool file is shorter than what was written to it");
    return static_cast<std::size_t>(got);
  }
}

Result<void> ChannelLog::acknowledge(std::uint64_t offset) {
  if (offset > end_)
    return fail(ErrorCode::invalid, "offset {} is past the end of the channel at {}", offset, end_);
  if (offset <= begin_) return {};
  spool_.used_ -= offset - begin_;
  begin_ = offset;
  if (begin_ > stored_) {
    const auto passed = begin_ - std::exchange(stored_, begin_);
    forget_memory(passed);
  }
  trim();
  return {};
}

void ChannelLog::close() {
  closed_ = true;
  trim();
}

void ChannelLog::drop(const Segment& segment) {
  ::unlinkat(spool_.folder_.get(), file_name(number_, segment.base).c_str(), 0);
}

void ChannelLog::trim() {
  std::size_t done = 0;
  while (done + 1 < segments_.size() && segments_[done].base + segments_[done].size <= begin_)
    drop(segments_[done++]);
  segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(done));
  if (begin_ < stored_ || segments_.empty()) return;
  // The last segment is kept for what comes next, unless it has grown, nothing will come, or what
  // comes is not the next any more.
  const auto& last = segments_.back();
  if (!closed_ && last.base + last.size == stored_ && last.size < Spool::kSegmentBytes / 4) return;
  drop(segments_.back());
  segments_.clear();
  tail_.reset();
  reading_.reset();
}

}  // namespace corral::runner
