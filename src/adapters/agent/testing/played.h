// What the tests of the drivers share: recorded streams, and what a driver made of one.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "ports/agent.h"

namespace corral::adapters::agent {

// testdata/NAME.jsonl
inline std::string recorded(std::string_view name) {
  return read_file(fmt::format("{}/src/adapters/agent/testdata/{}.jsonl", CORRAL_SOURCE_DIR, name))
      .value();
}

// All steps so far, one after the other.
struct Played {
  std::vector<std::string> kinds;
  std::vector<ports::AgentEvent> events;
  std::vector<ports::AgentInput> inputs;
  std::optional<ports::AgentResult> result;
  std::string text;

  void take(ports::AgentDriver::Step step) {
    for (auto& event : step.events) {
      kinds.emplace_back(to_string(event.kind));
      events.push_back(event);
    }
    for (auto& input : step.inputs) inputs.push_back(input);
    if (step.result) result = step.result;
    text += step.text;
  }
  const ports::AgentEvent& first(ports::AgentEvent::Kind kind) const {
    const auto found = std::ranges::find(events, kind, &ports::AgentEvent::kind);
    CORRAL_ASSERT(found != events.end());
    return *found;
  }
  json::value input(std::size_t number) const {
    return parse_json(inputs.at(number).bytes, "input").value();
  }
  bool sent(std::string_view method) const {
    return std::ranges::any_of(inputs, [&](const auto& input) {
      return find_string(parse_json(input.bytes, "input").value(), {"method"}) == method;
    });
  }
};

}  // namespace corral::adapters::agent
