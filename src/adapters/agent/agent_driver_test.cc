// The drivers, fed with streams of the real CLI (testdata/, recorded against
// tests/tools/model_server.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/agent/agents.h"
#include "adapters/agent/claude_driver.h"
#include "adapters/agent/testing/played.h"

namespace corral::adapters::agent {
namespace {

using ports::AgentEvent;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Kind = AgentEvent::Kind;

ports::AgentTask task() {
  return {.prompt = "Fix it.",
          .session_id = "019e0000-0000-7000-8000-000000000001",
          .gateway_url = "http://127.0.0.1:8377",
          .gateway_token = "token",
          .permission_policy = "ask"};
}

// Plays a stream in pieces of `piece` bytes, answering every question at once.
Played play(const std::string& stream, std::size_t piece, bool allow = true) {
  ClaudeDriver driver(task());
  Played played;
  played.take(driver.begin());
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    auto step = driver.on_output(std::string_view(stream).substr(at, piece));
    const auto events = step.events;
    played.take(std::move(step));
    for (const auto& event : events)
      if (event.kind == Kind::permission_request)
        played.take(driver.answer(event.id, allow, allow ? "" : "not now"));
  }
  return played;
}

TEST(ClaudeDriver, FollowsARunWithEditsAndAsksForEach) {
  const auto played = play(recorded("edits"), 1 << 20);
  EXPECT_THAT(played.kinds, ElementsAre("started", "thought", "message", "tool_call",
                                        "permission_request", "tool_result", "tool_call",
                                        "permission_request", "tool_result", "message", "usage",
                                        "finished", "permission_answer", "permission_answer"));
  ASSERT_TRUE(played.result);
  EXPECT_TRUE(played.result->ok);
  EXPECT_EQ(played.result->summary, "All done.");
  EXPECT_EQ(played.result->turns, 3);
  EXPECT_GT(played.result->cost_usd, 0);
  EXPECT_TRUE(played.events[8].is_error);
  EXPECT_THAT(played.events[8].text, HasSubstr("No such file or directory"));
}

TEST(ClaudeDriver, GivesTheSameForAnySplitOfTheStream) {
  for (const char* name : {"edits", "denied", "retried", "refused", "interrupted", "parallel"}) {
    const auto stream = recorded(name);
    const auto line_by_line = play(stream, 1);
    for (const std::size_t piece : {7, 64}) {
      const auto played = play(stream, piece);
      EXPECT_EQ(played.text, line_by_line.text) << name;
      EXPECT_EQ(played.kinds, line_by_line.kinds) << name;
      EXPECT_EQ(played.inputs.size(), line_by_line.inputs.size()) << name;
    }
  }
}

TEST(ClaudeDriver, SaysWhoseResultItIsWhenCallsWereMadeAtOnce) {
  const auto text = play(recorded("parallel"), 1 << 20).text;
  EXPECT_THAT(text, HasSubstr("  Bash touch b && ls\n  └ a\n    b\n"));
}

TEST(ClaudeDriver, SpeaksFirstAndNamesItsInputsTheSameWayEveryTime) {
  ClaudeDriver driver(task());
  const auto step = driver.begin();
  ASSERT_EQ(step.inputs.size(), 2u);
  EXPECT_EQ(step.inputs[0].id, "init");
  EXPECT_EQ(step.inputs[1].id, "prompt");
  EXPECT_THAT(step.inputs[1].bytes, HasSubstr("\"content\":\"Fix it.\""));
  EXPECT_TRUE(step.inputs[1].bytes.ends_with('\n'));
}

constexpr std::string_view kGoodResult =
    R"({"type":"result","subtype":"success","is_error":false,"num_turns":1,"result":"Done."})"
    "\n";

TEST(ClaudeDriver, GivesAFurtherPromptOnceTheTurnHasEnded) {
  ClaudeDriver driver(task());
  (void)driver.begin();
  Played told;
  told.take(driver.prompt("And that."));
  EXPECT_TRUE(told.inputs.empty());
  EXPECT_EQ(told.kinds, std::vector<std::string>{"prompt"});
  EXPECT_EQ(told.events[0].text, "And that.");
  const auto turn = driver.on_output(kGoodResult);
  EXPECT_FALSE(turn.result);
  const auto& given = turn.events.back();
  EXPECT_EQ(given.kind, ports::AgentEvent::Kind::prompt_given);
  EXPECT_EQ(given.id, told.events[0].id);
  EXPECT_EQ(given.text, "And that.");
  ASSERT_EQ(turn.inputs.size(), 1u);
  EXPECT_EQ(turn.inputs[0].id, "further-1");
  EXPECT_THAT(turn.inputs[0].bytes, HasSubstr("\"content\":\"And that.\""));
  EXPECT_TRUE(driver.on_output(kGoodResult).result);
  EXPECT_TRUE(driver.prompt("Too late.").events.empty());
}

TEST(ClaudeDriver, GoesOnWithTheFurtherPromptWhenItIsInterrupted) {
  ClaudeDriver driver(task());
  (void)driver.begin();
  (void)driver.prompt("Rather that.");
  EXPECT_EQ(driver.interrupt().inputs.at(0).id, "interrupt-1");
  constexpr std::string_view kAborted =
      R"({"type":"result","subtype":"error_during_execution","is_error":true,"terminal_reason":"aborted_tools"})"
      "\n";
  const auto turn = driver.on_output(kAborted);
  EXPECT_FALSE(turn.result);
  EXPECT_THAT(turn.inputs.at(0).bytes, HasSubstr("Rather that."));
  // Without one, and without an interrupt, a failure is the end.
  (void)driver.prompt("Never said.");
  Played end;
  end.take(driver.on_output(kAborted));
  EXPECT_FALSE(end.result.value().ok);
  EXPECT_THAT(end.kinds, Not(Contains("prompt_given")));
}

TEST(ClaudeDriver, AllowsWhatIsAskedWhenNobodyIsToBeAskedAnyMore) {
  ClaudeDriver driver(task());
  (void)driver.on_output(
      R"({"type":"control_request","request_id":"r1","request":{"subtype":"can_use_tool","tool_name":"Bash","input":{}}})"
      "\n");
  const auto told = driver.set_permission_policy("workspace");
  EXPECT_EQ(told.inputs.at(0).id, "permission-r1");
  EXPECT_EQ(told.events.at(0).text, "allowed");
}

TEST(ClaudeDriver, SplitsAPromptThatIsLargerThanOneInput) {
  auto large = task();
  large.prompt.assign(10u << 20, 'x');
  const auto step = ClaudeDriver(large).begin();
  ASSERT_EQ(step.inputs.size(), 4u);
  EXPECT_EQ(step.inputs[3].id, "prompt-2");
  std::size_t total = 0;
  for (const auto& input : step.inputs) total += input.bytes.size();
  EXPECT_GT(total, 10u << 20);
}

TEST(ClaudeDriver, AllowsWithTheInputAsItWasAskedAndOnlyOnce) {
  ClaudeDriver driver(task());
  const auto asked = driver.on_output(
      R"({"type":"control_request","request_id":"r1","request":{"subtype":"can_use_tool","tool_name":"Bash","input":{"command":"make test"}}})"
      "\n");
  ASSERT_EQ(asked.events.size(), 1u);
  EXPECT_EQ(asked.events[0].id, "r1");
  EXPECT_EQ(asked.events[0].text, "make test");
  const auto answer = driver.answer("r1", true, "");
  ASSERT_EQ(answer.inputs.size(), 1u);
  EXPECT_EQ(answer.inputs[0].id, "permission-r1");
  EXPECT_EQ(
      parse_json(answer.inputs[0].bytes, "answer").value(),
      parse_json(R"({"type":"control_response","response":{"subtype":"success","request_id":"r1",
                           "response":{"behavior":"allow","updatedInput":{"command":"make test"}}}})",
                 "wanted")
          .value());
  EXPECT_TRUE(driver.answer("r1", true, "").inputs.empty());
}

TEST(ClaudeDriver, DoesNotDwellInTheLogOnWhatIsAllowedAnyway) {
  auto free = task();
  free.permission_policy = "workspace";
  ClaudeDriver driver(free);
  const auto asked = driver.on_output(
      R"({"type":"control_request","request_id":"r1","request":{"subtype":"can_use_tool","tool_name":"Bash","input":{}}})"
      "\n");
  EXPECT_EQ(asked.events.size(), 1u);
  EXPECT_EQ(asked.text + driver.answer("r1", true, "").text, "");
}

TEST(ClaudeDriver, DeniesWithTheReason) {
  const auto played = play(recorded("denied"), 1 << 20, false);
  EXPECT_THAT(played.inputs.back().bytes, HasSubstr(R"("behavior":"deny","message":"not now")"));
  EXPECT_THAT(played.text, HasSubstr("✘ denied: not now"));
  EXPECT_TRUE(played.result->ok);  // the agent went on without it
}

TEST(ClaudeDriver, ReportsAFailedModelCallAsAFailure) {
  const auto played = play(recorded("refused"), 100);
  ASSERT_TRUE(played.result);
  EXPECT_FALSE(played.result->ok);  // although its subtype is "success"
  EXPECT_EQ(played.result->summary, "API Error: 402 scripted failure");
  EXPECT_THAT(played.kinds, ElementsAre("started", "error", "usage", "finished"));
}

TEST(ClaudeDriver, SaysThatTheModelIsTriedAgain) {
  const auto played = play(recorded("retried"), 100);
  EXPECT_THAT(played.text,
              HasSubstr("! the model did not answer (overloaded, status 529); attempt 1 of 2"));
  EXPECT_TRUE(played.result->ok);
}

TEST(ClaudeDriver, TellsAnInterruptedRunFromAFailedOne) {
  const auto played = play(recorded("interrupted"), 100);
  EXPECT_FALSE(played.result->ok);
  EXPECT_EQ(played.result->summary, "it was interrupted");
}

TEST(ClaudeDriver, SkipsALineThatIsTooLongAndGoesOn) {
  ClaudeDriver driver(task());
  Played played;
  const std::string piece(1u << 20, 'x');
  for (int i = 0; i < 9; ++i) played.take(driver.on_output(piece));
  played.take(
      driver.on_output("\n{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\","
                       "\"text\":\"still here\"}]}}\n"));
  EXPECT_THAT(played.kinds, ElementsAre("error", "message"));
}

TEST(ClaudeDriver, PassesOverWhatItDoesNotKnow) {
  ClaudeDriver driver(task());
  const auto step = driver.on_output(
      "{\"type\":\"novelty\"}\n\n{\"type\":\"system\",\"subtype\":\"thinking_tokens\"}\n[1]\nnot "
      "json\n");
  ASSERT_EQ(step.events.size(), 2u);
  EXPECT_EQ(step.events[1].text, "not json");
  EXPECT_EQ(step.events[1].kind, Kind::notice);
}

TEST(ClaudeDriver, AnswersQuestionsItCannotAnswerRatherThanLetTheAgentWait) {
  ClaudeDriver driver(task());
  const auto step = driver.on_output(
      R"({"type":"control_request","request_id":"h","request":{"subtype":"hook_callback"}})"
      "\n");
  ASSERT_EQ(step.inputs.size(), 1u);
  EXPECT_THAT(step.inputs[0].bytes, HasSubstr("\"subtype\":\"error\""));
}

TEST(ClaudeDriver, TakesTerminalSequencesOutOfWhatPeopleRead) {
  ClaudeDriver driver(task());
  const json::value line{{"type", "assistant"},
                         {"message",
                          {{"content",
                            {{{"type", "text"},
                              {"text",
                               "a\x1b]52;c;c2VjcmV0\x07"
                               "b\x1b[31mc\xc2\x9b"
                               "2Jd\xe2\x80\xae"}}}}}}};
  const auto step = driver.on_output(json::serialize(line) + "\n");
  EXPECT_EQ(step.text, "● abcd\n");
  EXPECT_EQ(step.events.at(0).text, "abcd");
}

TEST(ClaudeDriver, ExplainsAnEarlyEndWithTheProgramsLastWords) {
  const auto result = ClaudeDriver(task()).on_exit(1, "No conversation found\n");
  EXPECT_FALSE(result.ok);
  EXPECT_EQ(result.summary,
            "Claude Code ended with exit code 1 before it gave a result: No conversation found");
}

TEST(CommandDriver, GivesThePromptAndClosesStdin) {
  auto command = task();
  command.command = {"sh", "-c", "cat"};
  auto driver = make_command_agent()->driver(command);
  const auto begin = driver->begin();
  ASSERT_EQ(begin.inputs.size(), 1u);
  EXPECT_EQ(begin.inputs[0].bytes, "Fix it.");
  EXPECT_TRUE(begin.close_input);
  std::string text;
  for (const char c : std::string("one\r\ntwo \x1b[1mbold\x1b[0m \xff\n"))
    text += driver->on_output({&c, 1}).text;
  EXPECT_EQ(text, "one\ntwo bold \xEF\xBF\xBD\n");
  EXPECT_TRUE(driver->on_exit(0, "").ok);
  EXPECT_EQ(driver->on_exit(2, "").summary,
            "sh -c cat ended with exit code 2: two bold \xEF\xBF\xBD");
}

TEST(CommandAgent, RefusesARunWithoutAProgram) {
  EXPECT_EQ(make_command_agent()->launch(task()).error().code, ErrorCode::invalid);
}

TEST(CommandAgent, LeavesALargePromptOutOfTheEnvironment) {
  auto command = task();
  command.command = {"cat"};
  EXPECT_EQ(make_command_agent()->launch(command)->process.env.at("CORRAL_PROMPT"), "Fix it.");
  command.prompt.assign(200'000, 'x');
  EXPECT_FALSE(make_command_agent()->launch(command)->process.env.contains("CORRAL_PROMPT"));
}

}  // namespace
}  // namespace corral::adapters::agent
