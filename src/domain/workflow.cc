#include "domain/workflow.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "domain/expression.h"

namespace corral::domain {

std::string StepDefinition::text(std::string_view key) const {
  const auto* value = with.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

const StepDefinition* Workflow::find(std::string_view step) const {
  const auto at = std::ranges::find(steps, step, &StepDefinition::name);
  return at == steps.end() ? nullptr : &*at;
}

std::vector<std::string> topological_order(const Workflow& workflow) {
  std::vector<std::string> order;
  std::set<std::string, std::less<>> placed;
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto& step : workflow.steps) {
      if (placed.contains(step.name)) continue;
      if (!std::ranges::all_of(step.needs, [&](const auto& need) { return placed.contains(need); }))
        continue;
      placed.insert(step.name);
      order.push_back(step.name);
      grew = true;
    }
  }
  return order;
}

bool is_value_type(std::string_view name) {
  return std::ranges::find(kValueTypes, name) != std::end(kValueTypes);
}

bool has_type(const json::value& value, std::string_view type) {
  if (type == "string") return value.is_string();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_bool();
  return type == "list" ? value.is_array() : value.is_object();
}

Result<json::value> value_from_text(std::string_view text, std::string_view type) {
  if (type == "string") return json::value(text);
  auto value = parse_json(text, "value");
  if (!value || !has_type(*value, type))
    return fail(ErrorCode::invalid, "\"{}\" is no {}{}", text.substr(0, 60), type,
                type == "list" || type == "object" ? ", written as JSON" : "");
  return value;
}

Result<json::object> check_inputs(const Workflow& workflow, const json::object& given,
                                  GivenAs given_as) {
  json::object inputs;
  for (const auto& [key, value] : given) {
    const std::string name(key);
    const auto known = workflow.inputs.find(name);
    if (known == workflow.inputs.end()) {
      std::vector<std::string_view> names;
      for (const auto& [input, definition] : workflow.inputs) names.push_back(input);
      return fail(
          ErrorCode::invalid, "inputs.{}: the workflow {} has no such input: {}", name,
          workflow.name,
          names.empty() ? "it takes none" : fmt::format("use one of {}", fmt::join(names, ", ")));
    }
    const auto& definition = known->second;
    json::value checked = value;
    if (given_as == GivenAs::texts && value.is_string()) {
      auto converted = value_from_text(std::string_view(value.get_string()), definition.type);
      if (!converted)
        return fail(ErrorCode::invalid, "inputs.{}: {}", name, converted.error().message);
      checked = *std::move(converted);
    }
    if (!has_type(checked, definition.type))
      return fail(ErrorCode::invalid, "inputs.{}: must be a {}", name, definition.type);
    if (!definition.options.empty() &&
        std::ranges::find(definition.options, as_text(checked)) == definition.options.end())
      return fail(ErrorCode::invalid, "inputs.{}: \"{}\" is none of {}", name, as_text(checked),
                  fmt::join(definition.options, ", "));
    inputs[key] = std::move(checked);
  }
  for (const auto& [name, definition] : workflow.inputs) {
    if (inputs.contains(name)) continue;
    if (definition.required)
      return fail(ErrorCode::invalid, "inputs.{}: is required ({})", name,
                  definition.description.empty() ? definition.type : definition.description);
    inputs[name] = definition.otherwise;
  }
  return inputs;
}

}  // namespace corral::domain
