#include "engine/workflow_yaml.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <yaml-cpp/yaml.h>

#include "engine/yaml_json.h"

namespace corral::engine {
namespace {

using domain::StepDefinition;
using domain::Workflow;

// "${{ x }}" where an expression is meant anyway.
std::string bare_expression(std::string text) {
  const auto begin = text.find_first_not_of(" \t\n"), end = text.find_last_not_of(" \t\n");
  if (begin == std::string::npos) return {};
  text = text.substr(begin, end - begin + 1);
  if (text.starts_with("${{") && text.find("}}") == text.size() - 2)
    return text.substr(3, text.size() - 5);
  return text;
}

class Parser {
 public:
  Parser(std::string_view name, std::span<const domain::KindRules> kinds)
      : name_(name), kinds_(kinds) {}

  Result<Workflow> parse(std::string_view text) {
    if (text.size() > kMaxDefinitionBytes)
      return fail(ErrorCode::invalid, "{}:1:1: the definition has {} bytes: at most {}", name_,
                  text.size(), kMaxDefinitionBytes);
    Workflow workflow;
    try {
      workflow = read(YAML::Load(std::string(text)));
    } catch (const YAML::Exception& error) {
      // yaml-cpp counts lines and columns from 0, and gives -1 where it knows none.
      problem(std::max(error.mark.line, 0) + 1, std::max(error.mark.column, 0) + 1,
              "not valid YAML: " + error.msg);
    }
    if (problems_.empty())
      for (auto& found : domain::check(workflow, kinds_))
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
    const auto place = place_of(at);
    problem(std::max(place.line, 1), std::max(place.column, 1), message);
  }
  static domain::Place place_of(const YAML::Node& node) {
    return {node.Mark().line + 1, node.Mark().column + 1};
  }

  static std::string text_of(const YAML::Node& node) {
    return node.IsScalar() ? node.Scalar() : std::string();
  }

  // Reads the keys of a mapping: each through its entry in `readers`, any other through `others`,
  // or it is a problem. So is a repeated one.
  using Reader = std::function<void(const YAML::Node& value)>;
  using Readers = std::vector<std::pair<std::string_view, Reader>>;
  using Others = std::function<void(const std::string& key, const YAML::Node& value)>;
  void mapping(const YAML::Node& node, std::string_view what, const Readers& readers,
               domain::Places* places = nullptr, const Others& others = {}) {
    if (!node.IsMap()) return problem(node, fmt::format("{} must be a mapping (key: value)", what));
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const auto key = text_of(entry.first);
      if (!seen.insert(key).second) {
        problem(entry.first, fmt::format("\"{}\" is given twice in {}", key, what));
        continue;
      }
      if (places != nullptr) places->emplace(key, place_of(entry.first));
      const auto reader =
          std::ranges::find(readers, std::string_view(key), [](const auto& r) { return r.first; });
      if (reader != readers.end()) {
        reader->second(entry.second);
      } else if (others) {
        others(key, entry.second);
      } else {
        std::vector<std::string_view> known;
        for (const auto& r : readers) known.push_back(r.first);
        problem(entry.first, fmt::format("unknown key \"{}\" in {}: use one of {}", key, what,
                                         fmt::join(known, ", ")));
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
  Reader bool_into(bool& out, std::string_view key) {
    return [this, &out, key](const YAML::Node& value) {
      const auto text = text_of(value);
      if (text != "true" && text != "false")
        return problem(value, fmt::format("\"{}\" must be true or false", key));
      out = text == "true";
    };
  }
  // "500ms", "90s", "15m", "2h"; a bare number is seconds.
  Reader duration_into(Duration& out, std::string_view key) {
    return [this, &out, key](const YAML::Node& value) {
      const auto text = text_of(value);
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
      const std::int64_t scale = unit == "ms"                  ? 1
                                 : unit.empty() || unit == "s" ? 1'000
                                 : unit == "m"                 ? 60'000
                                 : unit == "h"                 ? 3'600'000
                                                               : 0;
      if (error != std::errc() || scale == 0 || number < 0 || number > 1'000'000)
        return problem(
            value, fmt::format("\"{}\" must be a time such as 500ms, 90s, 15m or 2h, not \"{}\"",
                               key, text));
      out = Duration(number * scale);
    };
  }
  std::optional<json::value> value_of(const YAML::Node& node) {
    auto value = json_of(node);
    if (value) return *std::move(value);
    // "LINE:COLUMN: what"
    if (problems_.size() < 20)
      problems_.push_back(fmt::format("{}:{}", name_, value.error().message));
    return std::nullopt;
  }

  Workflow read(const YAML::Node& root) {
    Workflow workflow;
    std::vector<StepDefinition> at_end;
    mapping(
        root, "a workflow",
        {
            {"name", string_into(workflow.name, "name")},
            {"version", int_into(workflow.version, "version")},
            {"description", string_into(workflow.description, "description")},
            {"inputs", [&](const YAML::Node& inputs) { read_inputs(inputs, workflow); }},
            {"outputs",
             [&](const YAML::Node& outputs) {
               mapping(outputs, "outputs", {}, nullptr,
                       [&](const std::string& key, const YAML::Node& value) {
                         string_into(workflow.outputs[key], "an output")(value);
                       });
             }},
            {"concurrency",
             [&](const YAML::Node& node) {
               if (node.IsScalar())
                 return string_into(workflow.concurrency.group, "concurrency")(node);
               mapping(node, "concurrency",
                       {{"group", string_into(workflow.concurrency.group, "group")},
                        {"limit", int_into(workflow.concurrency.limit, "limit")}});
             }},
            {"schedule",
             [&](const YAML::Node& node) {
               workflow.schedule.emplace();
               if (node.IsScalar()) return string_into(workflow.schedule->cron, "schedule")(node);
               mapping(node, "schedule",
                       {{"cron", string_into(workflow.schedule->cron, "cron")},
                        {"timezone", string_into(workflow.schedule->timezone, "timezone")}});
             }},
            {"priority", int_into(workflow.priority, "priority")},
            {"timeout", duration_into(workflow.timeout, "timeout")},
            {"steps", [&](const YAML::Node& steps) { read_steps(steps, "steps", workflow.steps); }},
            {"finally", [&](const YAML::Node& steps) { read_steps(steps, "finally", at_end); }},
        },
        &workflow.places);
    for (auto& step : at_end) {
      step.at_end = true;
      workflow.steps.push_back(std::move(step));
    }
    return workflow;
  }

  void read_inputs(const YAML::Node& node, Workflow& workflow) {
    mapping(node, "inputs", {}, nullptr, [&](const std::string& key, const YAML::Node& value) {
      auto& input = workflow.inputs[key];
      if (value.IsScalar()) return string_into(input.type, "type")(value);
      mapping(value, "an input",
              {{"type", string_into(input.type, "type")},
               {"description", string_into(input.description, "description")},
               {"required", bool_into(input.required, "required")},
               {"options", strings_into(input.options, "options")},
               {"default", [&](const YAML::Node& otherwise) {
                  if (auto given = value_of(otherwise)) input.otherwise = *std::move(given);
                }}});
    });
  }

  // Without `needs:` a step waits for the one before it; `needs: []` lets it begin at once.
  void read_steps(const YAML::Node& steps, std::string_view what,
                  std::vector<StepDefinition>& out) {
    if (!steps.IsSequence())
      return problem(
          steps,
          fmt::format("\"{}\" must be a list, each item beginning with \"- name: …\"", what));
    for (const auto& node : steps) {
      auto step = read_step(node);
      if (!step.places.contains("needs") && !out.empty()) step.needs.push_back(out.back().name);
      out.push_back(std::move(step));
    }
  }

  StepDefinition read_step(const YAML::Node& node) {
    StepDefinition step;
    step.place = place_of(node);
    const Readers readers{
        {"name", string_into(step.name, "name")},
        {"kind", string_into(step.kind, "kind")},
        {"if",
         [&](const YAML::Node& value) {
           string_into(step.condition, "if")(value);
           step.condition = bare_expression(std::move(step.condition));
         }},
        {"needs", strings_into(step.needs, "needs")},
        {"matrix",
         [&](const YAML::Node& value) {
           if (auto matrix = value_of(value); matrix && matrix->is_object())
             step.matrix = matrix->get_object();
           else if (matrix)
             problem(value, "\"matrix\" must be a mapping: a list of values by name");
         }},
        {"max_parallel", int_into(step.max_parallel, "max_parallel")},
        {"outputs",
         [&](const YAML::Node& value) {
           mapping(value, "outputs", {}, nullptr,
                   [&](const std::string& key, const YAML::Node& type) {
                     string_into(step.outputs[key], "the type of an output")(type);
                   });
         }},
        {"timeout", duration_into(step.timeout, "timeout")},
        {"retry",
         [&](const YAML::Node& retry) {
           mapping(retry, "retry",
                   {{"attempts", int_into(step.retry.attempts, "attempts")},
                    {"backoff", duration_into(step.retry.backoff, "backoff")},
                    {"on", strings_into(step.retry.on, "on")}});
         }},
        {"continue_on_error", bool_into(step.continue_on_error, "continue_on_error")},
    };
    // The rest is the kind's: checked by its rules.
    mapping(node, "a step", readers, &step.places,
            [&](const std::string& key, const YAML::Node& value) {
              if (auto given = value_of(value)) step.with[key] = *std::move(given);
            });
    return step;
  }

  std::string name_;
  std::span<const domain::KindRules> kinds_;
  std::vector<std::string> problems_;
};

}  // namespace

Result<Workflow> parse_workflow(std::string_view text, std::string_view name,
                                std::span<const domain::KindRules> kinds) {
  return Parser(name, kinds).parse(text);
}

}  // namespace corral::engine
