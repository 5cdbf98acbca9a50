// Logs: append-only bytes addressed by offset (design.md, decision 5). One writer process; many
// readers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

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
  // How many bytes the log has of a source.
  virtual std::uint64_t source_end(const std::string& source) const = 0;

  virtual std::uint64_t end() const = 0;   // total bytes
  virtual bool closed() const = 0;         // no more will come
  virtual Task<Result<void>> close() = 0;  // durable; idempotent; append then fails with `conflict`

  // At most `max_bytes` from `offset`; empty at the end. `invalid` past the end.
  virtual Task<Result<std::string>> read(std::uint64_t offset, std::size_t max_bytes) = 0;
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
};

// Files: segments of at most `segment_bytes`, each a sequence of records {length, crc32c, source,
// source offset, bytes}; a torn record at the end (crash) is cut off on opening. The pool does the
// file work and outlives the store.
std::unique_ptr<LogStore> make_file_log_store(std::filesystem::path folder, BlockingPool& pool,
                                              Executor executor,
                                              std::uint64_t segment_bytes = 64ull << 20);

}  // namespace corral::session
