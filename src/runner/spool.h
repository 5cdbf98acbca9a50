// What processes have printed and the server has not yet acknowledged: append-only segment files in
// one folder, a bound on all of them together, and nothing ever dropped: who is full says so, and
// the reader of the pipe rests.
//
// A little that a server reads along, and is about to acknowledge, stays in memory: a file that
// grows would wait whenever somebody else syncs the same file system. Nobody reads the files of a
// runner that has died, for its processes died with it: so memory is as good a place.
//
// Written to the page cache, not synced: only the death of the machine loses it, and that ends the
// processes too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace corral::runner {

class Spool {
 public:
  static constexpr std::uint64_t kSegmentBytes = 4u << 20;
  // What a channel may hold even when the others have filled the spool, so that none starves.
  static constexpr std::uint64_t kShareBytes = 64u << 10;
  // What one channel holds in memory, and all together do.
  static constexpr std::uint64_t kMemoryBytes = 64u << 10, kAllMemoryBytes = 2u << 20;

  // Takes a folder for its own. `conflict` when an earlier runner has used it: its processes died
  // with it, and starting them again would run twice what must run once.
  static Result<Spool> claim(Fd folder, std::uint64_t bound_bytes, std::string_view boot);

  std::uint64_t used_bytes() const { return used_; }

 private:
  friend class ChannelLog;
  Spool(Fd folder, std::uint64_t bound) : folder_(std::move(folder)), bound_(bound) {}
  Fd folder_;
  std::uint64_t bound_;
  std::uint64_t used_ =
      0;  // bytes not acknowledged; the files are at most a segment a channel larger
  std::uint64_t in_memory_ = 0;  // of these
};

// The bytes of one channel from begin() (acknowledged up to there) to end(). The spool outlives it.
class ChannelLog {
 public:
  ChannelLog(Spool& spool, std::uint32_t number) : spool_(spool), number_(number) {}
  ~ChannelLog();
  ChannelLog(const ChannelLog&) = delete;
  ChannelLog& operator=(const ChannelLog&) = delete;

  std::uint64_t begin() const { return begin_; }
  std::uint64_t end() const { return end_; }
  // How much may be appended now.
  std::uint64_t room() const;
  // Appends all, or fails with what the disk said; then `taken` of it are in. `memory`: as far as
  // there is room for it.
  enum class Keep { memory, files };
  Result<void> append(std::string_view bytes, std::size_t& taken, Keep keep = Keep::files);
  // Reads at least one byte; begin() <= offset < end().
  Result<std::size_t> read(std::uint64_t offset, char* into, std::size_t size);
  // Forgets what is before `offset`; offsets at or before begin() are fine, past end() `invalid`.
  Result<void> acknowledge(std::uint64_t offset);
  // Nothing will be appended any more.
  void close();

 private:
  struct Segment {
    std::uint64_t base;
    std::uint64_t size;
  };
  Result<void> open_segment();
  // Writes them behind what the files hold; `written` of them when it fails.
  Result<void> write(std::string_view bytes, std::size_t& written);
  Result<void> write_out();
  std::uint64_t in_memory() const { return end_ - stored_; }
  void forget_memory(std::uint64_t bytes);
  void drop(const Segment& segment);
  void trim();

  Spool& spool_;
  std::uint32_t number_;
  // Up to stored_ the files hold it, from there on memory_ does, behind memory_begin_ bytes that
  // are done with.
  std::uint64_t begin_ = 0, stored_ = 0, end_ = 0;
  std::string memory_;
  std::size_t memory_begin_ = 0;
  std::vector<Segment> segments_;
  Fd tail_;     // of the last segment
  Fd reading_;  // of an earlier one
  std::uint64_t reading_base_ = 0;
  bool closed_ = false;
};

}  // namespace corral::runner
