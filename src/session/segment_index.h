// What is known of a sealed segment without reading it: where its bytes are in the file, when they
// came, and how far each source had come by its end. Kept as JSON: in a file beside a segment of
// records, and at the end of a compressed one.
//
//   {"end": 131072, "file_bytes": 9000, "sources": {"out": 131072},
//    "index": [[0, 0, 1795300000000], [65536, 4000, 1795300001000]]}
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace corral::session {

// Where every ~64 KiB of the log's bytes begin in the file: 384 KiB of memory for a log of 1 GiB.
struct IndexPoint {
  std::uint64_t offset = 0;    // in the log
  std::uint64_t position = 0;  // in the file
  Time time{};                 // when the byte at the offset came; 1970: not known
  bool operator==(const IndexPoint&) const = default;
};
inline constexpr std::uint64_t kIndexSpacingBytes = 64 * 1024;

// How many bytes there are of each source.
using SourceEnds = std::map<std::string, std::uint64_t, std::less<>>;

struct SegmentIndex {
  std::uint64_t end = 0;         // the log's offset at which the segment ends
  std::uint64_t file_bytes = 0;  // what of the file holds the log's bytes
  SourceEnds sources;
  std::vector<IndexPoint> points;
  bool operator==(const SegmentIndex&) const = default;
};

std::string to_json(const SegmentIndex& index);
// `corrupt` for what to_json cannot have written, and for points out of order.
Result<SegmentIndex> parse_segment_index(std::string_view text);

}  // namespace corral::session
