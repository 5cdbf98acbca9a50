#include <gtest/gtest.h>

#include "base/random.h"
#include "runner/link/frame.h"
#include "runner/link/message.h"

namespace corral::runner::link {
namespace {

TEST(Frame, SurvivesAnySplitOfTheStream) {
  std::string wire;
  append_control(wire, R"({"jsonrpc":"2.0","method":"x"})");
  append_frame(wire, {.type = FrameType::data,
                      .flags = kEnd,
                      .channel = 7,
                      .offset = 1ull << 40,
                      .payload = "hello"});
  append_frame(wire, {.type = FrameType::ack, .channel = 7, .offset = 5});
  for (std::size_t step = 1; step <= wire.size(); ++step) {
    FrameReader reader;
    std::vector<Frame> headers;
    std::string payloads;
    for (std::size_t at = 0; at < wire.size(); at += step) {
      reader.append(std::string_view(wire).substr(at, step));
      for (;;) {
        const auto frame = reader.next();
        ASSERT_TRUE(frame);
        if (!*frame) break;
        headers.push_back(**frame);
        payloads += (*frame)->payload;
      }
    }
    ASSERT_EQ(headers.size(), 3u);
    EXPECT_EQ(headers[1].offset, 1ull << 40);
    EXPECT_EQ(headers[1].channel, 7u);
    EXPECT_EQ(headers[1].flags, kEnd);
    EXPECT_EQ(payloads, R"({"jsonrpc":"2.0","method":"x"}hello)");
  }
}

TEST(Frame, RefusesWhatItDoesNotUnderstand) {
  const auto refused = [](std::string header) {
    header.resize(kHeaderBytes);
    FrameReader reader;
    reader.append(header);
    const auto frame = reader.next();
    return !frame && frame.error().code == ErrorCode::corrupt;
  };
  EXPECT_TRUE(refused(std::string("\0", 1)));
  EXPECT_TRUE(refused("\x0c"));
  EXPECT_TRUE(refused("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_TRUE(refused(std::string("\x01\x80", 2)));
  EXPECT_TRUE(refused(std::string("\x01\0\x01", 3)));
  std::string ack_with_payload;
  append_frame(ack_with_payload, {.type = FrameType::ack});
  ack_with_payload[19] = 1;
  EXPECT_TRUE(refused(ack_with_payload));
  std::string too_long;
  append_frame(too_long, {.type = FrameType::data});
  too_long[16] = 1;
  EXPECT_TRUE(refused(too_long));
}

TEST(Control, LongMessagesTravelInSeveralFrames) {
  const std::string text(3 * kMaxPayloadBytes + 17, 'x');
  std::string wire;
  append_control(wire, text);
  FrameReader reader;
  reader.append(wire);
  ControlAssembler assembler;
  int frames = 0;
  for (;;) {
    const auto frame = reader.next().value();
    ASSERT_TRUE(frame);
    ++frames;
    if (auto whole = assembler.add(*frame).value()) {
      EXPECT_EQ(*whole, text);
      break;
    }
  }
  EXPECT_EQ(frames, 4);
}

TEST(Control, RefusesAMessageThatNeverEnds) {
  ControlAssembler assembler;
  const std::string part(kMaxPayloadBytes, 'x');
  Result<std::optional<std::string>> last = std::nullopt;
  for (int i = 0; i < 20 && last; ++i)
    last = assembler.add({.type = FrameType::control, .flags = kMore, .payload = part});
  EXPECT_EQ(last.error().code, ErrorCode::corrupt);
}

TEST(Message, ErrorsKeepTheirCode) {
  const auto message =
      parse_message(error_text(9, Error{ErrorCode::not_found, "no process \"x\"", nullptr}))
          .value();
  EXPECT_EQ(message.kind, Message::Kind::response);
  EXPECT_EQ(message.id, 9u);
  EXPECT_EQ(message.result.error().code, ErrorCode::not_found);
  EXPECT_EQ(message.result.error().message, "no process \"x\"");
}

TEST(Message, RefusesWhatIsNotJsonRpc) {
  for (const char* bad :
       {"", "[]", "{}", "1", R"({"jsonrpc":"1.0","method":"x"})", R"({"jsonrpc":"2.0"})",
        R"({"jsonrpc":"2.0","id":0,"method":"x"})", R"({"jsonrpc":"2.0","id":"1","method":"x"})",
        R"({"jsonrpc":"2.0","id":1})", R"({"jsonrpc":"2.0","id":1,"result":{},"error":{}})",
        R"({"jsonrpc":"2.0","id":1,"result":3})", R"({"jsonrpc":"2.0","method":"x","params":[1]})",
        R"({"jsonrpc":"2.0","method":"x","body":-1})"})
    EXPECT_FALSE(parse_message(bad)) << bad;
}

TEST(Bodies, AreBoundedAndWithoutGaps) {
  Bodies bodies;
  EXPECT_TRUE(bodies.add(1, 0, "ab"));
  EXPECT_TRUE(bodies.add(1, 2, "c"));
  EXPECT_FALSE(bodies.add(1, 2, "c"));
  EXPECT_EQ(bodies.take(1, 3).value(), "abc");
  EXPECT_FALSE(bodies.take(1, 3));
  EXPECT_EQ(bodies.take(2, 0).value(), "");
  for (std::uint32_t id = 0; id < kMaxOpenBodies; ++id) EXPECT_TRUE(bodies.add(id + 10, 0, "x"));
  EXPECT_FALSE(bodies.add(99, 0, "x"));
}

}  // namespace
}  // namespace corral::runner::link
