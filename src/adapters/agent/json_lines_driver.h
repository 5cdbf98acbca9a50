// What the protocols have in common that are JSON objects, one a line each way: reading the lines,
// further prompts, who decides about questions, and how an agent ends.
#pragma once

#include <deque>
#include <string>

#include "adapters/agent/event_text.h"
#include "adapters/agent/line_splitter.h"
#include "ports/agent.h"

namespace corral::adapters::agent {

class JsonLinesDriver : public ports::AgentDriver {
 public:
  // A line that is no JSON object is told as a notice, one beyond kMaxProtocolLine as an error.
  Step on_output(std::string_view bytes) final;
  // Kept for the protocol to say when the turn has ended.
  Step prompt(std::string_view text) final;
  Step set_permission_policy(std::string_view policy) final;
  ports::AgentResult on_exit(int exit_code, std::string_view last_errors) final;

 protected:
  // `title` names the agent to people: "Codex".
  JsonLinesDriver(const ports::AgentTask& task, std::string title);

  virtual void on_message(Step& step, const json::value& message) = 0;  // always an object
  // A question that nobody has answered, by its permission id; null: there is none.
  virtual const std::string* open_question() const = 0;

  void add_answer(Step& step, const std::string& permission_id, std::string tool, bool allow,
                  std::string_view message) const;
  // The last thing that is told. `result.summary` is made safe to print, and cut.
  void finish(Step& step, ports::AgentResult result, std::string session_id);

  // A task, to be said before all that waits or after it. People know nothing of it, or see it
  // elsewhere.
  void say_first(std::string text) { prompts_.push_front({{}, std::move(text)}); }
  void say_last(std::string text) { prompts_.push_back({{}, std::move(text)}); }
  bool has_more_to_say() const { return !prompts_.empty(); }
  // What waits the longest, which the agent now gets; there must be something.
  std::string next_to_say(Step& step);
  // It is not said at all.
  void drop_next_to_say() { prompts_.pop_front(); }

  const std::string title_;
  bool people_decide_;      // otherwise all is allowed at once, and the log does not dwell on it
  std::string last_error_;  // why it may have ended, when it gives no reason
  bool interrupted_ = false, finished_ = false;

 private:
  struct Prompt {
    std::string id;  // of a person's further prompt
    std::string text;
  };
  void on_line(Step& step, std::string_view line);

  std::deque<Prompt> prompts_;  // to be said, one a turn
  int further_ = 0;             // of people, so far
  LineSplitter lines_{kMaxProtocolLine};
};

}  // namespace corral::adapters::agent
