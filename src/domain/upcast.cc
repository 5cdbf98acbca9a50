#include "domain/upcast.h"

#include <string>

namespace corral::domain {
namespace {

// "{{prompt}}" of version 1 is "${{ inputs.prompt }}"; any other text in braces was text.
std::string expressions_in(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto open = text.find("{{");
    out += text.substr(0, open);
    if (open == std::string_view::npos) break;
    text.remove_prefix(open);
    const bool prompt = text.starts_with("{{prompt}}"), checks = text.starts_with("{{checks}}");
    if (prompt || checks) {
      out += prompt ? "${{ inputs.prompt }}" : "${{ inputs.checks }}";
      text.remove_prefix(10);
    } else {
      out += out.ends_with('$') ? "${{" : "{{";
      text.remove_prefix(2);
    }
  }
  return out;
}

json::value expressions_in(const json::value& value) {
  if (value.is_string()) return json::value(expressions_in(std::string_view(value.get_string())));
  if (!value.is_array()) return value;
  json::array out;
  for (const auto& item : value.get_array()) out.push_back(expressions_in(item));
  return out;
}

std::string condition_of(std::string_view condition) {
  if (condition == "always") return "always()";
  if (condition == "{{prompt}}") return "inputs.prompt";
  if (condition == "{{checks}}") return "inputs.checks";
  return std::string(condition);
}

bool is_empty(const json::value& value) {
  return value.is_null() || (value.is_string() && value.get_string().empty()) ||
         (value.is_array() && value.get_array().empty());
}

// What a kind asks for stood among what every step has; `run` was shell text, `argv` a list. Steps
// ran one after the other, in the order of their needs.
json::object step_of_version_1(const json::object& old, const std::string& before) {
  json::object step, with;
  for (const auto& [key, value] : old) {
    const std::string_view name(key);
    if (name == "action" || name == "agent" || name == "prompt" || name == "run") {
      if (!is_empty(value)) with[key] = expressions_in(value);
    } else if (name == "argv") {
      if (!is_empty(value)) with["run"] = expressions_in(value);
    } else if (name == "if") {
      step["if"] = value.is_string() ? condition_of(std::string_view(value.get_string())) : "";
    } else {
      step[key] = value;
    }
  }
  step["with"] = std::move(with);
  if (const auto* needs = step.if_contains("needs");
      (needs == nullptr || is_empty(*needs)) && !before.empty())
    step["needs"] = json::array{json::value(before)};
  return step;
}

json::value run_created_of_version_1(json::value data) {
  auto* steps = const_cast<json::value*>(find(data, {"request", "workflow", "steps"}));
  if (steps == nullptr || !steps->is_array()) return data;
  std::string before;
  for (auto& step : steps->get_array()) {
    if (!step.is_object()) return data;
    step = step_of_version_1(step.get_object(), before);
    before = std::string(find_string(step, {"name"}));
  }
  return data;
}

}  // namespace

json::value upcast(std::string_view type, int version, json::value data) {
  if (type == "run.created" && version == 1) return run_created_of_version_1(std::move(data));
  return data;
}

}  // namespace corral::domain
