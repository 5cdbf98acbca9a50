// The client's side of the Agent Client Protocol, version 1 (agentclientprotocol.com):
// JSON-RPC 2.0, one message a line each way, with a live agent process.
//
// To it: initialize, session/new or session/load, session/prompt, answers to its permission
// requests, session/cancel. From it: session/update notifications, session/request_permission, and
// the answer to the prompt, which ends the turn. What is unknown is passed over; requests for what
// is not offered (the client's files and terminals) are refused, since the agent has its own.
#pragma once

#include <map>
#include <set>
#include <string>

#include "adapters/agent/acp_tool_call.h"
#include "adapters/agent/json_lines_driver.h"

namespace corral::adapters::agent {

class AcpDriver final : public JsonLinesDriver {
 public:
  AcpDriver(const ports::AgentTask& task, std::string title);
  Step begin() override;
  Step answer(std::string_view permission_id, bool allow, std::string_view message) override;
  Step interrupt() override;

 private:
  struct Question {
    json::value rpc_id;
    std::string call;  // the tool call that it is about
    std::string tool;
    json::value input;
    std::string allow, deny;  // the options, by kind; empty: there is none
  };
  enum class Speech { none, message, thought };

  void on_message(Step& step, const json::value& message) override;
  const std::string* open_question() const override;
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
  void end(Step& step, ports::AgentResult result);

  const std::string session_to_load_, model_;
  int last_id_ = 0;          // of our requests
  std::string waiting_for_;  // the method of the last one, until it is answered
  std::string session_;      // once it is open
  std::map<std::string, Question, std::less<>> questions_;  // asked and not answered
  std::map<std::string, AcpToolCall, std::less<>> calls_;   // without a result yet
  std::set<std::string, std::less<>> denied_;               // calls of which no more is told
  std::string last_call_;                                   // the one shown last
  Speech speech_ = Speech::none;
  std::string words_, words_id_;  // of the message that is being said
  std::string last_message_, last_plan_, denial_;
  json::object usage_;
  int turns_ = 0, interrupts_ = 0;
};

}  // namespace corral::adapters::agent
