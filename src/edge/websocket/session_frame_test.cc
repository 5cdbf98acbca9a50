#include "edge/websocket/session_frame.h"

#include <string>

#include <gtest/gtest.h>

namespace corral::edge {
namespace {

using namespace std::literals;

std::string encode(SessionFrameKind kind, std::uint32_t channel, std::uint64_t position) {
  const auto header = encode_session_frame(kind, channel, position);
  return {header.begin(), header.end()};
}

TEST(SessionFrame, IsKindChannelAndPositionBigEndian) {
  EXPECT_EQ(encode(SessionFrameKind::input, 0x01020304, 0x05060708090a0b0c),
            "\x03\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"sv);
  EXPECT_EQ(encode(SessionFrameKind::output, 0xffffffff, UINT64_MAX),
            "\x01" + std::string(12, '\xff'));
}

TEST(SessionFrame, ComesBackAsItWent) {
  const auto message = encode(SessionFrameKind::snapshot, 0x80000001, 1ull << 63) + "a\0b"s;
  const auto frame = decode_session_frame(message);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->kind, SessionFrameKind::snapshot);
  EXPECT_EQ(frame->channel, 0x80000001u);
  EXPECT_EQ(frame->position, 1ull << 63);
  EXPECT_EQ(frame->bytes, "a\0b"sv);
}

TEST(SessionFrame, MayBeEmptyAndIsNotShorterThanItsHeader) {
  const auto message = encode(SessionFrameKind::output, 1, 2);
  const auto frame = decode_session_frame(message);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->bytes, "");
  EXPECT_FALSE(decode_session_frame(message.substr(0, 12)));
  EXPECT_FALSE(decode_session_frame(""));
}

TEST(SessionFrame, KeepsAKindWithoutAName) {
  const auto frame = decode_session_frame(std::string(13, '\xc8'));
  ASSERT_TRUE(frame);
  EXPECT_EQ(static_cast<int>(frame->kind), 0xc8);
}

}  // namespace
}  // namespace corral::edge
