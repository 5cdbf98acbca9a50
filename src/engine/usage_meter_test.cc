#include "engine/usage_meter.h"

#include <gtest/gtest.h>

#include <vector>

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

using ports::LlmApi;
using Form = UsageMeter::Form;

ModelUsage metered(std::string_view stream, std::size_t piece,
                   LlmApi api = LlmApi::anthropic_messages, Form form = Form::event_stream) {
  UsageMeter meter(api);
  meter.begin(form);
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
  UsageMeter meter(LlmApi::anthropic_messages);
  meter.begin(UsageMeter::Form::json);
  meter.feed(R"({"type":"message","model":"m","usage":{"input_)");
  meter.feed(R"(tokens":5,"output_tokens":6}})");
  meter.finish();
  EXPECT_EQ(meter.usage().model, "m");
  EXPECT_EQ(meter.usage().input_tokens, 5);
  EXPECT_EQ(meter.usage().output_tokens, 6);
}

// What the same figures look like in each protocol: 12 tokens in besides 300 from the cache, 77
// out.
struct Sample {
  LlmApi api;
  Form form;
  std::string answer;
};

std::vector<Sample> samples() {
  const std::string responses =
      R"({"id":"r","object":"response","model":"m","output":[],"usage":{"input_tokens":312,"input_tokens_details":{"cached_tokens":300},"output_tokens":77}})";
  const std::string chat =
      R"("model":"m","usage":{"prompt_tokens":312,"prompt_tokens_details":{"cached_tokens":300},"completion_tokens":77}})";
  const std::string gemini =
      R"({"modelVersion":"m","candidates":[],"usageMetadata":{"promptTokenCount":310,"toolUsePromptTokenCount":2,"cachedContentTokenCount":300,"candidatesTokenCount":70,"thoughtsTokenCount":7}})";
  return {
      {LlmApi::openai_responses, Form::json, responses},
      {LlmApi::openai_responses, Form::event_stream,
       R"(data: {"type":"response.created","response":{"model":"m","usage":null}})"
       "\n\n"
       R"(data: {"type":"response.output_text.delta","delta":"sixteen letters!"})"
       "\n\n"
       R"(data: {"type":"response.completed","response":)" +
           responses + "}\n\n"},
      {LlmApi::openai_chat, Form::json, R"({"choices":[],)" + chat},
      {LlmApi::openai_chat, Form::event_stream,
       R"(data: {"model":"m","choices":[{"delta":{"content":"sixteen letters!"}}]})"
       "\n\n"
       R"(data: {"choices":[],)" +
           chat + "\n\ndata: [DONE]\n\n"},
      {LlmApi::gemini, Form::json, gemini},
      {LlmApi::gemini, Form::json,
       R"([{"modelVersion":"m","usageMetadata":{"promptTokenCount":9}},)" + gemini + "]"},
      {LlmApi::gemini, Form::event_stream,
       R"(data: {"modelVersion":"m","usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":1}})"
       "\n\ndata: " +
           gemini + "\r\n\r\n"},
  };
}

TEST(UsageMeter, ReadsEveryProtocolInAnySplit) {
  for (const auto& [api, form, answer] : samples())
    for (const std::size_t piece : {1, 7, 4096}) {
      const auto usage = metered(answer, piece, api, form);
      EXPECT_EQ(usage.model, "m") << answer;
      EXPECT_EQ(usage.input_tokens, 12) << answer;
      EXPECT_EQ(usage.cache_read_tokens, 300) << answer;
      EXPECT_EQ(usage.output_tokens, 77) << answer;
      EXPECT_TRUE(usage.seen);
    }
}

TEST(UsageMeter, EstimatesTheOutputOfEveryProtocolUntilItIsTold) {
  const std::pair<LlmApi, const char*> pieces[] = {
      {LlmApi::openai_responses,
       R"(data: {"type":"response.function_call_arguments.delta","delta":"sixteen letters!"})"},
      {LlmApi::openai_chat,
       R"(data: {"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"sixteen letters!"}}]}}]})"},
      {LlmApi::gemini,
       R"(data: {"candidates":[{"content":{"parts":[{"text":"sixteen letters!"}]}}]})"}};
  for (const auto& [api, line] : pieces) {
    EXPECT_EQ(metered(std::string(line) + "\n\n", 10, api).output_tokens, 4) << line;
    EXPECT_FALSE(metered(std::string(line) + "\n\n", 10, api).seen);
  }
}

TEST(UsageMeter, PassesOverGarbageAndEndlessLines) {
  UsageMeter meter(LlmApi::anthropic_messages);
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
