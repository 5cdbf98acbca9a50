// A log's files, damaged in any way: a compressed segment opens and gives what its frames hold, or
// is `corrupt`; a segment of records is cut where it is damaged; an index is one, or none.
#include <filesystem>
#include <optional>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/testing/temporary_folder.h"
#include "session/compressed_segment.h"
#include "session/record.h"

namespace {

using namespace corral;
using namespace corral::session;

void read_compressed(const std::filesystem::path& at, std::string_view bytes) {
  const Fd file(::memfd_create("segment", MFD_CLOEXEC));
  CORRAL_ASSERT(file && ::write(file.get(), bytes.data(), bytes.size()) ==
                            static_cast<ssize_t>(bytes.size()));
  // A segment's name says where it begins.
  const auto path = std::filesystem::path("/proc/self/fd") / std::to_string(file.get());
  std::error_code error;
  std::filesystem::remove(at, error);
  std::filesystem::create_symlink(path, at, error);
  CORRAL_ASSERT(!error);
  SourceEnds ends;
  const auto segment = open_compressed(at, ends);
  if (!segment) {
    CORRAL_ASSERT(segment.error().code == ErrorCode::corrupt);
  } else {
    CORRAL_ASSERT(segment->begin == 0 && segment->end > 0 && !segment->index.empty());
    for (const auto& point : segment->index) {
      const auto part =
          read_frames(frames_of(*segment, point.offset, point.offset + 100), point.offset, 100);
      CORRAL_ASSERT(part ? !part->empty() && part->size() <= 100
                         : part.error().code == ErrorCode::corrupt);
    }
    const auto whole = read_frames(frames_of(*segment, 0, segment->end), 0, 4u << 20);
    CORRAL_ASSERT(!whole || whole->size() == std::min<std::uint64_t>(segment->end, 4u << 20));
  }
  std::filesystem::remove(at, error);
}

void append_u32(std::string& into, std::size_t value) {
  for (int shift = 0; shift < 32; shift += 8) into += static_cast<char>(value >> shift & 0xff);
}

// The same with the ending that fits its index, so that what an index says is tried as well, and
// not its checksum alone.
std::optional<std::string> with_ending(std::string_view bytes) {
  const auto begin = bytes.rfind("{\"end\"");
  if (begin == std::string_view::npos) return std::nullopt;
  const auto end = bytes.rfind('}');
  if (end == std::string_view::npos || end < begin) return std::nullopt;
  const auto index = bytes.substr(begin, end + 1 - begin);
  std::string whole(bytes.substr(0, begin - std::min<std::size_t>(begin, 8)));
  append_u32(whole, 0x184D2A5C);
  append_u32(whole, index.size() + 16);
  whole += index;
  append_u32(whole, index.size());
  append_u32(whole, crc32c(index));
  return whole + "corralz1";
}

void scan(std::string_view bytes) {
  const Fd file(::memfd_create("records", MFD_CLOEXEC));
  CORRAL_ASSERT(file && ::write(file.get(), bytes.data(), bytes.size()) ==
                            static_cast<ssize_t>(bytes.size()));
  std::uint64_t seen = 0;
  const auto whole = scan_records(file.get(), 0, bytes.size(), 100,
                                  [&](std::uint64_t position, const RecordView& record) {
                                    CORRAL_ASSERT(position == seen);
                                    CORRAL_ASSERT(record.payload.size() <= kMaxPayloadBytes);
                                    seen += record.bytes;
                                    return Scan::go_on;
                                  });
  CORRAL_ASSERT(whole && *whole == seen && seen <= bytes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static const TemporaryFolder folder;
  const auto file = folder / "00000000000000000000.zst";
  read_compressed(file, bytes);
  if (const auto whole = with_ending(bytes)) read_compressed(file, *whole);
  scan(bytes);
  if (const auto index = parse_segment_index(bytes))
    CORRAL_ASSERT(parse_segment_index(to_json(*index)) == *index);
  return 0;
}
