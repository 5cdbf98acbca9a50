#include "base/crc32c.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace corral {
namespace {

TEST(Crc32c, GivesThePublishedValues) {
  // RFC 3720, appendix B.4.
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u);
  EXPECT_EQ(crc32c(""), 0u);
}

TEST(Crc32c, ByTableAndByInstructionAgreeAtEveryLengthAndSplit) {
  std::mt19937 dice(3);
  std::string bytes(300, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(dice());
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    const std::string_view part(bytes.data(), length);
    EXPECT_EQ(crc32c(part), crc32c_portable(part)) << length;
    EXPECT_EQ(crc32c(part.substr(length / 3), crc32c(part.substr(0, length / 3))), crc32c(part))
        << length;
  }
}

}  // namespace
}  // namespace corral
