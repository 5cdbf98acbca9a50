// The ACP driver, fed with streams of the real agents (testdata/acp, recorded against a scripted
// model).
#include "adapters/agent/acp_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/agent/testing/played.h"

namespace corral::adapters::agent {
namespace {

using ports::AgentEvent;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Kind = AgentEvent::Kind;

std::string acp_stream(std::string_view name) { return recorded(fmt::format("acp/{}", name)); }

ports::AgentTask task(bool resume = false) {
  return {.prompt = "Fix it.",
          .session_id = "019e0000-0000-7000-8000-000000000001",
          .resume = resume,
          .permission_policy = "ask"};
}

struct Play {
  bool allow = true;
  ports::AgentTask with = task();
  std::size_t piece = 1 << 20;
};

// Every question is answered as soon as its line is there.
Played play(const std::string& stream, Play how = {}) {
  AcpDriver driver(how.with, "Tester");
  Played played;
  played.take(driver.begin());
  std::size_t at = 0;
  while (at < stream.size()) {
    const auto line = stream.find('\n', at) + 1;
    const auto size = std::min(how.piece, line - at);
    auto step = driver.on_output(std::string_view(stream).substr(at, size));
    at += size;
    const auto events = step.events;
    played.take(std::move(step));
    for (const auto& event : events)
      if (event.kind == Kind::permission_request)
        played.take(driver.answer(event.id, how.allow, how.allow ? "" : "not now"));
  }
  return played;
}

TEST(AcpDriver, FollowsCodexWhichIsNotAskedAnything) {
  const auto played = play(acp_stream("codex_works"));
  EXPECT_THAT(played.kinds, ElementsAre("started", "message", "tool_call", "tool_result", "message",
                                        "usage", "finished"));
  EXPECT_EQ(played.events[0].id, "01a1fee2-a910-7460-96eb-74fa774757d7");
  EXPECT_EQ(played.events[0].text, "gpt-5-codex");
  EXPECT_EQ(played.events[2].tool, "execute");
  EXPECT_EQ(played.events[2].text, "printf hi > hello.txt; ls");
  EXPECT_EQ(played.events[3].text, "hello.txt\n");
  ASSERT_TRUE(played.result);
  EXPECT_TRUE(played.result->ok);
  EXPECT_EQ(played.result->summary, "Wrote it.");
}

TEST(AcpDriver, FollowsGeminiWhoseCallIsFirstToldOfInItsQuestion) {
  const auto played = play(acp_stream("gemini_works"));
  EXPECT_THAT(played.kinds,
              ElementsAre("started", "message", "tool_call", "permission_request",
                          "permission_answer", "tool_result", "message", "usage", "finished"));
  EXPECT_EQ(find_string(played.events[2].input, {"file_path"}), "/workspace/hello.txt");
  EXPECT_EQ(find_string(played.events[2].input, {"new_string"}), "hi\n");
  EXPECT_THAT(played.text, HasSubstr("● edit hello.txt\n    + hi\n"));
  EXPECT_EQ(find_string(played.input(3), {"result", "outcome", "optionId"}), "proceed_once");
  EXPECT_EQ(find_int(played.first(Kind::usage).input, {"input_tokens"}), 23641);
}

TEST(AcpDriver, FollowsOpencodeAndRefusesItsFileRequests) {
  const auto played = play(acp_stream("opencode_works"));
  EXPECT_THAT(played.kinds,
              ElementsAre("started", "message", "tool_call", "permission_request",
                          "permission_answer", "tool_result", "message", "usage", "finished"));
  EXPECT_EQ(find_string(played.input(3), {"result", "outcome", "optionId"}), "once");
  EXPECT_EQ(played.inputs[4].id, "reply-1");
  EXPECT_EQ(find_int(played.input(4), {"error", "code"}), -32601);
  EXPECT_TRUE(played.result && played.result->ok);
}

TEST(AcpDriver, GivesTheSameForAnySplitOfTheStream) {
  for (const char* name :
       {"codex_works", "codex_denied", "gemini_denied", "opencode_works", "opencode_interrupted"}) {
    const auto stream = acp_stream(name);
    const auto whole = play(stream);
    for (const std::size_t piece : {1, 7, 300}) {
      const auto split = play(stream, {.piece = piece});
      EXPECT_EQ(split.text, whole.text) << name;
      EXPECT_EQ(split.kinds, whole.kinds) << name;
      ASSERT_EQ(split.inputs.size(), whole.inputs.size()) << name;
      for (std::size_t i = 0; i < whole.inputs.size(); ++i) {
        EXPECT_EQ(split.inputs[i].id, whole.inputs[i].id) << name;
        EXPECT_EQ(split.inputs[i].bytes, whole.inputs[i].bytes) << name;
      }
    }
  }
}

TEST(AcpDriver, ChoosesWhatDeniesByItsKind) {
  for (const auto& [name, option] :
       {std::pair{"gemini_denied", "cancel"}, std::pair{"opencode_denied", "reject"}}) {
    const auto played = play(acp_stream(name), {.allow = false});
    EXPECT_EQ(find_string(played.input(3), {"result", "outcome", "optionId"}), option);
    EXPECT_THAT(played.text, HasSubstr("✘ denied: not now"));
    EXPECT_TRUE(played.result && played.result->ok) << played.text;
    EXPECT_EQ(std::ranges::count(played.kinds, "tool_result"), 0) << name;
  }
}

TEST(AcpDriver, TellsAnAgentThatStopsAtADenialToGoOn) {
  auto stream = acp_stream("codex_denied");
  const auto stopped = play(stream, {.allow = false});
  EXPECT_FALSE(stopped.result);
  const auto& told = stopped.inputs.back();
  EXPECT_EQ(told.id, "request-4");
  EXPECT_THAT(told.bytes, HasSubstr("not now Go on without it."));
  stream += R"({"jsonrpc":"2.0","result":{"stopReason":"end_turn"},"id":4})"
            "\n";
  const auto played = play(stream, {.allow = false});
  ASSERT_TRUE(played.result);
  EXPECT_TRUE(played.result->ok);
  EXPECT_EQ(played.result->turns, 2);
}

TEST(AcpDriver, LoadsASessionWithoutTellingItsStoryAgain) {
  const auto played = play(acp_stream("codex_loads"), {.with = task(true)});
  EXPECT_EQ(find_string(played.input(1), {"method"}), "session/load");
  EXPECT_EQ(find_string(played.input(1), {"params", "sessionId"}), task().session_id);
  EXPECT_EQ(played.events[0].id, task().session_id);
  EXPECT_THAT(played.text, Not(HasSubstr("Wrote it.")));
  // Its own warning about the model stands in the same message.
  EXPECT_THAT(played.result.value().summary, testing::EndsWith("Again."));
}

TEST(AcpDriver, SpeaksFirstAndAsksForTheWorkspaceOnly) {
  AcpDriver driver(task(), "Tester");
  Played played;
  played.take(driver.begin());
  EXPECT_EQ(find_string(played.input(0), {"method"}), "initialize");
  EXPECT_FALSE(find_bool(played.input(0), {"params", "clientCapabilities", "terminal"}, true));
  played.take(driver.on_output(R"({"jsonrpc":"2.0","id":1,"result":{"protocolVersion":1}})"
                               "\n"));
  EXPECT_EQ(find_string(played.input(1), {"params", "cwd"}), "/workspace");
  played.take(driver.on_output(R"({"jsonrpc":"2.0","id":2,"result":{"sessionId":"s"}})"
                               "\n"));
  EXPECT_EQ(played.inputs[2].id, "request-3");
  EXPECT_THAT(played.inputs[2].bytes, HasSubstr("Fix it."));
}

// A driver whose session is open and has its prompt.
struct Open {
  AcpDriver driver{task(), "Tester"};
  Played played;
  Open() {
    played.take(driver.begin());
    tell(R"({"jsonrpc":"2.0","id":1,"result":{"protocolVersion":1}})");
    tell(R"({"jsonrpc":"2.0","id":2,"result":{"sessionId":"s"}})");
  }
  void tell(std::string line) { played.take(driver.on_output(line + "\n")); }
  void update(std::string_view update) {
    tell(fmt::format(
        R"({{"jsonrpc":"2.0","method":"session/update","params":{{"sessionId":"s","update":{}}}}})",
        update));
  }
};

TEST(AcpDriver, InterruptsAndTakesBackWhatWasAsked) {
  Open open;
  open.tell(
      R"({"jsonrpc":"2.0","id":"q","method":"session/request_permission","params":{"toolCall":{"toolCallId":"c","kind":"execute","title":"make"},"options":[]}})");
  Played stopped;
  stopped.take(open.driver.interrupt());
  ASSERT_EQ(stopped.inputs.size(), 2u);
  EXPECT_EQ(find_string(stopped.input(0), {"result", "outcome", "outcome"}), "cancelled");
  EXPECT_EQ(find_string(stopped.input(1), {"method"}), "session/cancel");
  EXPECT_EQ(stopped.events.at(0).text, "withdrawn");
  open.tell(R"({"jsonrpc":"2.0","id":3,"result":{"stopReason":"cancelled"}})");
  ASSERT_TRUE(open.played.result);
  EXPECT_FALSE(open.played.result->ok);
  EXPECT_EQ(open.played.result->summary, "it was interrupted");
}

TEST(AcpDriver, GivesAFurtherPromptOnceTheTurnHasEnded) {
  Open open;
  Played told;
  told.take(open.driver.prompt("And that."));
  EXPECT_TRUE(told.inputs.empty());
  EXPECT_THAT(told.text, HasSubstr("› And that.\n"));
  EXPECT_EQ(told.kinds, std::vector<std::string>{"prompt"});
  EXPECT_THAT(open.played.kinds, Not(Contains("prompt_given"))) << "of its task nothing is told";
  open.tell(R"({"jsonrpc":"2.0","id":3,"result":{"stopReason":"end_turn"}})");
  EXPECT_FALSE(open.played.result);
  const auto& given = open.played.first(Kind::prompt_given);
  EXPECT_EQ(given.id, told.events[0].id);
  EXPECT_EQ(given.text, "And that.");
  EXPECT_THAT(open.played.text, HasSubstr("» And that.\n"));
  EXPECT_THAT(open.played.inputs.back().bytes, HasSubstr("And that."));
  open.tell(R"({"jsonrpc":"2.0","id":4,"result":{"stopReason":"end_turn"}})");
  EXPECT_EQ(open.played.result.value().turns, 2);
  EXPECT_TRUE(open.driver.prompt("Too late.").events.empty());
}

TEST(AcpDriver, GoesOnWithTheFurtherPromptWhenItIsInterrupted) {
  Open open;
  open.played.take(open.driver.prompt("Rather that."));
  open.played.take(open.driver.interrupt());
  EXPECT_TRUE(open.played.sent("session/cancel"));
  open.tell(R"({"jsonrpc":"2.0","id":3,"result":{"stopReason":"cancelled"}})");
  EXPECT_THAT(open.played.inputs.back().bytes, HasSubstr("Rather that."));
  open.tell(R"({"jsonrpc":"2.0","id":4,"result":{"stopReason":"end_turn"}})");
  EXPECT_TRUE(open.played.result.value().ok);
}

TEST(AcpDriver, AllowsWhatIsAskedWhenNobodyIsToBeAskedAnyMore) {
  Open open;
  open.tell(
      R"({"jsonrpc":"2.0","id":"q","method":"session/request_permission","params":{"toolCall":{"toolCallId":"c","kind":"execute","title":"make"},"options":[{"optionId":"y","kind":"allow_once"}]}})");
  Played told;
  told.take(open.driver.set_permission_policy("workspace"));
  EXPECT_EQ(find_string(told.input(0), {"result", "outcome", "optionId"}), "y");
  EXPECT_EQ(told.events.at(0).text, "allowed");
}

TEST(AcpDriver, SaysWhatAFailedRequestSays) {
  Open open;
  open.tell(
      R"({"jsonrpc":"2.0","id":3,"error":{"code":-32603,"message":"Internal error","data":{"details":"429 quota exceeded"}}})");
  ASSERT_TRUE(open.played.result);
  EXPECT_FALSE(open.played.result->ok);
  EXPECT_EQ(open.played.result->summary, "Internal error: 429 quota exceeded");
}

TEST(AcpDriver, RefusesAnotherVersionOfTheProtocol) {
  AcpDriver driver(task(), "Tester");
  Played played;
  played.take(driver.begin());
  played.take(driver.on_output(R"({"jsonrpc":"2.0","id":1,"result":{"protocolVersion":2}})"
                               "\n"));
  EXPECT_THAT(played.result.value().summary, HasSubstr("version 2"));
}

TEST(AcpDriver, PutsTheWordsOfAMessageTogether) {
  Open open;
  for (const char* word : {"One ", "message", "."})
    open.update(fmt::format(
        R"({{"sessionUpdate":"agent_message_chunk","content":{{"type":"text","text":"{}"}}}})",
        word));
  open.update(R"({"sessionUpdate":"agent_thought_chunk","content":{"type":"text","text":"Hm."}})");
  open.tell(R"({"jsonrpc":"2.0","id":3,"result":{"stopReason":"end_turn"}})");
  EXPECT_EQ(open.played.first(Kind::message).text, "One message.");
  EXPECT_EQ(open.played.first(Kind::thought).text, "Hm.");
}

TEST(AcpDriver, ShowsAPlanWhenItChanges) {
  Open open;
  const std::string plan =
      R"({"sessionUpdate":"plan","entries":[{"content":"Look","status":"completed"},{"content":"Mend","status":"in_progress"}]})";
  open.update(plan);
  open.update(plan);
  EXPECT_EQ(std::ranges::count(open.played.kinds, "plan"), 1);
  EXPECT_EQ(open.played.first(Kind::plan).text, "[x] Look\n[>] Mend\n");
  EXPECT_THAT(open.played.text, HasSubstr("☰ [x] Look\n  [>] Mend\n"));
}

TEST(AcpDriver, PassesOverWhatItDoesNotKnow) {
  Open open;
  const auto before = open.played.kinds.size();
  open.update(R"({"sessionUpdate":"something_new"})");
  open.tell(R"({"jsonrpc":"2.0","method":"session/else","params":[]})");
  open.tell(R"({"jsonrpc":"2.0","id":99,"result":{}})");
  open.tell(R"({"jsonrpc":"2.0","method":"session/update"})");
  EXPECT_EQ(open.played.kinds.size(), before);
  open.tell("not JSON");
  EXPECT_EQ(open.played.kinds.back(), "notice");
  open.tell(R"({"jsonrpc":"2.0","id":5,"method":"terminal/create","params":{}})");
  EXPECT_EQ(find_int(open.played.input(open.played.inputs.size() - 1), {"error", "code"}), -32601);
}

TEST(AcpDriver, SaysHowAnAgentEndedThatGaveNoResult) {
  Open open;
  EXPECT_EQ(open.driver.on_exit(139, "Segmentation fault\n").summary,
            "Tester ended with exit code 139 before it gave a result: Segmentation fault");
}

}  // namespace
}  // namespace corral::adapters::agent
