// One segment file of a log, and what is kept about it in memory. Blocking: everything here runs on the pool.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace corral::session {

// Where every ~64 KiB of the log's bytes begin in the file.
struct IndexPoint {
  std::uint64_t offset = 0;    // in the log
  std::uint64_t position = 0;  // in the file
};
inline constexpr std::uint64_t kIndexSpacingBytes = 64 * 1024;

using SourceEnds = std::map<std::string, std::uint64_t>;

struct Segment {
  std::filesystem::path path;
  std::uint64_t begin = 0;      // the log's offset at which it starts
  std::uint64_t end = 0;        // and ends (so far)
  std::uint64_t file_bytes = 0;
  std::vector<IndexPoint> index;
  Fd file;

  // Creates the file for a log that is `begin` long; synced, with its folder.
  static Result<Segment> create(const std::filesystem::path& folder, std::uint64_t begin);

  // Opens a file, cutting off a torn end, and adds what it holds to `ends`. A sealed segment (one with its index file
  // beside it) is not read; a missing or damaged index file is made again.
  static Result<Segment> open(const std::filesystem::path& path, SourceEnds& ends);

  // No more will be appended: syncs it, and writes its index file.
  Result<void> seal(const SourceEnds& ends);

  // Notes that a record was appended at the end of the file.
  void note(std::uint64_t payload_bytes, std::uint64_t record_bytes);

  // At most `max_bytes` of the log from `offset` on, which lies in this segment; up to `file_limit` of the file.
  Result<std::string> read(std::uint64_t offset, std::size_t max_bytes, std::uint64_t file_limit) const;

  static std::string file_name(std::uint64_t begin);
  std::filesystem::path index_path() const;
};

}  // namespace corral::session
