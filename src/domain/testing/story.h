// A run to which commands are given one after the other, for the tests of the rules.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "domain/run.h"
#include "domain/schedule.h"

namespace corral::domain {

inline constexpr Time kNow{std::chrono::seconds(1'800'000'000)};
inline const RunId kRun{Uuid::parse("01936d5e-0000-7000-8000-000000000001").value()};

using Types = std::vector<std::string>;
using Actions = std::vector<std::string>;

inline StepDefinition step(std::string name, std::vector<std::string> needs = {}) {
  return {.name = std::move(name),
          .kind = "command",
          .with = {{"run", "make"}},
          .needs = std::move(needs)};
}
inline StepDefinition step_if(std::string name, std::string condition,
                              std::vector<std::string> needs = {}) {
  auto made = step(std::move(name), std::move(needs));
  made.condition = std::move(condition);
  return made;
}
inline StepDefinition finally(std::string name, std::vector<std::string> needs = {}) {
  auto made = step(std::move(name), std::move(needs));
  made.at_end = true;
  return made;
}
inline StepDefinition matrix_step(std::string name, json::object matrix,
                                  std::vector<std::string> needs = {}) {
  auto made = step(std::move(name), std::move(needs));
  made.matrix = std::move(matrix);
  return made;
}

inline Request request_of(std::vector<StepDefinition> steps) {
  Request made;
  made.project_name = "shop";
  made.workflow = {.name = "w", .steps = std::move(steps)};
  made.agent = "claude";
  made.prompt = "fix it";
  made.timeout = std::chrono::hours(1);
  return made;
}

// What an action of a plan says, as text.
inline std::string text_of(const next::Action& action) {
  struct Teller {
    std::string operator()(const next::BeginRun&) { return "begin"; }
    std::string operator()(const next::StartStep& a) { return "start " + a.step; }
    std::string operator()(const next::SkipStep& a) { return "skip " + a.step + ": " + a.reason; }
    std::string operator()(const next::ExpandStep& a) { return "expand " + a.step; }
    std::string operator()(const next::JoinStep& a) {
      return "join " + a.step + (a.failure ? ": " + a.failure->message : "");
    }
    std::string operator()(const next::WorkOn& a) { return "work on " + a.step; }
    std::string operator()(const next::CancelRun&) { return "cancel"; }
    std::string operator()(const next::CompleteRun&) { return "complete"; }
    std::string operator()(const next::FailRun& a) { return "fail: " + a.error.message; }
  };
  return std::visit(Teller{}, action);
}

struct Story {
  Run run;
  Time now = kNow;
  std::vector<std::pair<std::string, json::value>> stored;  // the events' types and data

  explicit Story(Request request) { tell(Create{kRun, std::move(request), {}, {}, {}, {}, {}}); }
  explicit Story(std::vector<StepDefinition> steps) : Story(request_of(std::move(steps))) {}
  explicit Story(Create create) { tell(std::move(create)); }

  Types tell(const Command& command, std::string_view actor = "test") {
    const auto events = decide(run, command, now);
    EXPECT_TRUE(events) << events.error().message;
    Types types;
    if (!events) return types;
    for (const auto& event : *events) {
      // What is stored is what is applied: every event survives the way through JSON.
      stored.emplace_back(type_of(event.body), data_of(event));
      const auto read = event_from(stored.back().first, stored.back().second);
      EXPECT_TRUE(read) << read.error().message;
      EXPECT_EQ(data_of(*read), data_of(event));
      apply(run, *read, actor);
      types.emplace_back(type_of(event.body));
    }
    return types;
  }
  Error refused(const Command& command) const {
    const auto events = decide(run, command, now);
    EXPECT_FALSE(events);
    return events ? Error{} : events.error();
  }

  next::Plan plan() const { return next::plan(run, now); }
  Actions actions() const {
    Actions all;
    for (const auto& action : plan().actions) all.push_back(text_of(action));
    return all;
  }

  const Step& at(std::string_view name) const {
    const auto* found = run.find(name);
    CORRAL_ASSERT(found != nullptr);
    return *found;
  }
  StepStatus status(std::string_view name) const { return at(name).status; }

  void begin() { tell(Begin{}); }
  void start(const std::string& name) { tell(StartStep{name}); }
  void complete(const std::string& name, json::object outputs = {}) {
    tell(CompleteStep{name, at(name).attempt, "", std::move(outputs)});
  }
  void do_step(const std::string& name, json::object outputs = {}) {
    start(name);
    complete(name, std::move(outputs));
  }
  // With an error that no policy tries again.
  void break_step(const std::string& name, std::string message = "broken") {
    start(name);
    tell(FailStep{name, at(name).attempt, {ErrorCode::conflict, std::move(message)}});
  }
  void skip(const std::string& name) { tell(SkipStep{name, "not now"}); }
  void fail_run(std::string message = "broken") {
    tell(Fail{{ErrorCode::conflict, std::move(message)}});
  }
};

}  // namespace corral::domain
