// One segment file of a log, and what is kept about it in memory. Blocking where it touches files:
// runs on the pool.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "session/segment_index.h"

namespace corral::session {

struct Segment {
  std::filesystem::path path;
  std::uint64_t begin = 0;       // the log's offset at which it starts
  std::uint64_t end = 0;         // and ends (so far)
  std::uint64_t file_bytes = 0;  // the same, in the file
  std::vector<IndexPoint> index;
  enum class Form { records, frames } form = Form::records;  // frames: compressed_segment.h

  std::uint64_t bytes() const { return end - begin; }
  // Notes that a record was appended at the end of the file.
  void note(std::uint64_t payload_bytes, std::uint64_t record_bytes, Time time);
  // The last index point at or before `offset`, which lies in this segment.
  IndexPoint point_before(std::uint64_t offset) const;

  static std::string file_name(std::uint64_t begin);
  std::filesystem::path index_path() const;
};

// The offset that a segment file's name says, whatever its extension; `corrupt` for another name.
Result<std::uint64_t> begin_in_name(const std::filesystem::path& path);

// Creates the file for a log that is `begin` long; synced, with its folder.
Result<Segment> create_segment(const std::filesystem::path& folder, std::uint64_t begin);

// Reads what is known of a file of records, and puts the sources' ends at its end into `ends`. A
// segment with its index file beside it is not scanned. `newest`: it is the log's last one, so a
// torn end is what a crash left, and is cut off; in an older one, which was synced as a whole, the
// same is damage: `corrupt`.
enum class Age { older, newest };
Result<Segment> open_segment(const std::filesystem::path& path, Age age, SourceEnds& ends);

Result<Fd> open_for_appending(const Segment& segment);

// All or nothing: what a full disk leaves half written behind `position` is cut off again.
Result<void> append_at(int file, const std::filesystem::path& path, std::uint64_t position,
                       std::string_view bytes);

// No more will be appended: syncs the file, and writes its index file.
Result<void> seal_segment(int file, const Segment& segment, const SourceEnds& ends);

// At most `max_bytes` of the log from `offset` on, reading the file from `start` (its point_before)
// up to byte `file_limit`. `corrupt` when what lies in between does not fit its checksums.
Result<std::string> read_segment(const std::filesystem::path& path, IndexPoint start,
                                 std::uint64_t offset, std::size_t max_bytes,
                                 std::uint64_t file_limit);

}  // namespace corral::session
