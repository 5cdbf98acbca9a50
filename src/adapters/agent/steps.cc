#include "adapters/agent/steps.h"

#include "adapters/agent/event_text.h"

namespace corral::adapters::agent {

void add(ports::AgentDriver::Step& step, ports::AgentEvent event, std::string_view text) {
  step.events.push_back(std::move(event));
  step.text += text;
}

void add_input(ports::AgentDriver::Step& step, const std::string& id, std::string_view bytes) {
  for (std::size_t at = 0, part = 0; at < bytes.size(); at += kMaxInputBytes, ++part)
    step.inputs.push_back({part == 0 ? id : fmt::format("{}-{}", id, part),
                           std::string(bytes.substr(at, kMaxInputBytes))});
}

}  // namespace corral::adapters::agent
