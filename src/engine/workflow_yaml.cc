#include "engine/workflow_yaml.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <yaml-cpp/yaml.h>

#include "engine/step_kind.h"

namespace corral::engine {
namespace {

using domain::StepDefinition;
using domain::Workflow;

class Parser {
 public:
  explicit Parser(std::string_view name) : name_(name) {}

  Result<Workflow> parse(std::string_view yaml) {
    if (yaml.size() > kMaxDefinitionBytes)
      return fail(ErrorCode::invalid, "{}:1:1: the definition has {} bytes: at most {}", name_,
                  yaml.size(), kMaxDefinitionBytes);
    Workflow workflow;
    try {
      workflow = read(YAML::Load(std::string(yaml)));
    } catch (const YAML::Exception& error) {
      // yaml-cpp counts lines and columns from 0, and gives -1 where it knows none.
      problem(std::max(error.mark.line, 0) + 1, std::max(error.mark.column, 0) + 1,
              "not valid YAML: " + error.msg);
    }
    if (problems_.empty())
      for (auto& found : domain::check(workflow, step_kind_names()))
        problem(std::max(found.line, 1), std::max(found.column, 1), std::move(found.message));
    if (!problems_.empty()) return fail(ErrorCode::invalid, "{}", fmt::join(problems_, "\n"));
    return workflow;
  }

 private:
  void problem(int line, int column, std::string_view message) {
    if (problems_.size() < 20)
      problems_.push_back(fmt::format("{}:{}:{}: {}", name_, line, column, message));
  }
  void problem(const YAML::Node& at, std::string_view message) {
    problem(std::max(at.Mark().line, 0) + 1, std::max(at.Mark().column, 0) + 1, message);
  }

  static std::string text_of(const YAML::Node& node) {
    return node.IsScalar() ? node.Scalar() : std::string();
  }

  // Reads the keys of a mapping: each through its entry in `readers`; others, and repeated ones,
  // are problems.
  using Reader = std::function<void(const YAML::Node& value)>;
  void mapping(const YAML::Node& node, std::string_view what,
               const std::vector<std::pair<std::string_view, Reader>>& readers) {
    if (!node.IsMap()) return problem(node, fmt::format("{} must be a mapping (key: value)", what));
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const auto key = text_of(entry.first);
      const auto reader =
          std::ranges::find(readers, std::string_view(key), [](const auto& r) { return r.first; });
      if (reader == readers.end()) {
        std::vector<std::string_view> known;
        for (const auto& r : readers) known.push_back(r.first);
        problem(entry.first, fmt::format("unknown key \"{}\" in {}: use one of {}", key, what,
                                         fmt::join(known, ", ")));
      } else if (!seen.insert(key).second) {
        problem(entry.first, fmt::format("\"{}\" is given twice in {}", key, what));
      } else {
        reader->second(entry.second);
      }
    }
  }

  Reader string_into(std::string& out, std::string_view key) {
    return [this, &out, key](const YAML::Node& value) {
      if (!value.IsScalar()) return problem(value, fmt::format("\"{}\" must be text", key));
      out = value.Scalar();
    };
  }
  Reader strings_into(std::vector<std::string>& out, std::string_view key) {
    return [this, &out, key](const YAML::Node& value) {
      if (value.IsScalar()) return out.push_back(value.Scalar());
      if (!value.IsSequence())
        return problem(value, fmt::format("\"{}\" must be a list of texts", key));
      for (const auto& item : value) {
        if (!item.IsScalar())
          return problem(item, fmt::format("\"{}\" must be a list of texts", key));
        out.push_back(item.Scalar());
      }
    };
  }
  Reader int_into(int& out, std::string_view key) {
    return [this, &out, key](const YAML::Node& value) {
      const auto text = text_of(value);
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
      if (text.empty() || error != std::errc() || end != text.data() + text.size())
        problem(value, fmt::format("\"{}\" must be a whole number", key));
    };
  }
  // "90s", "15m", "2h"; a bare number is seconds.
  Reader duration_into(Duration& out, std::string_view key) {
    return [this, &out, key](const YAML::Node& value) {
      const auto text = text_of(value);
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
      const std::int64_t scale = unit.empty() || unit == "s" ? 1'000
                                 : unit == "m"               ? 60'000
                                 : unit == "h"               ? 3'600'000
                                                             : 0;
      if (error != std::errc() || scale == 0 || number < 0 || number > 1'000'000)
        return problem(
            value,
            fmt::format("\"{}\" must be a time such as 90s, 15m or 2h, not \"{}\"", key, text));
      out = Duration(number * scale);
    };
  }

  Workflow read(const YAML::Node& root) {
    Workflow workflow;
    mapping(root, "a workflow",
            {
                {"name", string_into(workflow.name, "name")},
                {"version", int_into(workflow.version, "version")},
                {"steps",
                 [&](const YAML::Node& steps) {
                   if (!steps.IsSequence())
                     return problem(
                         steps, "\"steps\" must be a list, each item beginning with \"- name: …\"");
                   for (const auto& step : steps) workflow.steps.push_back(read_step(step));
                 }},
            });
    return workflow;
  }

  StepDefinition read_step(const YAML::Node& node) {
    StepDefinition step;
    step.line = node.Mark().line + 1;
    step.column = node.Mark().column + 1;
    std::vector<std::pair<std::string_view, Reader>> readers{
        {"name", string_into(step.name, "name")},
        {"kind", string_into(step.kind, "kind")},
        {"action", string_into(step.action, "action")},
        {"agent", string_into(step.agent, "agent")},
        {"prompt", string_into(step.prompt, "prompt")},
        {"if", string_into(step.condition, "if")},
        {"needs", strings_into(step.needs, "needs")},
        {"timeout", duration_into(step.timeout, "timeout")},
    };
    readers.emplace_back("run", [&](const YAML::Node& run) {
      if (run.IsSequence())
        strings_into(step.argv, "run")(run);
      else
        string_into(step.run, "run")(run);
    });
    readers.emplace_back("retry", [&](const YAML::Node& retry) {
      mapping(retry, "retry",
              {{"attempts", int_into(step.retry.attempts, "attempts")},
               {"backoff", duration_into(step.retry.backoff, "backoff")}});
    });
    mapping(node, "a step", readers);
    return step;
  }

  std::string name_;
  std::vector<std::string> problems_;
};

}  // namespace

Result<Workflow> parse_workflow(std::string_view yaml, std::string_view name) {
  return Parser(name).parse(yaml);
}

}  // namespace corral::engine
