// The protocol with a live Claude Code process: its two-way stream-json, one JSON object a line
// each way.
//
// To it: a control_request "initialize" and the prompt, at once; answers to its permission
// requests; interrupts. From it: system/init, assistant and user messages, control_request
// "can_use_tool", system/api_retry, and one `result`. What is unknown is passed over, since every
// version of the CLI adds lines.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "adapters/agent/event_text.h"
#include "adapters/agent/line_splitter.h"
#include "ports/agent.h"

namespace corral::adapters::agent {

class ClaudeDriver final : public ports::AgentDriver {
 public:
  static constexpr std::size_t kMaxLineBytes = kMaxProtocolLine;

  explicit ClaudeDriver(const ports::AgentTask& task);
  Step begin() override;
  Step on_output(std::string_view bytes) override;
  Step answer(std::string_view permission_id, bool allow, std::string_view message) override;
  Step interrupt() override;
  Step prompt(std::string_view text) override;
  Step set_permission_policy(std::string_view policy) override;
  ports::AgentResult on_exit(int exit_code, std::string_view last_errors) override;

 private:
  struct Question {
    std::string tool;
    json::value input;  // exactly as asked: an allowed call gets it back
  };

  void on_line(Step& step, std::string_view line);
  void on_system(Step& step, const json::value& line);
  void on_assistant(Step& step, const json::value& line);
  void on_user(Step& step, const json::value& line);
  void on_control_request(Step& step, const json::value& line);
  void on_control_cancel(Step& step, const json::value& line);
  void on_result(Step& step, const json::value& line);
  void say(Step& step, const std::string& id, std::string_view text);

  std::string prompt_, session_id_;
  std::deque<std::string> prompts_;  // added since, to be said one a turn
  bool people_decide_;  // otherwise all is allowed at once, and the log does not dwell on it
  LineSplitter lines_{kMaxLineBytes};
  std::map<std::string, Question, std::less<>> questions_;  // asked and not answered
  std::map<std::string, std::string, std::less<>>
      calls_;              // tool calls without a result yet: what each is about
  std::string last_call_;  // the one shown last
  std::string last_error_;
  int interrupts_ = 0, said_ = 0;
  bool started_ = false, interrupted_ = false, finished_ = false;
};

}  // namespace corral::adapters::agent
