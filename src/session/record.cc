#include "session/record.h"

#include <cerrno>

#include <unistd.h>

#include <boost/endian/conversion.hpp>

#include "base/crc32c.h"

namespace corral::session {
namespace {

constexpr std::uint8_t kTimed = 0x80;

struct Header {
  std::uint32_t payload_bytes, crc;
  std::uint64_t source_offset;
  std::size_t name_bytes, time_bytes;

  std::size_t record_bytes() const {
    return kRecordHeaderBytes + time_bytes + name_bytes + payload_bytes;
  }
};

Header read_header(const char* bytes) {
  const auto* raw = reinterpret_cast<const unsigned char*>(bytes);
  return {boost::endian::load_little_u32(raw), boost::endian::load_little_u32(raw + 4),
          boost::endian::load_little_u64(raw + 8), raw[16] & std::size_t{kTimed - 1},
          (raw[16] & kTimed) != 0 ? kRecordTimeBytes : 0};
}

// A whole record, whose checksum fits.
RecordView view(const char* bytes, const Header& header) {
  const char* at = bytes + kRecordHeaderBytes;
  RecordView record{.source_offset = header.source_offset, .bytes = header.record_bytes()};
  if (header.time_bytes > 0)
    record.time =
        Time(Duration(boost::endian::load_little_s64(reinterpret_cast<const unsigned char*>(at))));
  at += header.time_bytes;
  record.source = {at, header.name_bytes};
  record.payload = {at + header.name_bytes, header.payload_bytes};
  return record;
}

}  // namespace

std::size_t record_bytes(std::string_view source, std::size_t payload_bytes) {
  return kRecordHeaderBytes + kRecordTimeBytes + source.size() + payload_bytes;
}

void encode_record(std::string& into, const RecordView& record) {
  CORRAL_ASSERT(record.source.size() < kTimed && record.payload.size() <= kMaxPayloadBytes);
  const std::size_t begin = into.size();
  into.resize(begin + kRecordHeaderBytes + kRecordTimeBytes);
  into.append(record.source).append(record.payload);
  auto* raw = reinterpret_cast<unsigned char*>(into.data() + begin);
  boost::endian::store_little_u32(raw, static_cast<std::uint32_t>(record.payload.size()));
  boost::endian::store_little_u64(raw + 8, record.source_offset);
  raw[16] = static_cast<std::uint8_t>(kTimed | record.source.size());
  boost::endian::store_little_s64(raw + kRecordHeaderBytes, record.time.time_since_epoch().count());
  boost::endian::store_little_u32(raw + 4, crc32c(std::string_view(into).substr(begin + 8)));
}

Result<std::uint64_t> scan_records(
    int file, std::uint64_t position, std::uint64_t limit, std::size_t read_bytes,
    const std::function<Scan(std::uint64_t, const RecordView&)>& take) {
  std::string buffer;
  std::size_t used = 0;  // of the buffer: what has been parsed
  std::uint64_t read_to = position;
  for (;;) {
    const std::size_t left = buffer.size() - used;
    std::size_t wanted = kRecordHeaderBytes;
    if (left >= kRecordHeaderBytes) {
      const Header header = read_header(buffer.data() + used);
      wanted = header.record_bytes();
      if (header.payload_bytes > kMaxPayloadBytes || position + wanted > limit) return position;
      if (left >= wanted) {
        const char* record = buffer.data() + used;
        if (crc32c({record + 8, wanted - 8}) != header.crc) return position;
        const Scan next = take(position, view(record, header));
        position += wanted;
        used += wanted;
        if (next == Scan::stop) return position;
        continue;
      }
    }
    if (read_to >= limit) return position;
    buffer.erase(0, used);
    used = 0;
    const std::size_t had = buffer.size();
    const std::size_t room = static_cast<std::size_t>(
        std::min<std::uint64_t>(limit - read_to, std::max<std::size_t>(wanted - had, read_bytes)));
    buffer.resize(had + room);
    const auto got = ::pread(file, buffer.data() + had, room, static_cast<off_t>(read_to));
    if (got < 0 && errno != EINTR)
      return std::unexpected(errno_error(errno, "cannot read a log segment"));
    buffer.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return position;
    read_to += static_cast<std::uint64_t>(std::max<ssize_t>(got, 0));
  }
}

}  // namespace corral::session
