#include "domain/upcast.h"

#include <algorithm>
#include <string>
#include <vector>

namespace corral::domain {
namespace {

// "{{prompt}}" of version 1 is "${{ inputs.prompt }}"; any other text in braces was text.
std::string expressions_in(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const bool prompt = text.starts_with("{{prompt}}");
    if (prompt || text.starts_with("{{checks}}")) {
      // A $ before an expression would make it text.
      const auto dollars = out.find_last_not_of('$') + 1;
      if (dollars < out.size())
        out = fmt::format("{}${{{{ '{}' }}}}", out.substr(0, dollars), out.substr(dollars));
      out += prompt ? "${{ inputs.prompt }}" : "${{ inputs.checks }}";
      text.remove_prefix(10);
      continue;
    }
    if (text.front() == '{' && out.ends_with("${")) out.insert(out.size() - 2, "$");
    out += text.front();
    text.remove_prefix(1);
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

// What a kind asks for stood among what every step has; `run` was shell text, `argv` a list.
json::object step_of_version_1(const json::object& old) {
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
  return step;
}

bool needs(const json::value& step, std::string_view name) {
  const auto* all = find(step, {"needs"});
  return all != nullptr && all->is_array() &&
         std::ranges::find(all->get_array(), json::value(name)) != all->get_array().end();
}

// Steps ran one after the other: always the first one in the definition whose needs had ended.
std::vector<json::value*> order_of_version_1(json::array& steps) {
  std::vector<json::value*> order, rest;
  for (auto& step : steps) rest.push_back(&step);
  const auto waits = [&](const json::value* step) {
    return std::ranges::any_of(rest, [&](const json::value* other) {
      return other != step && needs(*step, find_string(*other, {"name"}));
    });
  };
  while (!rest.empty()) {
    const auto next = std::ranges::find_if_not(rest, waits);
    if (next == rest.end()) break;
    order.push_back(*next);
    rest.erase(next);
  }
  return order;
}

// After a failure nothing ran any more but what always did: each step needs the last one before it
// that did not always run, and those in between.
void run_in_order(json::array& steps) {
  const auto order = order_of_version_1(steps);
  for (std::size_t i = 1; i < order.size(); ++i) {
    for (auto before = i; before-- > 0;) {
      const auto name = find_string(*order[before], {"name"});
      auto& needed = order[i]->get_object()["needs"];
      if (needed.is_null()) needed.emplace_array();
      if (needed.is_array() && !needs(*order[i], name)) needed.get_array().emplace_back(name);
      if (find_string(*order[before], {"if"}) != "always()") break;
    }
  }
}

json::value run_created_of_version_1(json::value data) {
  auto* steps = const_cast<json::value*>(find(data, {"request", "workflow", "steps"}));
  if (steps == nullptr || !steps->is_array()) return data;
  for (auto& step : steps->get_array()) {
    if (!step.is_object()) return data;
    step = step_of_version_1(step.get_object());
  }
  run_in_order(steps->get_array());
  return data;
}

}  // namespace

json::value upcast(std::string_view type, int version, json::value data) {
  if (type == "run.created" && version == 1) return run_created_of_version_1(std::move(data));
  return data;
}

}  // namespace corral::domain
