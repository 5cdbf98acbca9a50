#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/llm/cassette.h"
#include "adapters/llm/normal_request.h"
#include "adapters/llm/providers.h"
#include "adapters/llm/stable_text.h"
#include "adapters/llm/testing/support.h"
#include "base/testing/temporary_folder.h"

namespace corral::adapters::llm {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(StableText, TakesOutWhatDiffersFromRunToRun) {
  EXPECT_EQ(stable_text("Ran 5 tests in 0.003s", ""), "Ran 5 tests in <duration>");
  EXPECT_EQ(stable_text("at 2026-11-21T09:10:11.123Z, or 2026-11-21 09:10:11, or 09:10:11", ""),
            "at <time>, or <time>, or <time>");
  EXPECT_EQ(stable_text("[main 3f2a9c1] fix", ""), "[main <hash>] fix");
  EXPECT_EQ(
      stable_text("session b525ea19-bdbd-4b4d-af26-e152e586d2a9 of toolu_010000000000000000000001",
                  ""),
      "session <uuid> of <id>");
  EXPECT_EQ(stable_text("/tmp/agent/x1/src/a.py and /tmp/agent/x12", "/tmp/agent/x1"),
            "/workspace/src/a.py and /tmp/<file>/x12");
  EXPECT_EQ(stable_text("a<system-reminder>\nb</system-reminder>c  \n\n", ""), "ac");
  EXPECT_EQ(stable_text("    return x\n    ~~~~^^^\nKeyError", ""), "    return x\nKeyError");
  EXPECT_EQ(stable_text("key sk-ant-api03-abcdefghijkl", ""), "key <credential>");
}

TEST(StableText, LeavesWordsAndFiguresThatMean) {
  for (const char* text : {"FAILED (failures=1)", "line 42", "defaced facade", "1.5 times",
                           "sum: 12345", "5 sec_x", "a-b-c"})
    EXPECT_EQ(stable_text(text, ""), text);
}

json::value normal(std::string_view messages, std::string_view more = "") {
  return normal_request(
             "/v1/messages?beta=true",
             fmt::format(
                 R"({{"model":"m","stream":true,"tools":[{{"name":"Bash"}}]{},"messages":{}}})",
                 more, messages))
      .value();
}

TEST(NormalRequest, IsTheSameForTheSameTurnOfAnotherSession) {
  const auto a = normal(
      R"([{"role":"user","content":[{"type":"text","text":"<system-reminder>1</system-reminder>"},{"type":"text","text":"Fix it","cache_control":{"type":"ephemeral"}}]},
      {"role":"system","content":"# Environment\n - Primary working directory: /workspace\n"},
      {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"x"},{"type":"tool_use","id":"toolu_1","name":"Read","input":{"file_path":"/workspace/a.py"}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"1\ttime is 10:11:12"}]}])",
      R"(,"system":"today is monday","metadata":{"user_id":"u1"},"max_tokens":5)");
  const auto b = normal(
      R"([{"role":"user","content":"Fix it"},
      {"role":"assistant","content":[{"type":"tool_use","id":"toolu_2","name":"Read","input":{"file_path":"/home/me/x/a.py"}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_2","content":[{"type":"text","text":"1\ttime is 23:00:00"}]}]}])",
      R"(,"system":[{"type":"text","text":" - Primary working directory: /home/me/x"}],"metadata":{"user_id":"u2"})");
  EXPECT_EQ(a, b) << first_difference(a, b)->path;
  EXPECT_EQ(turn_of(a), 2u);
}

TEST(NormalRequest, IsTheSameWhicheverOfTwoParallelToolsEndedFirst) {
  const auto results = [](const char* first, const char* second) {
    return normal_request("/v1/messages",
                          fmt::format(R"({{"model":"m","messages":[{{"role":"user","content":[
        {{"type":"tool_result","tool_use_id":"{0}","content":"of {0}"}},{{"type":"text","text":"note"}},{{"type":"tool_result","tool_use_id":"{1}","content":"of {1}"}}]}}]}})",
                                      first, second))
        .value();
  };
  EXPECT_EQ(results("a", "b"), results("b", "a"));
  EXPECT_NE(results("a", "b"), results("a", "c"));
}

// One conversation in every protocol: a task, a message with a tool call, its result.
TEST(NormalRequest, IsTheSameConversationInEveryProtocol) {
  const auto messages = [](std::string_view path, std::string_view body) {
    return normal_request(path, body).value().at("messages");
  };
  const auto wanted = parse_json(
                          R"([{"role":"user","content":[{"text":"Fix it"}]},
      {"role":"assistant","content":[{"text":"I look."},{"tool_use":"sh","input":{"command":"ls /workspace"}}]},
      {"role":"user","content":[{"tool_result":"a.py"}]}])",
                          "wanted")
                          .value();
  const auto responses = messages(
      "/v1/responses",
      R"({"instructions":"today","input":[{"type":"message","role":"developer","content":[{"type":"input_text","text":"rules"}]},
      {"role":"user","content":[{"type":"input_text","text":"Fix it"}]},{"type":"reasoning","id":"rs_1"},
      {"type":"message","role":"assistant","content":[{"type":"output_text","text":"I look."}]},
      {"type":"function_call","call_id":"call_7","name":"sh","arguments":"{\"command\":\"ls /workspace\"}"},
      {"type":"function_call_output","call_id":"call_7","output":"a.py"}]})");
  EXPECT_EQ(responses, wanted) << responses;
  const auto chat = messages(
      "/v1/chat/completions",
      R"({"messages":[{"role":"system","content":"rules"},{"role":"user","content":[{"type":"text","text":"Fix it"}]},
      {"role":"assistant","content":"I look.","tool_calls":[{"id":"c","function":{"name":"sh","arguments":"{\"command\":\"ls /workspace\"}"}}]},
      {"role":"tool","tool_call_id":"c","content":"a.py"}]})");
  EXPECT_EQ(chat, wanted) << chat;
  const auto gemini = messages(
      "/v1beta/models/m:generateContent",
      R"({"systemInstruction":{"parts":[{"text":"rules"}]},"contents":[{"role":"user","parts":[{"text":"Fix it"}]},
      {"role":"model","parts":[{"thought":true,"text":"hm"},{"text":"I look."},{"functionCall":{"name":"sh","args":{"command":"ls /workspace"}}}]},
      {"role":"user","parts":[{"functionResponse":{"id":"7","name":"sh","response":{"output":"a.py"}}}]}]})");
  EXPECT_EQ(find_string(gemini.at(2), {"role"}), "user");
  EXPECT_EQ(gemini.at(1), wanted.at(1)) << gemini;
}

TEST(NormalRequest, TakesModelAndStreamingFromThePathWhereItNamesThem) {
  const auto asked =
      normal_request("/v1beta/models/gemini-x:streamGenerateContent?alt=sse", "{}").value();
  EXPECT_EQ(find_string(asked, {"model"}), "gemini-x");
  EXPECT_TRUE(find_bool(asked, {"stream"}));
}

TEST(NormalRequest, NamesTheFirstDifference) {
  const auto a = normal(
      R"([{"role":"user","content":[{"type":"tool_result","content":"Ran 5 tests: FAILED"}]}])");
  const auto b =
      normal(R"([{"role":"user","content":[{"type":"tool_result","content":"Ran 5 tests: OK"}]}])");
  const auto difference = first_difference(a, b);
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->path, "$.messages[0].content[0].tool_result");
  EXPECT_EQ(difference->recorded, "Ran 5 tests: FAILED");
  EXPECT_EQ(difference->got, "Ran 5 tests: OK");
  EXPECT_EQ(first_difference(a, normal("[]"))->path, "$.messages[0]");
}

TEST(Cassette, SaysWhichLineIsWrong) {
  const auto header = header_line(Time{}, "n");
  const auto message = [](std::string_view text) { return parse_cassette(text).error().message; };
  EXPECT_THAT(message(""), HasSubstr("empty"));
  EXPECT_THAT(message("\x7f"
                      "ELF\n"),
              HasSubstr("line 1: it is not a cassette"));
  EXPECT_THAT(message(R"({"format":"corral-cassette","version":9})"
                      "\n"),
              HasSubstr("line 1: it is of version 9"));
  EXPECT_THAT(message(header + "garbage\n"), HasSubstr("line 2: the line is not valid JSON"));
  EXPECT_THAT(
      message(
          header +
          R"({"request":{"path":"/v1/messages"},"response":{"status":200,"headers":{},"chunks":[[1]]}})"
          "\n"),
      HasSubstr("line 2: a chunk is not"));
  EXPECT_THAT(message(header + R"({"request":{"path":"/v1/messages"})"),
              HasSubstr("line 2: it is cut off"));
}

std::unique_ptr<ports::LlmProvider> canned(std::vector<std::string> pieces, int status = 200) {
  auto provider = std::make_unique<CannedProvider>();
  provider->pieces = std::move(pieces);
  provider->status = status;
  return provider;
}

class RecordAndReplay : public ::testing::Test {
 protected:
  void record(std::unique_ptr<ports::LlmProvider> inner, const ports::LlmRequest& asked) {
    auto recorder =
        make_recording_provider(std::move(inner), file, "a test", pool, SystemClock::instance())
            .value();
    CollectingSink sink;
    ASSERT_TRUE(run_task(recorder->exchange(asked, sink)));
  }
  Result<void> replay(const ports::LlmRequest& asked, CollectingSink& sink) {
    auto player = make_replay_provider(file, {.max_delay = std::chrono::milliseconds(0)},
                                       SystemClock::instance())
                      .value();
    return run_task(player->exchange(asked, sink));
  }
  TemporaryFolder folder;
  std::filesystem::path file = folder / "a.cassette";
  BlockingPool pool{1};
};

TEST_F(RecordAndReplay, GivesTheSameAnswerInWholeEvents) {
  record(canned({"event: a\ndata: \"caf\xC3", "\xA9\"\n\nevent: b\n", "data: 1\n\n"}),
         request("[]"));
  CollectingSink sink;
  ASSERT_TRUE(replay(request("[]"), sink));
  EXPECT_EQ(sink.answer.status, 200);
  EXPECT_EQ(sink.answer.headers.at("content-type"), "text/event-stream");
  EXPECT_EQ(sink.text, "event: a\ndata: \"caf\xC3\xA9\"\n\nevent: b\ndata: 1\n\n");
}

TEST_F(RecordAndReplay, PrefersTheAnswerThatSucceeded) {
  record(canned({"{}"}, 529), request("[]"));
  record(canned({"data: good\n\n"}), request("[]"));
  CollectingSink sink;
  ASSERT_TRUE(replay(request("[]"), sink));
  EXPECT_EQ(sink.text, "data: good\n\n");
}

TEST_F(RecordAndReplay, SaysWhatDoesNotFit) {
  record(canned({"data: 1\n\n"}), request(R"(["one"])"));
  CollectingSink sink;
  const auto refused = replay(request(R"(["two"])"), sink);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  EXPECT_THAT(refused.error().message,
              HasSubstr("turn 1: $.messages[0].content[0].text is recorded as \"Go. "
                        "SCRIPT:[\"one\"]\", and came as \"Go. SCRIPT:[\"two\"]\""));
}

TEST_F(RecordAndReplay, EstimatesTokensThatWereNotCounted) {
  record(canned({"data: 1\n\n"}), request("[]"));
  auto count = request("[]");
  count.path = "/v1/messages/count_tokens";
  CollectingSink sink;
  ASSERT_TRUE(replay(count, sink));
  EXPECT_GT(find_int(parse_json(sink.text, "answer").value(), {"input_tokens"}), 10);
}

TEST_F(RecordAndReplay, KeepsNoHeaderOfTheRequest) {
  auto asked = request("[]");
  asked.headers["x-secret"] = "swordfish";
  record(canned({"data: 1\n\n"}), asked);
  EXPECT_THAT(read_file(file).value(), Not(HasSubstr("swordfish")));
}

TEST_F(RecordAndReplay, DoesNotRecordAnAnswerThatBrokeOff) {
  auto broken = std::make_unique<CannedProvider>();
  broken->outcome = fail(ErrorCode::unavailable, "gone");
  auto recorder =
      make_recording_provider(std::move(broken), file, "", pool, SystemClock::instance()).value();
  CollectingSink sink;
  EXPECT_FALSE(run_task(recorder->exchange(request("[]"), sink)));
  EXPECT_TRUE(parse_cassette(read_file(file).value()).value().exchanges.empty());
}

TEST_F(RecordAndReplay, CutsOffWhatACrashLeftAndGoesOn) {
  record(canned({"data: 1\n\n"}), request(R"(["one"])"));
  const auto whole = read_file(file).value();
  ASSERT_TRUE(write_file_atomically(file, whole + R"({"request":{"pa)"));
  record(canned({"data: 2\n\n"}), request(R"(["two"])"));
  EXPECT_EQ(parse_cassette(read_file(file).value()).value().exchanges.size(), 2u);
}

TEST_F(RecordAndReplay, RefusesToContinueAnotherFile) {
  ASSERT_TRUE(write_file_atomically(file, "important notes\n"));
  const auto refused = make_recording_provider(canned({}), file, "", pool, SystemClock::instance());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::corrupt);
  EXPECT_EQ(read_file(file).value(), "important notes\n");
}

}  // namespace
}  // namespace corral::adapters::llm
