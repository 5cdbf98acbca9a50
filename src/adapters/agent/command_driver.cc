#include "adapters/agent/command_driver.h"

#include "adapters/agent/steps.h"

namespace corral::adapters::agent {
namespace {

constexpr std::size_t kTail = 4u << 10;

// The last line with something on it.
std::string last_line(std::string_view text) {
  const auto end = text.find_last_not_of(" \t\n");
  if (end == std::string_view::npos) return "";
  text = text.substr(0, end + 1);
  const auto start = text.rfind('\n');
  return std::string(start == std::string_view::npos ? text : text.substr(start + 1));
}

}  // namespace

CommandDriver::CommandDriver(const ports::AgentTask& task) : prompt_(task.prompt) {
  for (const auto& word : task.command) command_ += (command_.empty() ? "" : " ") + word;
  command_ = shorten(plain_text(command_), 400);
}

ports::AgentDriver::Step CommandDriver::begin() {
  Step step;
  step.events.push_back({.kind = ports::AgentEvent::Kind::started, .text = command_});
  step.text = fmt::format("$ {}\n", command_);
  add_input(step, "prompt", prompt_);
  step.close_input = true;
  return step;
}

ports::AgentDriver::Step CommandDriver::on_output(std::string_view bytes) {
  Step step;
  step.text = filter_.feed(bytes);
  tail_ += step.text;
  if (tail_.size() > 2 * kTail) tail_.erase(0, tail_.size() - kTail);
  return step;
}

ports::AgentDriver::Step CommandDriver::answer(std::string_view, bool, std::string_view) {
  return {};
}
ports::AgentDriver::Step CommandDriver::interrupt() { return {}; }
ports::AgentDriver::Step CommandDriver::set_permission_policy(std::string_view) { return {}; }

ports::AgentDriver::Step CommandDriver::prompt(std::string_view) {
  Step step;
  const std::string text = "a command takes no further prompts";
  step.events.push_back({.kind = ports::AgentEvent::Kind::notice, .text = text});
  step.text = fmt::format("! {}\n", text);
  return step;
}

ports::AgentResult CommandDriver::on_exit(int exit_code, std::string_view last_errors) {
  // A character cut off by trimming the tail is mended by filtering it again.
  std::string words = plain_text(last_line(tail_));
  if (words.empty()) words = plain_text(last_line(last_errors));
  if (exit_code == 0) return {.ok = true, .summary = words};
  return {.ok = false,
          .summary = fmt::format("{} ended with exit code {}{}{}", command_, exit_code,
                                 words.empty() ? "" : ": ", words)};
}

}  // namespace corral::adapters::agent
