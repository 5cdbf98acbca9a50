#include "adapters/agent/json_lines_driver.h"

#include <algorithm>

#include "adapters/agent/steps.h"
#include "adapters/agent/transcript.h"
#include "base/plain_text.h"

namespace corral::adapters::agent {

using ports::AgentResult;
using Kind = ports::AgentEvent::Kind;
using Step = ports::AgentDriver::Step;

JsonLinesDriver::JsonLinesDriver(const ports::AgentTask& task, std::string title)
    : title_(std::move(title)), people_decide_(task.permission_policy == "ask") {}

Step JsonLinesDriver::on_output(std::string_view bytes) {
  Step step;
  lines_.feed(
      bytes, [&](std::string_view line) { on_line(step, line); },
      [&] {
        const auto text = fmt::format("a line of more than {} MiB from the agent was skipped",
                                      kMaxProtocolLine >> 20);
        add(step, {.kind = Kind::error, .text = text, .is_error = true}, render_notice(text));
      });
  return step;
}

void JsonLinesDriver::on_line(Step& step, std::string_view line) {
  if (line.find_first_not_of(" \t") == std::string_view::npos) return;
  boost::system::error_code problem;
  json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  const json::value message = json::parse({line.data(), line.size()}, problem, {}, options);
  if (problem || !message.is_object()) {
    const auto text = event_text(line);
    return add(step, {.kind = Kind::notice, .text = text}, render_notice(text));
  }
  on_message(step, message);
}

Step JsonLinesDriver::prompt(std::string_view text) {
  Step step;
  if (finished_) return step;
  auto id = fmt::format("prompt-{}", ++further_);
  add(step, {.kind = Kind::prompt, .id = id, .text = event_text(text)}, render_prompt(text));
  prompts_.push_back({std::move(id), std::string(text)});
  return step;
}

std::string JsonLinesDriver::next_to_say(Step& step) {
  CORRAL_ASSERT(!prompts_.empty());
  auto next = std::move(prompts_.front());
  prompts_.pop_front();
  if (!next.id.empty())
    add(step, {.kind = Kind::prompt_given, .id = std::move(next.id), .text = event_text(next.text)},
        render_prompt_given(next.text));
  return std::move(next.text);
}

Step JsonLinesDriver::set_permission_policy(std::string_view policy) {
  people_decide_ = policy == "ask";
  Step step;
  if (people_decide_) return step;
  while (const auto* question = open_question()) {
    auto answered = answer(std::string(*question), true, "");
    std::ranges::move(answered.inputs, std::back_inserter(step.inputs));
    std::ranges::move(answered.events, std::back_inserter(step.events));
    step.text += answered.text;
  }
  return step;
}

void JsonLinesDriver::add_answer(Step& step, const std::string& permission_id, std::string tool,
                                 bool allow, std::string_view message) const {
  add(step,
      {.kind = Kind::permission_answer,
       .id = permission_id,
       .text = allow ? "allowed" : "denied" + (message.empty() ? "" : ": " + event_text(message)),
       .tool = std::move(tool),
       .is_error = !allow},
      people_decide_ || !allow ? render_permission_answer(allow, message) : "");
}

void JsonLinesDriver::finish(Step& step, AgentResult result, std::string session_id) {
  finished_ = true;
  result.summary = shorten(plain_text(result.summary), kMaxSummary);
  add(step,
      {.kind = Kind::finished,
       .id = std::move(session_id),
       .text = result.summary,
       .is_error = !result.ok},
      render_finished(result.ok, result.summary, result.turns));
  step.result = std::move(result);
}

AgentResult JsonLinesDriver::on_exit(int exit_code, std::string_view last_errors) {
  std::string why = shorten(plain_text(last_errors), kMaxSummary);
  while (why.ends_with('\n')) why.pop_back();
  if (why.empty()) why = last_error_;
  if (why.empty()) why = plain_text(lines_.take_rest());
  return {.ok = false,
          .summary = fmt::format("{} ended with exit code {} before it gave a result{}{}", title_,
                                 exit_code, why.empty() ? "" : ": ", why)};
}

}  // namespace corral::adapters::agent
