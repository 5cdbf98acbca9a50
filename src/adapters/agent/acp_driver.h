// The client's side of the Agent Client Protocol, version 1 (agentclientprotocol.com):
// JSON-RPC 2.0, one message a line each way, with a live agent process.
//
// To it: initialize, session/new or session/load, session/prompt, answers to its permission
// requests, session/cancel. From it: session/update notifications, session/request_permission, and
// the answer to the prompt, which ends the turn. What is unknown is passed over; requests for what
// is not offered (the client's files and terminals) are refused, since the agent has its own.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>

#include "adapters/agent/acp_tool_call.h"
#include "adapters/agent/event_text.h"
#include "adapters/agent/line_splitter.h"
#include "ports/agent.h"

namespace corral::adapters::agent {

class AcpDriver final : public ports::AgentDriver {
 public:
  // `title` names the agent to people: "Codex".
  AcpDriver(const ports::AgentTask& task, std::string title);
  Step begin() override;
  Step on_output(std::string_view bytes) override;
  Step answer(std::string_view permission_id, bool allow, std::string_view message) override;
  Step interrupt() override;
  Step prompt(std::string_view text) override;
  Step set_permission_policy(std::string_view policy) override;
  ports::AgentResult on_exit(int exit_code, std::string_view last_errors) override;

 private:
  struct Question {
    json::value rpc_id;
    std::string call;  // the tool call that it is about
    std::string tool;
    json::value input;
    std::string allow, deny;  // the options, by kind; empty: there is none
  };
  enum class Speech { none, message, thought };

  void on_line(Step& step, std::string_view line);
  void on_request(Step& step, const json::value& message);
  void on_answer(Step& step, const json::value& message);
  void on_session(Step& step, const json::value& result);
  void on_turn_end(Step& step, const json::value& result);
  void on_update(Step& step, const json::value& update);
  void on_chunk(Step& step, Speech speech, const json::value& update);
  void on_plan(Step& step, const json::value& update);
  void on_tool_call(Step& step, const json::value& update);
  void on_permission(Step& step, const json::value& message);
  void show_call(Step& step, std::string_view id, AcpToolCall& call);
  AcpToolCall& call_of(std::string_view id);
  void end_speech(Step& step);
  void send_prompt(Step& step);
  void request(Step& step, std::string_view method, json::object params);
  void reply(Step& step, std::string input_id, const json::value& rpc_id, json::object outcome);
  void fail_with(Step& step, std::string why);
  void finish(Step& step, ports::AgentResult result);

  const std::string title_, session_to_load_, model_;
  bool people_decide_;  // otherwise all is allowed at once, and the log does not dwell on it
  LineSplitter lines_{kMaxProtocolLine};
  std::deque<std::string> prompts_;  // to be sent, one after the other
  int last_id_ = 0;                  // of our requests
  std::string waiting_for_;          // the method of the last one, until it is answered
  std::string session_;              // once it is open
  std::map<std::string, Question, std::less<>> questions_;  // asked and not answered
  std::map<std::string, AcpToolCall, std::less<>> calls_;   // without a result yet
  std::set<std::string, std::less<>> denied_;               // calls of which no more is told
  std::string last_call_;                                   // the one shown last
  Speech speech_ = Speech::none;
  std::string words_, words_id_;  // of the message that is being said
  std::string last_message_, last_plan_, denial_;
  json::object usage_;
  int turns_ = 0, interrupts_ = 0;
  bool interrupted_ = false, finished_ = false;
};

}  // namespace corral::adapters::agent
