// The records that a log's segment files consist of.
//
//   u32 length of the payload · u32 CRC-32C of all that follows · u64 offset in the source · u8
//   length of the source's name, + 128 when a time follows · u64 milliseconds since 1970 · the
//   name · the payload                                            (little-endian)
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace corral::session {

inline constexpr std::size_t kRecordHeaderBytes = 17, kRecordTimeBytes = 8;
inline constexpr std::size_t kMaxPayloadBytes = 1u << 20;  // larger appends become several records

struct RecordView {
  std::string_view source;
  std::uint64_t source_offset = 0;
  std::string_view payload;
  Time time{};            // when it was appended; 1970: not known, of a record without a time
  std::size_t bytes = 0;  // of the whole record; set by who reads it
};

// Appends the record to `into`, with its time.
void encode_record(std::string& into, const RecordView& record);

std::size_t record_bytes(std::string_view source, std::size_t payload_bytes);

// Calls `take(position, record)` for each whole record of `file` from `position` on (which must be
// where one begins) up to byte `limit`, and returns the position after the last whole one: smaller
// than `limit` when the rest is torn or damaged. `take` returns whether to go on. The views hold
// only during the call. Reads `read_bytes` at a time, or one record when that is more.
enum class Scan { go_on, stop };
Result<std::uint64_t> scan_records(
    int file, std::uint64_t position, std::uint64_t limit, std::size_t read_bytes,
    const std::function<Scan(std::uint64_t position, const RecordView&)>& take);

}  // namespace corral::session
