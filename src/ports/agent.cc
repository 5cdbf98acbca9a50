#include "ports/agent.h"

namespace corral::ports {

std::string_view to_string(AgentEvent::Kind kind) {
  using enum AgentEvent::Kind;
  switch (kind) {
    case started: return "started";
    case message: return "message";
    case thought: return "thought";
    case plan: return "plan";
    case prompt: return "prompt";
    case prompt_given: return "prompt_given";
    case tool_call: return "tool_call";
    case tool_result: return "tool_result";
    case permission_request: return "permission_request";
    case permission_answer: return "permission_answer";
    case usage: return "usage";
    case notice: return "notice";
    case error: return "error";
    case finished: return "finished";
  }
  return "notice";
}

json::value to_json(const AgentEvent& event) {
  return json::object{{"kind", to_string(event.kind)},
                      {"id", event.id},
                      {"text", event.text},
                      {"tool", event.tool},
                      {"input", event.input},
                      {"is_error", event.is_error}};
}

json::value to_json(const AgentInfo& info) {
  return json::object{{"name", info.name},
                      {"version", info.version},
                      {"wanted_version", info.wanted_version},
                      {"problem", info.problem}};
}

}  // namespace corral::ports
