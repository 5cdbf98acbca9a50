#include "adapters/agent/claude_driver.h"

#include "adapters/agent/steps.h"
#include "adapters/agent/transcript.h"
#include "base/plain_text.h"

namespace corral::adapters::agent {
namespace {

using ports::AgentResult;
using Kind = ports::AgentEvent::Kind;
using Step = ports::AgentDriver::Step;

constexpr std::size_t kMaxOpenCalls = 1000;

std::string line_of(const json::value& value) { return json::serialize(value) + "\n"; }

// The text of a message's content, which is a string or a list of blocks.
std::string text_of(const json::value* content) {
  if (content == nullptr) return "";
  if (const auto* text = content->if_string()) return std::string(*text);
  std::string out;
  if (const auto* blocks = content->if_array())
    for (const auto& block : *blocks) {
      const auto type = find_string(block, {"type"});
      if (type != "text" && type.empty()) continue;
      if (!out.empty()) out += '\n';
      if (type == "text")
        out += find_string(block, {"text"});
      else
        out += fmt::format("[{}]", type);
    }
  return out;
}

}  // namespace

ClaudeDriver::ClaudeDriver(const ports::AgentTask& task)
    : JsonLinesDriver(task, "Claude Code"), prompt_(task.prompt), session_id_(task.session_id) {}

Step ClaudeDriver::begin() {
  Step step;
  step.inputs.push_back({"init", line_of({{"type", "control_request"},
                                          {"request_id", "init"},
                                          {"request", {{"subtype", "initialize"}}}})});
  say(step, "prompt", prompt_);
  return step;
}

void ClaudeDriver::say(Step& step, const std::string& id, std::string_view text) {
  add_input(step, id,
            line_of({{"type", "user"},
                     {"message", {{"role", "user"}, {"content", text}}},
                     {"parent_tool_use_id", nullptr},
                     {"session_id", session_id_}}));
}

void ClaudeDriver::on_message(Step& step, const json::value& message) {
  const auto type = find_string(message, {"type"});
  if (type == "assistant")
    on_assistant(step, message);
  else if (type == "user")
    on_user(step, message);
  else if (type == "system")
    on_system(step, message);
  else if (type == "control_request")
    on_control_request(step, message);
  else if (type == "control_cancel_request")
    on_control_cancel(step, message);
  else if (type == "result")
    on_result(step, message);
}

void ClaudeDriver::on_system(Step& step, const json::value& line) {
  const auto subtype = find_string(line, {"subtype"});
  if (subtype == "init" && !started_) {
    started_ = true;  // later turns announce themselves again
    const auto model = find_string(line, {"model"});
    add(step,
        {.kind = Kind::started,
         .id = std::string(find_string(line, {"session_id"})),
         .text = event_text(model)},
        render_started(model));
  } else if (subtype == "api_retry") {
    const auto status = find_int(line, {"error_status"});
    const auto text =
        fmt::format("the model did not answer ({}{}{}); attempt {} of {} in {:.1f} s",
                    find_string(line, {"error"}), status != 0 ? ", status " : "",
                    status != 0 ? std::to_string(status) : "", find_int(line, {"attempt"}),
                    find_int(line, {"max_retries"}), find_number(line, {"retry_delay_ms"}) / 1000);
    add(step, {.kind = Kind::notice, .text = plain_text(text)}, render_notice(text));
  } else if (subtype == "permission_denied") {
    const auto text = fmt::format("{} was denied: {}", find_string(line, {"tool_name"}),
                                  find_string(line, {"message"}));
    add(step,
        {.kind = Kind::notice,
         .text = event_text(text),
         .tool = plain_text(find_string(line, {"tool_name"}))},
        render_notice(text));
  }
}

void ClaudeDriver::on_assistant(Step& step, const json::value& line) {
  const auto* content = find(line, {"message", "content"});
  if (content == nullptr || !content->is_array()) return;
  // The CLI reports a failed model call as a message of its own making.
  const bool failed = find_bool(line, {"is_api_error_message"}) ||
                      find_string(line, {"message", "model"}) == "<synthetic>";
  for (const auto& block : content->get_array()) {
    const auto type = find_string(block, {"type"});
    if (type == "text") {
      const auto text = find_string(block, {"text"});
      if (failed) {
        last_error_ = shorten(plain_text(text), kMaxSummary);
        add(step, {.kind = Kind::error, .text = event_text(text), .is_error = true},
            render_notice(text));
      } else if (!text.empty()) {
        add(step, {.kind = Kind::message, .text = event_text(text)}, render_message(text));
      }
    } else if (type == "thinking") {
      const auto text = find_string(block, {"thinking"});
      if (!text.empty())
        add(step, {.kind = Kind::thought, .text = event_text(text)}, render_thought(text));
    } else if (type == "tool_use") {
      const auto tool = find_string(block, {"name"});
      const auto* input = find(block, {"input"});
      const json::value shown = input == nullptr ? json::value(json::object()) : bounded(*input);
      if (calls_.size() >= kMaxOpenCalls) calls_.clear();
      last_call_ = find_string(block, {"id"});
      calls_[last_call_] = fmt::format("{} {}", tool, tool_subject(tool, shown));
      add(step,
          {.kind = Kind::tool_call,
           .id = std::string(find_string(block, {"id"})),
           .text = tool_subject(tool, shown),
           .tool = plain_text(tool),
           .input = shown},
          render_tool_call(tool, shown));
    }
  }
}

void ClaudeDriver::on_user(Step& step, const json::value& line) {
  const auto* content = find(line, {"message", "content"});
  if (content == nullptr || !content->is_array()) return;
  for (const auto& block : content->get_array()) {
    if (find_string(block, {"type"}) != "tool_result") continue;
    const auto text = text_of(find(block, {"content"}));
    const bool is_error = find_bool(block, {"is_error"});
    // Of calls made at once, a result is shown below another's call: it says whose it is.
    const auto id = find_string(block, {"tool_use_id"});
    const auto call = calls_.find(id);
    if (call != calls_.end() && id != last_call_) step.text += render_result_of(call->second);
    if (call != calls_.end()) calls_.erase(call);
    last_call_ = calls_.empty() ? last_call_ : "";
    add(step,
        {.kind = Kind::tool_result,
         .id = std::string(id),
         .text = event_text(text),
         .is_error = is_error},
        render_tool_result(text, is_error));
  }
}

void ClaudeDriver::on_control_request(Step& step, const json::value& line) {
  const std::string id(find_string(line, {"request_id"}));
  const auto subtype = find_string(line, {"request", "subtype"});
  if (subtype != "can_use_tool") {
    // It waits for an answer to whatever it asks.
    const auto reason = fmt::format("{} is not supported here", subtype);
    step.inputs.push_back(
        {"control-" + id,
         line_of({{"type", "control_response"},
                  {"response", {{"subtype", "error"}, {"request_id", id}, {"error", reason}}}})});
    return;
  }
  const auto tool = find_string(line, {"request", "tool_name"});
  const auto* input = find(line, {"request", "input"});
  const json::value asked = input == nullptr ? json::value(json::object()) : *input;
  questions_[id] = {std::string(tool), asked};
  add(step,
      {.kind = Kind::permission_request,
       .id = id,
       .text = tool_subject(tool, asked),
       .tool = plain_text(tool),
       .input = bounded(asked)},
      people_decide_ ? render_permission_request(tool, asked) : "");
}

void ClaudeDriver::on_control_cancel(Step& step, const json::value& line) {
  const auto question = questions_.find(find_string(line, {"request_id"}));
  if (question == questions_.end()) return;
  add(step,
      {.kind = Kind::permission_answer,
       .id = question->first,
       .text = "withdrawn",
       .tool = plain_text(question->second.tool),
       .is_error = true},
      render_notice("the agent no longer asks"));
  questions_.erase(question);
}

void ClaudeDriver::on_result(Step& step, const json::value& line) {
  const auto subtype = find_string(line, {"subtype"});
  AgentResult result;
  // A failed model call ends as subtype "success" with is_error.
  result.ok = subtype == "success" && !find_bool(line, {"is_error"});
  result.cost_usd = find_number(line, {"total_cost_usd"});
  result.turns = find_int(line, {"num_turns"});
  std::string summary(find_string(line, {"result"}));
  if (find_string(line, {"terminal_reason"}).starts_with("aborted")) summary = "it was interrupted";
  if (summary.empty()) summary = last_error_;
  if (const auto* errors = find(line, {"errors"});
      summary.empty() && errors != nullptr && errors->is_array())
    for (const auto& error : errors->get_array())
      if (error.is_string())
        summary += (summary.empty() ? "" : "\n") + std::string(error.get_string());
  if (summary.empty() && !result.ok) summary = subtype;
  result.summary = std::move(summary);

  const auto tokens = [&](std::string_view name) { return find_int(line, {"usage", name}); };
  step.events.push_back({.kind = Kind::usage,
                         .input = {{"input_tokens", tokens("input_tokens")},
                                   {"output_tokens", tokens("output_tokens")},
                                   {"cache_read_tokens", tokens("cache_read_input_tokens")},
                                   {"cache_write_tokens", tokens("cache_creation_input_tokens")},
                                   {"cost_usd", result.cost_usd},
                                   {"turns", result.turns},
                                   {"duration_ms", find_int(line, {"duration_ms"})}}});
  // What people have added would be mixed into a turn under way, and one result given for both.
  const bool stopped = std::exchange(interrupted_, false);
  if ((result.ok || stopped) && has_more_to_say())
    return say(step, fmt::format("further-{}", ++said_), next_to_say(step));
  finish(step, std::move(result), std::string(find_string(line, {"session_id"})));
}

Step ClaudeDriver::answer(std::string_view permission_id, bool allow, std::string_view message) {
  Step step;
  const auto question = questions_.find(permission_id);
  if (question == questions_.end()) return step;  // answered already, or withdrawn
  const std::string id = question->first;
  json::object decision;
  if (allow)
    decision = {{"behavior", "allow"}, {"updatedInput", question->second.input}};
  else
    decision = {
        {"behavior", "deny"},
        {"message", message.empty() ? "The person in charge did not allow this." : message}};
  step.inputs.push_back(
      {"permission-" + id,
       line_of(
           {{"type", "control_response"},
            {"response", {{"subtype", "success"}, {"request_id", id}, {"response", decision}}}})});
  add_answer(step, id, plain_text(question->second.tool), allow, message);
  questions_.erase(question);
  return step;
}

const std::string* ClaudeDriver::open_question() const {
  return questions_.empty() ? nullptr : &questions_.begin()->first;
}

Step ClaudeDriver::interrupt() {
  Step step;
  if (finished_) return step;
  interrupted_ = true;
  const auto id = fmt::format("interrupt-{}", ++interrupts_);
  step.inputs.push_back({id, line_of({{"type", "control_request"},
                                      {"request_id", id},
                                      {"request", {{"subtype", "interrupt"}}}})});
  return step;
}

}  // namespace corral::adapters::agent
