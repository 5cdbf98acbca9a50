// A workflow definition: a graph of steps. Plain data, kept inside the event that creates a run, so
// that a run never changes its meaning when a definition does.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace corral::domain {

struct RetryPolicy {
  int attempts = 3;         // in all, the first included; 1: no retry
  Duration backoff{2'000};  // before the second attempt; doubles each time

  static void fields(auto& self, auto& visit) {
    visit("attempts", self.attempts);
    visit("backoff_ms", self.backoff);
  }
};

struct StepDefinition {
  std::string name;    // [a-z0-9][a-z0-9-]{0,31}; part of process ids
  std::string kind;    // "git", "agent", "command", "artifacts", …: known to the engine's registry
  std::string action;  // git: "clone" | "commit"
  std::string run;     // command: shell text
  std::vector<std::string> argv;  // command: a program and its arguments instead
  std::string agent;              // agent: its name; empty: the run's
  std::string prompt;             // agent: may name inputs, {{prompt}}
  std::string condition;  // "": when what it needs went well; "always"; "{{input}}": when that
                          // input is not empty
  std::vector<std::string> needs;  // names of steps that end before this one begins
  Duration timeout{0};             // 0: only the run's own
  RetryPolicy retry;
  int line = 0;  // of its definition, for errors; 0: unknown
  int column = 0;

  static void fields(auto& self, auto& visit) {
    visit("name", self.name);
    visit("kind", self.kind);
    visit("action", self.action);
    visit("run", self.run);
    visit("argv", self.argv);
    visit("agent", self.agent);
    visit("prompt", self.prompt);
    visit("if", self.condition);
    visit("needs", self.needs);
    visit("timeout_ms", self.timeout);
    visit("retry", self.retry);
  }
};

struct Workflow {
  std::string name;
  int version = 1;
  std::vector<StepDefinition> steps;

  static void fields(auto& self, auto& visit) {
    visit("name", self.name);
    visit("version", self.version);
    visit("steps", self.steps);
  }
  const StepDefinition* find(std::string_view step) const;
};

// What is wrong with a definition, and where.
struct WorkflowProblem {
  std::string message;
  int line = 0;
  int column = 0;
};

inline constexpr std::size_t kMaxSteps = 100;
inline constexpr std::size_t kMaxStepText = 64u << 10;
inline constexpr Duration kMaxTimeout = std::chrono::hours(24 * 7);

// Every problem: names, kinds (one of `kinds`), needs that do not exist or form a cycle, what each
// kind requires, limits.
std::vector<WorkflowProblem> check(const Workflow& workflow,
                                   std::span<const std::string_view> kinds);

// The steps so that each comes after all it needs; definition order otherwise. Of a checked
// workflow.
std::vector<std::string> topological_order(const Workflow& workflow);

// The inputs that a definition may name.
bool is_input_name(std::string_view name);
// Replaces each {{name}} of a known input. Any other text in braces stays as it is.
std::string render(std::string_view text,
                   const std::map<std::string, std::string, std::less<>>& inputs);

}  // namespace corral::domain
