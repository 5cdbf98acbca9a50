#include "domain/workflow.h"

#include <algorithm>
#include <array>
#include <set>

namespace corral::domain {
namespace {

constexpr std::array<std::string_view, 2> kInputs{"checks", "prompt"};

bool is_step_name(std::string_view name) {
  if (name.empty() || name.size() > 32 || name.front() == '-') return false;
  return std::ranges::all_of(
      name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

// "{{name}}" and nothing else: the name; otherwise empty.
std::string_view sole_input(std::string_view text) {
  if (!text.starts_with("{{") || !text.ends_with("}}") || text.size() < 5) return {};
  const auto name = text.substr(2, text.size() - 4);
  return is_input_name(name) ? name : std::string_view{};
}

class Checker {
 public:
  Checker(const Workflow& workflow, std::span<const std::string_view> kinds)
      : workflow_(workflow), kinds_(kinds) {}

  std::vector<WorkflowProblem> run() {
    if (workflow_.name.empty()) add({}, "a workflow needs a name: add `name: my-workflow`");
    if (workflow_.steps.empty()) add({}, "a workflow needs at least one step below `steps:`");
    if (workflow_.steps.size() > kMaxSteps)
      add({}, fmt::format("{} steps are too many: at most {}", workflow_.steps.size(), kMaxSteps));
    std::set<std::string_view> names;
    for (const auto& step : workflow_.steps) {
      if (!is_step_name(step.name))
        add(step, fmt::format(
                      "\"{}\" is no step name: use 1 to 32 of a-z, 0-9 and -, not beginning with -",
                      step.name));
      else if (!names.insert(step.name).second)
        add(step, fmt::format("there are two steps named \"{}\": names must differ", step.name));
      kind(step);
      limits(step);
    }
    needs();
    return std::move(problems_);
  }

 private:
  void add(const StepDefinition& step, std::string message) {
    problems_.push_back({std::move(message), step.line, step.column});
  }

  void kind(const StepDefinition& step) {
    if (std::ranges::find(kinds_, step.kind) == kinds_.end()) {
      add(step, fmt::format("step \"{}\" has the unknown kind \"{}\": use one of {}", step.name,
                            step.kind, fmt::join(kinds_, ", ")));
      return;
    }
    const bool git = step.kind == "git", command = step.kind == "command",
               agent = step.kind == "agent";
    if (git && step.action != "clone" && step.action != "commit")
      add(step, fmt::format("git step \"{}\" needs `action: clone` or `action: commit`, not \"{}\"",
                            step.name, step.action));
    if (command && step.run.empty() == step.argv.empty())
      add(step,
          fmt::format("command step \"{}\" needs `run:`, as shell text or as a list of arguments",
                      step.name));
    if (agent && step.prompt.empty())
      add(step, fmt::format("agent step \"{}\" needs a `prompt:`, for instance \"{{{{prompt}}}}\"",
                            step.name));
    const auto foreign = [&](bool given, bool fits, std::string_view key) {
      if (given && !fits)
        add(step, fmt::format("step \"{}\" of kind {} takes no `{}:`", step.name, step.kind, key));
    };
    foreign(!step.action.empty(), git, "action");
    foreign(!step.run.empty() || !step.argv.empty(), command, "run");
    foreign(!step.prompt.empty(), agent, "prompt");
    foreign(!step.agent.empty(), agent, "agent");
  }

  void limits(const StepDefinition& step) {
    if (step.run.size() > kMaxStepText || step.prompt.size() > kMaxStepText)
      add(step, fmt::format("the text of step \"{}\" is too long: at most {} bytes", step.name,
                            kMaxStepText));
    if (step.timeout.count() < 0 || step.timeout > kMaxTimeout)
      add(step, fmt::format("the timeout of step \"{}\" must be from 1s to 168h", step.name));
    if (step.retry.attempts < 1 || step.retry.attempts > 10)
      add(step, fmt::format("step \"{}\": retry attempts must be from 1 to 10, not {}", step.name,
                            step.retry.attempts));
    if (step.retry.backoff.count() < 0 || step.retry.backoff > Duration(3'600'000))
      add(step, fmt::format("step \"{}\": retry backoff must be from 0s to 1h", step.name));
    if (!step.condition.empty() && step.condition != "always" && sole_input(step.condition).empty())
      add(step, fmt::format("step \"{}\": `if: {}` is not understood: use always, or an input: "
                            "{{{{checks}}}} or {{{{prompt}}}}",
                            step.name, step.condition));
  }

  void needs() {
    bool known = true;
    for (const auto& step : workflow_.steps) {
      for (const auto& need : step.needs) {
        if (workflow_.find(need) == nullptr) {
          add(step, fmt::format("step \"{}\" needs \"{}\", which is not a step of this workflow",
                                step.name, need));
          known = false;
        }
      }
    }
    if (!known) return;
    const auto order = topological_order(workflow_);
    if (order.size() == workflow_.steps.size()) return;
    std::vector<std::string_view> circle;
    const StepDefinition* first = nullptr;
    for (const auto& step : workflow_.steps) {
      if (std::ranges::find(order, step.name) != order.end()) continue;
      if (first == nullptr) first = &step;
      circle.push_back(step.name);
    }
    if (first != nullptr)
      add(*first, fmt::format("these steps wait for each other and could never begin: {}; remove "
                              "one of their `needs`",
                              fmt::join(circle, ", ")));
  }

  const Workflow& workflow_;
  std::span<const std::string_view> kinds_;
  std::vector<WorkflowProblem> problems_;
};

}  // namespace

const StepDefinition* Workflow::find(std::string_view step) const {
  const auto at = std::ranges::find(steps, step, &StepDefinition::name);
  return at == steps.end() ? nullptr : &*at;
}

std::vector<WorkflowProblem> check(const Workflow& workflow,
                                   std::span<const std::string_view> kinds) {
  return Checker(workflow, kinds).run();
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

bool is_input_name(std::string_view name) {
  return std::ranges::find(kInputs, name) != kInputs.end();
}

std::string render(std::string_view text,
                   const std::map<std::string, std::string, std::less<>>& inputs) {
  std::string out;
  while (!text.empty()) {
    const auto open = text.find("{{");
    out += text.substr(0, open);
    if (open == std::string_view::npos) break;
    text.remove_prefix(open);
    const auto close = text.find("}}");
    const auto name =
        close == std::string_view::npos ? std::string_view{} : text.substr(2, close - 2);
    if (const auto input = inputs.find(name); is_input_name(name) && input != inputs.end()) {
      out += input->second;
      text.remove_prefix(close + 2);
    } else {
      out += '{';
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace corral::domain
