// The protocol with a live Claude Code process: its two-way stream-json, one JSON object a line
// each way.
//
// To it: a control_request "initialize" and the prompt, at once; answers to its permission
// requests; interrupts. From it: system/init, assistant and user messages, control_request
// "can_use_tool", system/api_retry, and one `result`. What is unknown is passed over, since every
// version of the CLI adds lines.
#pragma once

#include <map>
#include <string>

#include "adapters/agent/json_lines_driver.h"

namespace corral::adapters::agent {

class ClaudeDriver final : public JsonLinesDriver {
 public:
  explicit ClaudeDriver(const ports::AgentTask& task);
  Step begin() override;
  Step answer(std::string_view permission_id, bool allow, std::string_view message) override;
  Step interrupt() override;

 private:
  struct Question {
    std::string tool;
    json::value input;  // exactly as asked: an allowed call gets it back
  };

  void on_message(Step& step, const json::value& message) override;
  const std::string* open_question() const override;
  void on_system(Step& step, const json::value& line);
  void on_assistant(Step& step, const json::value& line);
  void on_user(Step& step, const json::value& line);
  void on_control_request(Step& step, const json::value& line);
  void on_control_cancel(Step& step, const json::value& line);
  void on_result(Step& step, const json::value& line);
  void say(Step& step, const std::string& id, std::string_view text);

  std::string prompt_, session_id_;
  std::map<std::string, Question, std::less<>> questions_;  // asked and not answered
  std::map<std::string, std::string, std::less<>>
      calls_;              // tool calls without a result yet: what each is about
  std::string last_call_;  // the one shown last
  int interrupts_ = 0, said_ = 0;
  bool started_ = false;
};

}  // namespace corral::adapters::agent
