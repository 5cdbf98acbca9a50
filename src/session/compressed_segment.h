// A segment that is sealed, compressed: `<begin>.zst`, which `zstd -dc` makes the log's bytes of.
//
//   zstd frames, each by itself, of 64 KiB of the log's bytes and a checksum of them
//   a skippable frame: the index as JSON (segment_index.h; positions are those of the frames)
//     · u32 length of the JSON · u32 its CRC-32C · "corralz1"                   (little-endian)
//
// What the records said beside that is gone: which source a byte came from is not kept, where each
// source had come to is. Blocking: runs on the pool.
#pragma once

#include "session/segment.h"

namespace corral::session {

// Smaller files stay as they are: a file takes a block of the disk anyhow.
inline constexpr std::uint64_t kWorthCompressing = 4096;

std::filesystem::path compressed_path(const std::filesystem::path& records);

// Writes the sealed segment of records `from` compressed, beside it; synced when it returns, and
// not there at all before that. The original stays. `corrupt` when that does not fit its checksums.
// May be repeated. Memory: a record and a few frames.
Result<Segment> compress_segment(const Segment& from);

// Reads the index, and puts the sources' ends into `ends`. `corrupt` when it is damaged.
Result<Segment> open_compressed(const std::filesystem::path& path, SourceEnds& ends);

// The frames of a compressed segment that hold the log's bytes from `offset` to `end`, and the end
// of the last one.
struct FrameRange {
  std::filesystem::path path;
  std::vector<IndexPoint> points;
};
FrameRange frames_of(const Segment& segment, std::uint64_t offset, std::uint64_t end);
// At most `max_bytes` from `offset` on. `corrupt` names the frame that is damaged.
Result<std::string> read_frames(const FrameRange& range, std::uint64_t offset,
                                std::size_t max_bytes);

}  // namespace corral::session
