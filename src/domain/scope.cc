#include "domain/scope.h"

#include <algorithm>
#include <set>

namespace corral::domain {
namespace {

json::value error_json(const Step& step) {
  if (!step.error) return nullptr;
  return json::object{{"code", std::string(to_string(step.error->code))},
                      {"message", step.error->message}};
}

json::object own_json(const Step& step) {
  return {{"status", std::string(to_string(step.status))},
          {"outputs", step.outputs},
          {"summary", step.summary},
          {"attempt", step.attempt},
          {"error", error_json(step)}};
}

// Of a step with a matrix: each output is the list of what its steps gave, in order.
json::object step_json(const Run& run, const Step& step) {
  auto out = own_json(step);
  if (!step.expanded) return out;
  json::array instances;
  json::object lists;
  for (const auto& instance : run.steps) {
    if (instance.of != step.definition.name) continue;
    for (const auto& [name, value] : instance.outputs) {
      auto& list = lists[name];
      if (!list.is_array()) list.emplace_array();
      list.get_array().push_back(value);
    }
    auto one = own_json(instance);
    one["matrix"] = instance.matrix;
    instances.emplace_back(std::move(one));
  }
  out["instances"] = std::move(instances);
  out["outputs"] = std::move(lists);
  return out;
}

json::object inputs_json(const Request& request, std::string_view prompt) {
  json::object inputs{{"prompt", prompt.empty() ? std::string_view(request.prompt) : prompt},
                      {"checks", request.checks},
                      {"agent", request.agent},
                      {"model", request.model}};
  for (const auto& [name, value] : request.inputs) inputs[name] = value;
  return inputs;
}

Result<json::value> evaluate(const json::value& value, const Scope& scope) {
  if (value.is_string()) {
    CORRAL_TRY(const auto text, Template::parse(std::string_view(value.get_string())));
    return text.evaluate(scope);
  }
  if (value.is_array()) {
    json::array out;
    for (const auto& item : value.get_array()) {
      CORRAL_TRY(auto one, evaluate(item, scope));
      out.push_back(std::move(one));
    }
    return out;
  }
  if (!value.is_object()) return value;
  CORRAL_TRY(auto out, evaluate_all(value.get_object(), scope));
  return out;
}

}  // namespace

Scope scope_of_request(const Request& request) {
  Scope scope;
  scope.values["inputs"] = inputs_json(request, {});
  scope.values["run"] = json::object{{"project", request.project_name}, {"branch", request.branch}};
  return scope;
}

Scope scope_of(const Run& run, const Step* step, std::string_view prompt) {
  Scope scope;
  scope.values["inputs"] = inputs_json(run.request, prompt);
  json::object steps;
  for (const auto& other : run.steps)
    if (other.of.empty()) steps[other.definition.name] = step_json(run, other);
  scope.values["steps"] = std::move(steps);
  scope.values["matrix"] = step != nullptr ? step->matrix : json::object{};
  scope.values["run"] =
      json::object{{"id", run.id.to_string()},
                   {"attempt", run.attempt},
                   {"project", run.request.project_name},
                   {"branch", run.request.branch},
                   {"base_branch", run.base_branch},
                   {"base_commit", run.base_commit},
                   {"commit", run.commit ? json::value(*run.commit) : json::value(nullptr)}};
  scope.cancelled = run.cancel_reason.has_value();
  scope.failure = step != nullptr && needs_failed(run, *step);
  scope.success = !scope.failure && !scope.cancelled;
  return scope;
}

bool went_wrong(const Step& step) {
  return (step.status == StepStatus::failed && !step.definition.continue_on_error) ||
         step.status == StepStatus::cancelled;
}

namespace {

// Each step is looked at once, however many ways lead to it.
bool needs_failed(const Run& run, const Step& step, std::set<const Step*>& seen) {
  if (!seen.insert(&step).second) return false;
  const auto bad = [&](const Step& other) {
    return went_wrong(other) ||
           (other.status == StepStatus::skipped && needs_failed(run, other, seen));
  };
  if (step.definition.at_end && std::ranges::any_of(run.steps, [&](const Step& other) {
        return !other.definition.at_end && went_wrong(other);
      }))
    return true;
  return std::ranges::any_of(step.definition.needs, [&](const std::string& need) {
    const auto* other = run.find(need);
    return other != nullptr && bad(*other);
  });
}

}  // namespace

bool needs_failed(const Run& run, const Step& step) {
  std::set<const Step*> seen;
  return needs_failed(run, step, seen);
}

bool asks_for_status(const StepDefinition& definition) {
  const auto condition =
      Expression::parse(definition.condition.empty() ? "true" : definition.condition);
  return condition && condition->asks_for_status();
}

Result<bool> condition_holds(const Run& run, const Step& step) {
  const auto& text = step.definition.condition;
  const auto scope = scope_of(run, &step);
  // What is there to clean up is cleaned up whatever happened.
  const bool implied = step.definition.at_end || scope.success;
  if (text.empty()) return implied;
  CORRAL_TRY(const auto condition, Expression::parse(text));
  if (!condition.asks_for_status() && !implied) return false;
  CORRAL_TRY(const auto value, condition.evaluate(scope));
  return is_true(value);
}

Result<std::vector<json::object>> matrix_of(const Run& run, const Step& step) {
  const auto scope = scope_of(run, &step);
  std::vector<json::object> all{json::object{}};
  for (const auto& [key, text] : step.definition.matrix) {
    CORRAL_TRY(const auto values, evaluate(text, scope));
    if (!values.is_array())
      return fail(ErrorCode::invalid, "`{}` in the matrix of step \"{}\" is no list",
                  std::string_view(key), step.definition.name);
    if (all.size() * values.get_array().size() > kMaxInstances)
      return fail(ErrorCode::invalid, "the matrix of step \"{}\" makes more than {} steps",
                  step.definition.name, kMaxInstances);
    std::vector<json::object> wider;
    for (const auto& one : all)
      for (const auto& value : values.get_array()) (wider.emplace_back(one))[key] = value;
    all = std::move(wider);
  }
  return all;
}

Result<json::object> evaluate_all(const json::object& with, const Scope& scope) {
  json::object out;
  for (const auto& [key, value] : with) {
    auto evaluated = evaluate(value, scope);
    if (!evaluated)
      return fail(evaluated.error().code, "{}: {}", std::string_view(key),
                  evaluated.error().message);
    out[key] = *std::move(evaluated);
  }
  return out;
}

}  // namespace corral::domain
