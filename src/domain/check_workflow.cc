#include <algorithm>
#include <array>
#include <set>

#include "domain/cron.h"
#include "domain/expression.h"
#include "domain/workflow.h"

namespace corral::domain {
namespace {

// What every run has, whatever its workflow declares.
constexpr std::array<std::string_view, 4> kRunInputs{"prompt", "checks", "agent", "model"};
constexpr std::array<std::string_view, 7> kRunFields{
    "id", "attempt", "branch", "base_branch", "commit", "base_commit", "project"};
constexpr std::array<std::string_view, 6> kStepFields{"status",  "outputs", "error",
                                                      "summary", "attempt", "instances"};

bool is_name(std::string_view name, std::size_t most) {
  if (name.empty() || name.size() > most || name.front() == '-') return false;
  return std::ranges::all_of(
      name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}
// Of inputs, outputs and matrix keys.
bool is_key(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (name.empty() || name.size() > 64 || !letter(name.front())) return false;
  return std::ranges::all_of(
      name, [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; });
}

std::string_view type_text(FieldType type) {
  switch (type) {
    case FieldType::text: return "a text";
    case FieldType::texts: return "a list of texts";
    case FieldType::text_or_texts: return "a text or a list of texts";
    case FieldType::map: return "a mapping";
    case FieldType::number: return "a number";
    case FieldType::boolean: return "true or false";
    case FieldType::any: break;
  }
  return "a value";
}

bool is_expression(const json::value& value) {
  return value.is_string() && has_expression(std::string_view(value.get_string()));
}

// What is computed when the step runs is checked then.
bool fits(const json::value& value, FieldType type) {
  const auto texts = [&] {
    return value.is_array() && std::ranges::all_of(value.get_array(), [](const auto& item) {
             return item.is_string();
           });
  };
  if (is_expression(value)) return true;
  switch (type) {
    case FieldType::text: return value.is_string();
    case FieldType::texts: return texts();
    case FieldType::text_or_texts: return value.is_string() || texts();
    case FieldType::map: return value.is_object();
    case FieldType::number: return value.is_number();
    case FieldType::boolean: return value.is_bool();
    case FieldType::any: break;
  }
  return true;
}

class Checker {
 public:
  Checker(const Workflow& workflow, std::span<const KindRules> kinds)
      : workflow_(workflow), kinds_(kinds) {}

  std::vector<WorkflowProblem> run() {
    if (workflow_.name.empty())
      at_top("name", "a workflow needs a name: add `name: my-workflow`");
    else if (!is_name(workflow_.name, 64))
      at_top("name", fmt::format("\"{}\" is no workflow name: use 1 to 64 of a-z, 0-9 and -",
                                 workflow_.name));
    if (workflow_.version < 1) at_top("version", "the version must be 1 or more");
    if (std::ranges::none_of(workflow_.steps, [](const auto& step) { return !step.at_end; }))
      at_top("steps", "a workflow needs at least one step below `steps:`");
    if (workflow_.steps.size() > kMaxSteps)
      at_top("steps",
             fmt::format("{} steps are too many: at most {}", workflow_.steps.size(), kMaxSteps));
    if (workflow_.priority < -1000 || workflow_.priority > 1000)
      at_top("priority", "priority must be from -1000 to 1000");
    if (workflow_.concurrency.limit < 1)
      at_top("concurrency", "the limit of a concurrency group must be 1 or more");
    if (workflow_.timeout.count() < 0 || workflow_.timeout > kMaxTimeout)
      at_top("timeout", "the workflow's timeout must be from 1s to 168h");
    if (workflow_.schedule)
      if (const auto cron = Cron::parse(workflow_.schedule->cron); !cron)
        at_top("schedule", cron.error().message);
    inputs();
    std::set<std::string_view> names;
    for (const auto& step : workflow_.steps) {
      if (!is_name(step.name, 32))
        add(step, "name",
            fmt::format(
                "\"{}\" is no step name: use 1 to 32 of a-z, 0-9 and -, not beginning with -",
                step.name));
      else if (!names.insert(step.name).second)
        add(step, "name",
            fmt::format("there are two steps named \"{}\": names must differ", step.name));
      kind(step);
      limits(step);
    }
    if (needs()) {
      ancestors();
      for (const auto& step : workflow_.steps) references(step);
      text_at_top("concurrency", workflow_.concurrency.group);
      for (const auto& [name, value] : workflow_.outputs) text_at_top("outputs", value);
    }
    return std::move(problems_);
  }

 private:
  void at_top(std::string_view key, std::string message) {
    const auto at = workflow_.places.find(key);
    const Place place = at == workflow_.places.end() ? Place{1, 1} : at->second;
    problems_.push_back({std::move(message), place.line, place.column});
  }
  void add(const StepDefinition& step, std::string_view key, std::string message) {
    const auto at = step.places.find(key);
    const Place place = at == step.places.end() ? step.place : at->second;
    problems_.push_back({std::move(message), place.line, place.column});
  }

  void inputs() {
    for (const auto& [name, input] : workflow_.inputs) {
      if (!is_key(name))
        at_top("inputs",
               fmt::format("\"{}\" is no name of an input: use letters, digits, _ and -", name));
      if (!is_value_type(input.type))
        at_top("inputs", fmt::format("input \"{}\" has the unknown type \"{}\": use one of {}",
                                     name, input.type, fmt::join(kValueTypes, ", ")));
      else if (!input.otherwise.is_null() && !has_type(input.otherwise, input.type))
        at_top("inputs", fmt::format("the default of input \"{}\" is no {}", name, input.type));
      if (!input.options.empty() && input.otherwise.is_string() &&
          std::ranges::find(input.options, std::string(input.otherwise.get_string())) ==
              input.options.end())
        at_top("inputs", fmt::format("the default of input \"{}\" is none of its options: {}", name,
                                     fmt::join(input.options, ", ")));
      if (input.required && !input.otherwise.is_null())
        at_top(
            "inputs",
            fmt::format("input \"{}\" is required, so that its default is never used: remove one",
                        name));
    }
    for (const auto& [name, value] : workflow_.outputs)
      if (!is_key(name))
        at_top("outputs",
               fmt::format("\"{}\" is no name of an output: use letters, digits, _ and -", name));
  }

  const KindRules* rules_of(const StepDefinition& step) const {
    const auto at = std::ranges::find(kinds_, step.kind, &KindRules::name);
    return at == kinds_.end() ? nullptr : &*at;
  }

  void kind(const StepDefinition& step) {
    const auto* rules = rules_of(step);
    if (rules == nullptr) {
      std::vector<std::string_view> names;
      for (const auto& known : kinds_) names.push_back(known.name);
      return add(step, "kind",
                 fmt::format("step \"{}\" has the unknown kind \"{}\": use one of {}", step.name,
                             step.kind, fmt::join(names, ", ")));
    }
    for (const auto& [key, value] : step.with) {
      const auto rule = std::ranges::find(rules->fields, std::string_view(key), &FieldRule::name);
      if (rule == rules->fields.end()) {
        std::vector<std::string_view> names;
        for (const auto& known : rules->fields) names.push_back(known.name);
        add(step, key,
            fmt::format("step \"{}\" of kind {} takes no `{}:`; it takes {}", step.name, step.kind,
                        std::string_view(key),
                        names.empty() ? std::string("nothing")
                                      : fmt::format("{}", fmt::join(names, ", "))));
      } else if (!fits(value, rule->type)) {
        add(step, key,
            fmt::format("`{}:` of step \"{}\" must be {}", rule->name, step.name,
                        type_text(rule->type)));
      }
    }
    for (const auto& rule : rules->fields)
      if (rule.need == FieldRule::Need::required && !step.with.contains(rule.name))
        add(step, "name",
            fmt::format("{} step \"{}\" needs `{}:`: {}", step.kind, step.name, rule.name,
                        rule.description));
    if (rules->check != nullptr)
      for (auto& [key, message] : rules->check(step)) add(step, key, std::move(message));
    if (!step.outputs.empty() && !rules->declared_outputs)
      add(step, "outputs",
          fmt::format("a step of kind {} declares no outputs: it gives {}", step.kind,
                      rules->outputs.empty() ? std::string("none")
                                             : fmt::format("{}", fmt::join(rules->outputs, ", "))));
    for (const auto& [name, type] : step.outputs)
      if (!is_key(name) || !is_value_type(type))
        add(step, "outputs",
            fmt::format("output \"{}\" of step \"{}\" must be a name and one of the types {}", name,
                        step.name, fmt::join(kValueTypes, ", ")));
  }

  void limits(const StepDefinition& step) {
    for (const auto& [key, value] : step.with)
      if (value.is_string() && value.get_string().size() > kMaxStepText)
        add(step, key,
            fmt::format("`{}:` of step \"{}\" is too long: at most {} bytes", std::string_view(key),
                        step.name, kMaxStepText));
    if (step.timeout.count() < 0 || step.timeout > kMaxTimeout)
      add(step, "timeout",
          fmt::format("the timeout of step \"{}\" must be from 1s to 168h", step.name));
    if (step.retry.attempts < 1 || step.retry.attempts > 10)
      add(step, "retry",
          fmt::format("step \"{}\": retry attempts must be from 1 to 10, not {}", step.name,
                      step.retry.attempts));
    if (step.retry.backoff.count() < 0 || step.retry.backoff > Duration(3'600'000))
      add(step, "retry",
          fmt::format("step \"{}\": retry backoff must be from 0s to 1h", step.name));
    for (const auto& code : step.retry.on)
      if (to_string(error_code_from(code)) != code)
        add(step, "retry", fmt::format("step \"{}\": \"{}\" is no error code", step.name, code));
    if (step.max_parallel < 0 || step.max_parallel > static_cast<int>(kMaxInstances))
      add(step, "max_parallel",
          fmt::format("step \"{}\": max_parallel must be from 1 to {}", step.name, kMaxInstances));
    matrix(step);
  }

  void matrix(const StepDefinition& step) {
    constexpr std::size_t kCountedUpTo = 1'000'000'000;
    std::size_t combinations = 1;
    for (const auto& [key, value] : step.matrix) {
      if (!is_key(std::string_view(key)))
        add(step, "matrix",
            fmt::format("\"{}\" is no name in a matrix: use letters, digits, _ and -",
                        std::string_view(key)));
      if (is_expression(value)) continue;
      if (!value.is_array() || value.get_array().empty())
        add(step, "matrix",
            fmt::format(
                "`{}` in the matrix of step \"{}\" must be a list, or an expression that gives one",
                std::string_view(key), step.name));
      else
        combinations = std::min(combinations * value.get_array().size(), kCountedUpTo);
    }
    if (combinations > kMaxInstances)
      add(step, "matrix",
          fmt::format("the matrix of step \"{}\" makes {} steps: at most {}", step.name,
                      combinations, kMaxInstances));
    if (step.matrix.empty() && step.max_parallel > 0)
      add(step, "max_parallel", fmt::format("step \"{}\" has no matrix to limit", step.name));
  }

  bool needs() {
    bool known = true;
    for (const auto& step : workflow_.steps) {
      for (const auto& need : step.needs) {
        const auto* other = workflow_.find(need);
        if (other == nullptr) {
          add(step, "needs",
              fmt::format("step \"{}\" needs \"{}\", which is not a step of this workflow",
                          step.name, need));
          known = false;
        } else if (other->at_end != step.at_end) {
          add(step, "needs",
              fmt::format("step \"{}\" needs \"{}\": the steps of `finally:` come after all others "
                          "anyway, and need only each other",
                          step.name, need));
          known = false;
        }
      }
    }
    if (!known) return false;
    const auto order = topological_order(workflow_);
    if (order.size() == workflow_.steps.size()) return true;
    std::vector<std::string_view> circle;
    const StepDefinition* first = nullptr;
    for (const auto& step : workflow_.steps) {
      if (std::ranges::find(order, step.name) != order.end()) continue;
      if (first == nullptr) first = &step;
      circle.push_back(step.name);
    }
    if (first != nullptr)
      add(*first, "needs",
          fmt::format("these steps wait for each other and could never begin: {}; remove one of "
                      "their `needs`",
                      fmt::join(circle, ", ")));
    return false;
  }

  // For each step those that have ended before it begins.
  void ancestors() {
    for (const auto& name : topological_order(workflow_)) {
      const auto* step = workflow_.find(name);
      auto& before = before_[name];
      for (const auto& need : step->needs) {
        before.insert(need);
        before.insert(before_[need].begin(), before_[need].end());
      }
      if (step->at_end)
        for (const auto& other : workflow_.steps)
          if (!other.at_end) before.insert(other.name);
    }
  }

  void references(const StepDefinition& step) {
    if (!step.condition.empty()) {
      const auto condition = Expression::parse(step.condition);
      if (!condition)
        add(step, "if",
            fmt::format("`if:` of step \"{}\": {}", step.name, condition.error().message));
      else
        check_paths(step, "if", *condition);
    }
    for (const auto& [key, value] : step.matrix) texts(step, "matrix", value, Matrix::hidden);
    for (const auto& [key, value] : step.with) texts(step, key, value, Matrix::seen);
  }

  enum class Matrix { seen, hidden };  // a matrix does not see itself

  void texts(const StepDefinition& step, std::string_view key, const json::value& value,
             Matrix matrix) {
    if (value.is_array())
      for (const auto& item : value.get_array()) texts(step, key, item, matrix);
    if (value.is_object())
      for (const auto& item : value.get_object()) texts(step, key, item.value(), matrix);
    if (!value.is_string()) return;
    const auto parsed = Template::parse(std::string_view(value.get_string()));
    if (!parsed)
      return add(step, key,
                 fmt::format("`{}:` of step \"{}\": {}", key, step.name, parsed.error().message));
    for (const auto& part : parsed->parts())
      for (const auto& expression : part.expression) check_paths(step, key, expression, matrix);
  }

  void check_paths(const StepDefinition& step, std::string_view key, const Expression& expression,
                   Matrix matrix = Matrix::seen) {
    for (const auto& path : expression.references())
      if (auto message = problem_of(&step, path, matrix); !message.empty())
        add(step, key, fmt::format("step \"{}\": {}", step.name, message));
  }

  void text_at_top(std::string_view key, std::string_view text) {
    const auto parsed = Template::parse(text);
    if (!parsed) return at_top(key, fmt::format("`{}:`: {}", key, parsed.error().message));
    for (const auto& part : parsed->parts())
      for (const auto& expression : part.expression)
        for (const auto& path : expression.references())
          if (auto message = problem_of(nullptr, path, Matrix::hidden); !message.empty())
            at_top(key, std::move(message));
  }

  // Empty: it refers to something that is there by then. No step: at the run's end.
  std::string problem_of(const StepDefinition* step, const std::vector<std::string>& path,
                         Matrix matrix) const {
    const auto& root = path[0];
    if (root != "inputs" && root != "steps" && root != "matrix" && root != "run")
      return fmt::format(
          "\"{}\" is unknown: expressions know inputs, steps, matrix and run; a text stands in "
          "quotes",
          root);
    if (path.size() < 2) return {};
    const auto& name = path[1];
    if (root == "inputs") {
      if (workflow_.inputs.contains(name) ||
          std::ranges::find(kRunInputs, name) != kRunInputs.end())
        return {};
      return fmt::format("inputs.{} is not declared: add it below `inputs:`", name);
    }
    if (root == "run")
      return std::ranges::find(kRunFields, name) != kRunFields.end()
                 ? ""
                 : fmt::format("run.{} is unknown: use one of {}", name,
                               fmt::join(kRunFields, ", "));
    if (root == "matrix") {
      if (step == nullptr || matrix == Matrix::hidden || !step->matrix.contains(name))
        return fmt::format("matrix.{} is not in this step's `matrix:`", name);
      return {};
    }
    const auto* other = workflow_.find(name);
    if (other == nullptr) return fmt::format("steps.{} is not a step of this workflow", name);
    if (step != nullptr && !before_.at(step->name).contains(name))
      return fmt::format("steps.{} may not have ended by then: add \"{}\" to `needs:`", name, name);
    if (path.size() < 3) return {};
    if (std::ranges::find(kStepFields, path[2]) == kStepFields.end())
      return fmt::format("steps.{}.{} is unknown: use one of {}", name, path[2],
                         fmt::join(kStepFields, ", "));
    if (path[2] != "outputs" || path.size() < 4) return {};
    const auto* rules = rules_of(*other);
    if (rules == nullptr || other->outputs.contains(path[3]) ||
        std::ranges::find(rules->outputs, path[3]) != rules->outputs.end())
      return {};
    return fmt::format("step \"{}\" gives no output \"{}\"{}", name, path[3],
                       rules->declared_outputs ? ": declare it in its `outputs:`" : "");
  }

  const Workflow& workflow_;
  std::span<const KindRules> kinds_;
  std::map<std::string, std::set<std::string>, std::less<>> before_;
  std::vector<WorkflowProblem> problems_;
};

}  // namespace

std::vector<WorkflowProblem> check(const Workflow& workflow, std::span<const KindRules> kinds) {
  return Checker(workflow, kinds).run();
}

}  // namespace corral::domain
