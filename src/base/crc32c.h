// CRC-32C (Castagnoli, RFC 3720 appendix B.4), by the processor's own instruction where it has one.
#pragma once

#include <cstdint>
#include <string_view>

namespace corral {

// Of `bytes` after what `crc` is the checksum of: crc32c("456789", crc32c("123")) ==
// crc32c("123456789").
std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc = 0);
// The same by table, on any processor.
std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t crc = 0);

}  // namespace corral
