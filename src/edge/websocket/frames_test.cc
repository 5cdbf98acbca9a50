// Frames without a connection: any split of the bytes means the same, and what is wrong is said.
#include "edge/websocket/frames.h"

#include <gtest/gtest.h>

#include <functional>

namespace corral::edge {
namespace {

constexpr MaskKey kKey{0x11, 0x82, 0xf3, 0x04};
using Event = FrameDecoder::Event;

// A frame as a client sends it, with any header bits.
std::string frame(int first_byte, std::string payload) {
  const FrameHeader header(Opcode::text, payload.size(), false, &kKey);
  std::string bytes(header.view());
  bytes[0] = static_cast<char>(first_byte);
  apply_mask(payload, kKey);
  return bytes + payload;
}

// What a server makes of the bytes, fed in pieces: one line an event.
std::string decode(std::string bytes, std::size_t piece, std::size_t max_bytes = 1000,
                   const std::optional<DeflateParams>& deflate = {}) {
  FrameDecoder decoder(Role::server, max_bytes, deflate);
  std::string seen;
  for (std::size_t at = 0; at < bytes.size();) {
    std::size_t consumed = 0;
    auto here = std::span(bytes).subspan(at, std::min(piece, bytes.size() - at));
    const Event event = decoder.feed(here, consumed);
    at += consumed;
    switch (event) {
      case Event::more:
        if (consumed < here.size()) return seen + "left over";
        break;
      case Event::message: {
        const Message message = decoder.take_message();
        seen += (message.kind == Message::Kind::text ? "text " : "binary ") + message.bytes + "\n";
        break;
      }
      case Event::ping: seen += "ping " + decoder.payload() + "\n"; break;
      case Event::pong: seen += "pong " + decoder.payload() + "\n"; break;
      case Event::close:
        return seen + fmt::format("close {} {}\n", decoder.close_code(), decoder.close_text());
      case Event::failed: return seen + fmt::format("failed {}\n", decoder.close_code());
    }
  }
  return seen;
}

// The same in every split.
std::string decode_all(const std::string& bytes, std::size_t max_bytes = 1000,
                       const std::optional<DeflateParams>& deflate = {}) {
  const std::string whole = decode(bytes, bytes.size(), max_bytes, deflate);
  for (const std::size_t piece : {1, 2, 3, 7})
    EXPECT_EQ(decode(bytes, piece, max_bytes, deflate), whole);
  return whole;
}

TEST(WebSocketFrames, ReadsMessagesWithControlFramesAmongTheirFragments) {
  EXPECT_EQ(decode_all(frame(0x81, "Hello") + frame(0x82, std::string(300, 'b')) +
                       frame(0x01, "a\xf0\x9f") + frame(0x89, "p") + frame(0x00, "\x90") +
                       frame(0x80, "\x8e") + frame(0x8a, "") + frame(0x81, "")),
            "text Hello\nbinary " + std::string(300, 'b') + "\nping p\ntext a🐎\npong \ntext \n");
}

TEST(WebSocketFrames, SaysWhatIsWrong) {
  const std::pair<std::string, const char*> cases[] = {
      {frame(0x91, "x"), "failed 1002\n"},                             // RSV3
      {frame(0xa1, "x"), "failed 1002\n"},                             // RSV2
      {frame(0xc1, "x"), "failed 1002\n"},                             // compressed, not agreed on
      {frame(0x83, "x"), "failed 1002\n"},                             // unknown opcodes
      {frame(0x8b, ""), "failed 1002\n"},                              //
      {std::string("\x81\x01x", 3), "failed 1002\n"},                  // not masked
      {frame(0x09, "x"), "failed 1002\n"},                             // a fragmented ping
      {frame(0x89, std::string(126, 'x')), "failed 1002\n"},           // a long one
      {frame(0x80, "x"), "failed 1002\n"},                             // nothing to continue
      {frame(0x01, "x") + frame(0x81, "y"), "failed 1002\n"},          // one within another
      {std::string("\x81\xfe\x00\x05", 4) + "keys", "failed 1002\n"},  // a length not in short form
      {std::string("\x82\xff\x80\0\0\0\0\0\0\0keys", 14), "failed 1002\n"},
      {std::string("\x82\xff\0\0\0\0\0\x01\0\0keys", 14), "failed 1009\n"},
      {frame(0x02, std::string(900, 'x')) + frame(0x80, std::string(101, 'x')), "failed 1009\n"},
      {frame(0x81, "ok\xc3("), "failed 1007\n"},
      {frame(0x01, "\xf4\x90"), "failed 1007\n"},  // can never become a code point
      {frame(0x81, "\xed\xa0\x80"), "failed 1007\n"},
      {frame(0x01, "\xe2\x82") + frame(0x80, ""), "failed 1007\n"},
      {frame(0x88, ""), "close 1005 \n"},
      {frame(0x88, "\x03"), "failed 1002\n"},
      {frame(0x88,
             "\x03\xe8"
             "bye"),
       "close 1000 bye\n"},
      {frame(0x88, "\x03\xe8\xff"), "failed 1007\n"},
      {frame(0x88, "\x03\xed"), "failed 1002\n"},  // 1005
      {frame(0x88, "\x13\x88"), "failed 1002\n"},  // 5000
      {frame(0x88, "\x0b\xb8"), "close 3000 \n"},
  };
  for (const auto& [bytes, expected] : cases) EXPECT_EQ(decode_all(bytes), expected) << expected;
  // A client refuses a server's masked frame.
  FrameDecoder client(Role::client, 1000, {});
  std::string masked = frame(0x81, "x");
  std::size_t consumed = 0;
  EXPECT_EQ(client.feed(masked, consumed), Event::failed);
}

TEST(WebSocketFrames, MasksAnyPieceFromAnyOffset) {
  std::string text(100, '\0'), expected;
  for (std::size_t i = 0; i < text.size(); ++i) expected += static_cast<char>(kKey[i % 4]);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    std::string parts = text;
    apply_mask(std::span(parts).first(cut), kKey);
    apply_mask(std::span(parts).subspan(cut), kKey, cut);
    EXPECT_EQ(parts, expected) << cut;
  }
}

TEST(WebSocketFrames, CutsACloseReasonBetweenCodePoints) {
  const std::string payload = close_payload(1000, std::string(122, 'x') + "ä");
  EXPECT_EQ(payload, "\x03\xe8" + std::string(122, 'x'));
  EXPECT_EQ(close_payload(kCloseNoCode, "x"), "");
}

// Examples of RFC 7692, 7.2.3.
TEST(WebSocketDeflate, ReadsTheExamplesOfTheStandard) {
  const std::string hello = "\xf2\x48\xcd\xc9\xc9\x07";
  EXPECT_EQ(decode_all(frame(0xc1, hello + std::string(1, '\0')), 1000, DeflateParams{}),
            "text Hello\n");
  EXPECT_EQ(decode_all(frame(0x41, hello.substr(0, 3)) +
                           frame(0x80, hello.substr(3) + std::string(1, '\0')),
                       1000, DeflateParams{}),
            "text Hello\n");
  // The second refers to the first.
  EXPECT_EQ(decode_all(frame(0xc1, hello + std::string(1, '\0')) +
                           frame(0xc1, std::string("\xf2\x00\x11\x00\x00", 5)),
                       1000, DeflateParams{}),
            "text Hello\ntext Hello\n");
  // Not compressed; a final block, and again after it; two blocks; nothing at all.
  const std::string stored("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11);
  const std::string last("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8);
  const std::string two("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13);
  EXPECT_EQ(decode_all(frame(0xc1, stored) + frame(0xc1, last) + frame(0xc1, last) +
                           frame(0xc1, two) + frame(0xc1, std::string(1, '\0')),
                       1000, DeflateParams{}),
            "text Hello\ntext Hello\ntext Hello\ntext Hello\ntext \n");
}

TEST(WebSocketDeflate, RefusesWhatIsDamagedOrGrowsTooLarge) {
  Deflater deflater({});
  std::string bomb;
  const std::string zeros(1000, '0');
  const std::array<std::string_view, 1> parts{zeros};
  ASSERT_TRUE(deflater.compress(parts, bomb));
  EXPECT_EQ(decode_all(frame(0xc2, bomb), 1000, DeflateParams{}), "binary " + zeros + "\n");
  EXPECT_EQ(decode_all(frame(0xc2, bomb), 999, DeflateParams{}), "failed 1009\n");
  EXPECT_EQ(decode_all(frame(0xc1, "\xff\xff\xff"), 1000, DeflateParams{}), "failed 1007\n");
  EXPECT_EQ(decode_all(frame(0xc1, ""), 1000, DeflateParams{}), "failed 1007\n");
  EXPECT_EQ(decode_all(frame(0xc1, "\xf2\x48"), 1000, DeflateParams{}), "failed 1007\n");  // cut
  EXPECT_EQ(decode_all(frame(0x41, bomb) + frame(0xc0, "x"), 1000, DeflateParams{}),
            "failed 1002\n");
}

TEST(WebSocketDeflate, CompressesOnlyWhatGetsSmallerAndStaysReadable) {
  for (const bool takeover : {true, false}) {
    for (const int bits : {9, 15}) {
      const DeflateDirection direction{.window_bits = bits, .context_takeover = takeover};
      Deflater deflater(direction);
      std::string wire, expected;
      std::uint32_t noise = 1;
      for (int i = 0; i < 60; ++i) {
        std::string text;
        for (int j = 0; j < 900; ++j) {
          noise = noise * 1664525 + 1013904223;
          text +=
              i % 3 == 0 ? static_cast<char>(noise >> 24) : static_cast<char>('a' + (noise >> 30));
        }
        std::string small;
        const std::array<std::string_view, 2> parts{std::string_view(text).substr(0, 400),
                                                    std::string_view(text).substr(400)};
        const bool smaller = deflater.compress(parts, small);
        EXPECT_EQ(smaller, i % 3 != 0) << i;  // noise stays as it is
        wire += smaller ? frame(0xc2, small) : frame(0x82, text);
        expected += "binary " + text + "\n";
      }
      EXPECT_EQ(decode(wire, 100, 1000, DeflateParams{.theirs = direction}), expected);
    }
  }
}

}  // namespace
}  // namespace corral::edge
