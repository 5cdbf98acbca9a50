// One log on files: a folder with a segment file per `segment_bytes`, of records with an index file
// beside it when it is sealed, or compressed; and an empty file "closed" once no more will come.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/blocking.h"
#include "base/condition.h"
#include "session/compressed_segment.h"
#include "session/log_store.h"
#include "session/segment.h"

namespace corral::session {

// What a folder holds.
struct LogFiles {
  std::filesystem::path folder;
  std::vector<Segment> segments;  // at least one
  SourceEnds ends;
  bool closed = false;
  Fd active;  // the last segment's file, which is appended to; none when that is compressed
};
// Blocking. Cuts a torn end off; makes the folder when `create`; removes what a crash left behind
// of a segment that was compressed.
Result<LogFiles> open_log_files(const std::filesystem::path& folder, LogStore::Open mode);

class FileLog final : public Log, public std::enable_shared_from_this<FileLog> {
 public:
  FileLog(LogFiles files, BlockingPool& pool, std::uint64_t segment_bytes, Clock& clock);

  Task<Result<void>> append(std::string source, std::uint64_t source_offset,
                            std::string bytes) override;
  Task<Result<void>> append_unsynced(std::string source, std::uint64_t source_offset,
                                     std::string bytes) override;
  std::uint64_t source_end(const std::string& source) const override;
  std::uint64_t end() const override { return files_.segments.back().end; }
  bool closed() const override { return files_.closed; }
  Task<Result<void>> close() override;
  Task<Result<std::string>> read(std::uint64_t offset, std::size_t max_bytes) override;
  std::optional<Time> time_of(std::uint64_t offset) const override;
  Task<void> wait_beyond(std::uint64_t offset, Duration timeout) override;

  // Compresses every segment but the last, and that one too when no more of it is expected; what
  // is appended afterwards begins a new one.
  enum class Last { leave, compress };
  Task<Result<void>> compress(Last last);

 private:
  // Returns what sync() takes.
  Task<Result<std::uint64_t>> add(std::string source, std::uint64_t source_offset,
                                  std::string bytes);
  Task<Result<void>> write(std::string source, std::uint64_t source_offset, std::string bytes);
  void published(std::string_view bytes);
  Task<Result<void>> roll();
  Task<Result<void>> sync(std::uint64_t ticket);
  Task<Result<void>> seal_last();
  const Segment& segment_at(std::uint64_t offset) const;

  LogFiles files_;
  BlockingPool& pool_;
  const std::uint64_t segment_bytes_;
  Clock& clock_;
  std::shared_ptr<Fd>
      active_;        // shared with the work on the pool that uses it; none: files_.active
  std::string tail_;  // the newest bytes: what the newest viewers need is answered from memory
  std::uint64_t written_ = 0, synced_ = 0;  // appends, since opening
  bool syncing_ = false;
  std::optional<Error> broken_;  // a sync failed: what is on disk is not known any more
  Turns writing_;                // held by who writes or rolls
  Condition changed_, synced_changed_;
};

}  // namespace corral::session
