// A workflow definition: a graph of steps. Plain data, kept inside the event that creates a run, so
// that a run never changes its meaning when a definition does.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"

namespace corral::domain {

struct RetryPolicy {
  int attempts = 3;             // in all, the first included; 1: no retry
  Duration backoff{2'000};      // before the second attempt; doubles each time
  std::vector<std::string> on;  // error codes; empty: those that another attempt may not meet again

  static void fields(auto& self, auto& visit) {
    visit("attempts", self.attempts);
    visit("backoff_ms", self.backoff);
    visit("on", self.on);
  }
};

// Where a key of the definition stands, for errors. Not kept.
struct Place {
  int line = 0, column = 0;  // from 1; 0: unknown
};
using Places = std::map<std::string, Place, std::less<>>;

struct StepDefinition {
  std::string name;   // [a-z0-9][a-z0-9-]{0,31}; part of process ids
  std::string kind;   // "git", "agent", "command", …: known to the engine's registry
  json::object with;  // what the kind asks for (KindRules); texts may hold ${{ … }}
  // When it runs, as an expression; empty: success(). Unless it asks for success(), failure(),
  // always() or cancelled(), success() is implied.
  std::string condition;
  std::vector<std::string> needs;  // names of steps that end before this one begins
  json::object matrix;   // a list, or an expression that gives one, by key: a step for each
                         // combination
  int max_parallel = 0;  // of a matrix's steps at once; 0: the run's own limit
  std::map<std::string, std::string, std::less<>> outputs;  // a type by name
  Duration timeout{0};                                      // 0: only the run's own
  RetryPolicy retry;
  bool continue_on_error = false;  // its failure is nobody else's
  bool at_end = false;             // a `finally` step: after all others, also of a cancelled run
  Place place;
  Places places;  // of its keys

  static void fields(auto& self, auto& visit) {
    visit("name", self.name);
    visit("kind", self.kind);
    visit("with", self.with);
    visit("if", self.condition);
    visit("needs", self.needs);
    visit("matrix", self.matrix);
    visit("max_parallel", self.max_parallel);
    visit("outputs", self.outputs);
    visit("timeout_ms", self.timeout);
    visit("retry", self.retry);
    visit("continue_on_error", self.continue_on_error);
    visit("finally", self.at_end);
  }
  // A text of `with`; empty when it is not there.
  std::string text(std::string_view key) const;
};

struct InputDefinition {
  std::string type = "string";  // one of kValueTypes
  std::string description;
  bool required = false;
  json::value otherwise;             // its default; null: none
  std::vector<std::string> options;  // of a string: one of these

  static void fields(auto& self, auto& visit) {
    visit("type", self.type);
    visit("description", self.description);
    visit("required", self.required);
    visit("default", self.otherwise);
    visit("options", self.options);
  }
};

struct Schedule {
  std::string cron;  // five fields (domain/cron.h)
  std::string timezone = "UTC";

  static void fields(auto& self, auto& visit) {
    visit("cron", self.cron);
    visit("timezone", self.timezone);
  }
};

struct Concurrency {
  std::string group;  // a text with expressions; empty: no limit
  int limit = 1;

  static void fields(auto& self, auto& visit) {
    visit("group", self.group);
    visit("limit", self.limit);
  }
};

struct Workflow {
  std::string name;
  int version = 1;
  std::string description;
  std::map<std::string, InputDefinition, std::less<>> inputs;
  std::map<std::string, std::string, std::less<>> outputs;  // an expression by name
  Concurrency concurrency;
  std::optional<Schedule> schedule;
  int priority = 0;
  Duration timeout{0};                // 0: the server's default
  std::vector<StepDefinition> steps;  // the `finally` steps last
  Places places;

  static void fields(auto& self, auto& visit) {
    visit("name", self.name);
    visit("version", self.version);
    visit("description", self.description);
    visit("inputs", self.inputs);
    visit("outputs", self.outputs);
    visit("concurrency", self.concurrency);
    visit("schedule", self.schedule);
    visit("priority", self.priority);
    visit("timeout_ms", self.timeout);
    visit("steps", self.steps);
  }
  const StepDefinition* find(std::string_view step) const;
};

inline constexpr std::size_t kMaxSteps = 100;
inline constexpr std::size_t kMaxInstances = 256;  // of one matrix
inline constexpr std::size_t kMaxStepText = 64u << 10;
inline constexpr Duration kMaxTimeout = std::chrono::hours(24 * 7);

// ---- values ----

inline constexpr std::string_view kValueTypes[] = {"string", "number", "boolean", "list", "object"};
bool is_value_type(std::string_view name);
bool has_type(const json::value& value, std::string_view type);
// What a text means as a value of that type: "3" as a number, "true" as a boolean, JSON as a list
// or an object. `invalid` when it means none.
Result<json::value> value_from_text(std::string_view text, std::string_view type);

// The inputs of a run: given ones checked, defaults filled in. Texts are converted to the declared
// type when `from_text` (the command line gives nothing else). `invalid` naming the input.
enum class GivenAs { values, texts };
Result<json::object> check_inputs(const Workflow& workflow, const json::object& given,
                                  GivenAs given_as = GivenAs::values);

// ---- what a kind asks for ----

enum class FieldType { text, texts, text_or_texts, map, number, boolean, any };

struct FieldRule {
  std::string_view name;
  FieldType type = FieldType::text;
  enum class Need { optional, required } need = Need::optional;
  std::string_view description;
};

struct KindRules {
  std::string_view name;
  std::string_view description;
  std::vector<FieldRule> fields;
  std::vector<std::string_view> outputs;  // those it always gives
  bool declared_outputs = false;          // whether it can give what `outputs:` declares
  // What is wrong with a step beyond that, as the key at fault and a message. May be null.
  std::vector<std::pair<std::string, std::string>> (*check)(const StepDefinition& step) = nullptr;
};

// ---- checking ----

// What is wrong with a definition, and where.
struct WorkflowProblem {
  std::string message;
  int line = 0;
  int column = 0;
};

// Every problem: names, kinds, needs that do not exist or form a cycle, expressions, references to
// what is not there or not yet, what each kind requires, limits.
std::vector<WorkflowProblem> check(const Workflow& workflow, std::span<const KindRules> kinds);

// The steps so that each comes after all it needs; definition order otherwise. Of a checked
// workflow.
std::vector<std::string> topological_order(const Workflow& workflow);

}  // namespace corral::domain
