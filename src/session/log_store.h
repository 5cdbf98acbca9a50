// Logs: append-only bytes addressed by offset (design.md, decision 5). One writer process; many
// readers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/task.h"

namespace corral::session {

// One log. Lives on one executor. What several sources write is interleaved in order of arrival;
// each source numbers its own bytes, so that a source which sends again after a crash adds nothing
// twice.
class Log {
 public:
  virtual ~Log() = default;

  // Appends `bytes` that begin at `source_offset` of `source` ([a-z0-9._:/-]{1,96}). What the log
  // already has of that source is dropped; a gap is `invalid`. Viewers see the bytes as soon as
  // they are written; returns once they are synced to disk (appends that wait together share one
  // sync). `exhausted` when the disk is full: nothing was written.
  virtual Task<Result<void>> append(std::string source, std::uint64_t source_offset,
                                    std::string bytes) = 0;
  // The same, but returns once they are written: they are synced with what is synced next. For what
  // the death of the machine may take along.
  virtual Task<Result<void>> append_unsynced(std::string source, std::uint64_t source_offset,
                                             std::string bytes) {
    return append(std::move(source), source_offset, std::move(bytes));
  }
  // How many bytes the log has of a source.
  virtual std::uint64_t source_end(const std::string& source) const = 0;

  virtual std::uint64_t end() const = 0;   // total bytes
  virtual bool closed() const = 0;         // no more will come
  virtual Task<Result<void>> close() = 0;  // durable; idempotent; append then fails with `conflict`

  // At most `max_bytes` from `offset`; empty at the end. `invalid` past the end.
  virtual Task<Result<std::string>> read(std::uint64_t offset, std::size_t max_bytes) = 0;
  // When the byte at `offset` came, to 64 KiB: never later than it did. None when it is not known
  // (of a log that an older version wrote).
  virtual std::optional<Time> time_of(std::uint64_t offset) const = 0;
  // Returns when end() > offset, or the log is closed, or after `timeout`. Any number of waiters.
  virtual Task<void> wait_beyond(std::uint64_t offset, Duration timeout) = 0;
};

// All logs of a server, kept as segment files below one folder. A log is opened on first use and
// its memory is released when nobody holds it.
class LogStore {
 public:
  virtual ~LogStore() = default;
  // `name`: path-like, [a-z0-9._/-], no "..". Creates it when `create`, else not_found.
  enum class Open { existing, create };
  virtual Task<Result<std::shared_ptr<Log>>> open(std::string name, Open mode) = 0;
  virtual Task<Result<void>> remove(std::string prefix) = 0;
  // What there is, in no order: every folder two names deep that holds logs (as "runs/<id>"), with
  // what its files take.
  struct Kept {
    std::string name;
    std::uint64_t bytes = 0;
  };
  virtual Task<Result<std::vector<Kept>>> list() = 0;
  // Removes the logs below `prefix` and keeps in mind `why`, as a sentence: that is what kept() and
  // opening one of them (existing) fail with, `not_found`, until one is created there again.
  // `conflict` while somebody holds one of them. May be repeated; what a crash left of it goes,
  // too.
  virtual Task<Result<void>> expire(std::string prefix, std::string why) = 0;
  // Whether the logs below `prefix` were not removed by expire().
  virtual Task<Result<void>> kept(std::string prefix) = 0;
  // Compresses what no more is written to: full segments, and the last one of a log that is closed
  // or that nobody has written to for `idle`. One file at a time, on the pool; readers and writers
  // go on. What cannot be compressed stays as it is, and is warned of. May be repeated.
  virtual Task<Result<void>> compress(Duration idle) = 0;
};

// Files: segments of at most `segment_bytes`, each a sequence of records {length, crc32c, source,
// source offset, time, bytes}; a torn record at the end (crash) is cut off on opening. Compressed
// ones: compressed_segment.h. The pool does the file work and outlives the store, as does the
// clock.
std::unique_ptr<LogStore> make_file_log_store(std::filesystem::path folder, BlockingPool& pool,
                                              Executor executor,
                                              std::uint64_t segment_bytes = 64ull << 20,
                                              Clock& clock = SystemClock::instance());

}  // namespace corral::session
