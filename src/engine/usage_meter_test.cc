#include "engine/usage_meter.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace corral::engine {
namespace {

constexpr std::string_view kStream =
    "event: message_start\n"
    "data: "
    "{\"type\":\"message_start\",\"message\":{\"model\":\"claude-x\",\"usage\":{\"input_tokens\":"
    "12,\"cache_read_input_tokens\":300,"
    "\"cache_creation_input_tokens\":40,\"output_tokens\":1}}}\r\n\r\n"
    "event: ping\ndata: {\"type\":\"ping\"}\n\n"
    "event: content_block_delta\ndata: "
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"
    "\"sixteen letters!\"}}\n\n"
    "event: message_delta\ndata: "
    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_"
    "tokens\":77}}\n\n"
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

UsageMeter::Usage metered(std::string_view stream, std::size_t piece) {
  UsageMeter meter;
  meter.begin(UsageMeter::Form::event_stream);
  for (std::size_t at = 0; at < stream.size(); at += piece) meter.feed(stream.substr(at, piece));
  meter.finish();
  return meter.usage();
}

TEST(UsageMeter, ReadsAStreamInAnySplit) {
  for (const std::size_t piece : {1, 3, 50, 4096}) {
    const auto usage = metered(kStream, piece);
    EXPECT_EQ(usage.model, "claude-x");
    EXPECT_EQ(usage.input_tokens, 12);
    EXPECT_EQ(usage.cache_read_tokens, 300);
    EXPECT_EQ(usage.cache_write_tokens, 40);
    EXPECT_EQ(usage.output_tokens, 77);
  }
}

TEST(UsageMeter, EstimatesTheOutputOfAStreamThatBreaksOff) {
  const auto usage = metered(kStream.substr(0, kStream.find("event: message_delta")), 100);
  EXPECT_EQ(usage.input_tokens, 12);
  EXPECT_EQ(usage.output_tokens, 4);
  EXPECT_TRUE(usage.seen);
}

TEST(UsageMeter, ReadsAJsonAnswer) {
  UsageMeter meter;
  meter.begin(UsageMeter::Form::json);
  meter.feed(R"({"type":"message","model":"m","usage":{"input_)");
  meter.feed(R"(tokens":5,"output_tokens":6}})");
  meter.finish();
  EXPECT_EQ(meter.usage().model, "m");
  EXPECT_EQ(meter.usage().input_tokens, 5);
  EXPECT_EQ(meter.usage().output_tokens, 6);
}

TEST(UsageMeter, PassesOverGarbageAndEndlessLines) {
  UsageMeter meter;
  meter.begin(UsageMeter::Form::event_stream);
  meter.feed("data: {oops\n\ndata: [1]\ndata:");
  for (int i = 0; i < 40; ++i) meter.feed(std::string(100'000, 'x'));
  meter.feed("\n");
  meter.feed(kStream);
  meter.finish();
  EXPECT_EQ(meter.usage().output_tokens, 77);
}

TEST(UsageMeter, DoesNotTakeAbsurdFigures) {
  const auto usage = metered(
      "data: "
      "{\"type\":\"message_delta\",\"usage\":{\"output_tokens\":-5,\"input_tokens\":9999999999999}}"
      "\n\n",
      4096);
  EXPECT_EQ(usage.output_tokens, 0);
  EXPECT_EQ(usage.input_tokens, 0);
}

}  // namespace
}  // namespace corral::engine
