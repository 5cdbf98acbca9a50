#include "domain/upcast.h"

#include <gtest/gtest.h>

#include "domain/expression.h"
#include "domain/testing/story.h"

namespace corral::domain {
namespace {

// As it was stored before steps had `with`.
constexpr std::string_view kCreated = R"({
  "v": 1, "at": "2026-11-21T09:00:00.000Z", "run": "01936d5e-0000-7000-8000-000000000001",
  "request": {
    "project": "01936d5e-0000-7000-8000-0000000000b1", "project_name": "shop",
    "git_url": "https://example.org/shop.git",
    "workflow": {"name": "task", "version": 1, "steps": [
      {"name": "prepare", "kind": "git", "action": "clone", "run": "", "argv": [], "agent": "",
       "prompt": "", "if": "", "needs": [], "timeout_ms": 0,
       "retry": {"attempts": 3, "backoff_ms": 2000}},
      {"name": "agent", "kind": "agent", "action": "", "run": "", "argv": [], "agent": "claude",
       "prompt": "{{prompt}}", "if": "", "needs": ["prepare"], "timeout_ms": 60000,
       "retry": {"attempts": 1, "backoff_ms": 5000}},
      {"name": "checks", "kind": "command", "action": "", "run": "{{checks}}", "argv": [],
       "agent": "", "prompt": "", "if": "{{checks}}", "needs": ["agent"], "timeout_ms": 0,
       "retry": {"attempts": 3, "backoff_ms": 2000}},
      {"name": "test", "kind": "command", "action": "", "run": "",
       "argv": ["make", "T={{checks}}"], "agent": "", "prompt": "", "if": "", "needs": ["checks"],
       "timeout_ms": 0, "retry": {"attempts": 3, "backoff_ms": 2000}},
      {"name": "artifacts", "kind": "artifacts", "action": "", "run": "", "argv": [], "agent": "",
       "prompt": "", "if": "always", "needs": ["test"], "timeout_ms": 0,
       "retry": {"attempts": 3, "backoff_ms": 2000}}]},
    "agent": "claude", "prompt": "fix it", "prompt_blob": "", "command": [],
    "checks": "make test", "model": "", "base": "main", "branch": "corral/1",
    "permissions": "ask", "budget_nano_usd": 1000000000, "timeout_ms": 3600000, "priority": 2,
    "author_name": "Ann", "author_email": "ann@example.org"}})";

Workflow today() {
  Workflow w{
      .name = "task",
      .steps = {
          {.name = "prepare", .kind = "git", .with = {{"action", "clone"}}},
          {.name = "agent",
           .kind = "agent",
           .with = {{"agent", "claude"}, {"prompt", "${{ inputs.prompt }}"}},
           .needs = {"prepare"},
           .timeout = Duration(60'000),
           .retry = {.attempts = 1, .backoff = Duration(5'000)}},
          {.name = "checks",
           .kind = "command",
           .with = {{"run", "${{ inputs.checks }}"}},
           .condition = "inputs.checks",
           .needs = {"agent"}},
          {.name = "test",
           .kind = "command",
           .with = {{"run", json::array{"make", "T=${{ inputs.checks }}"}}},
           .needs = {"checks"}},
          {.name = "artifacts", .kind = "artifacts", .condition = "always()", .needs = {"test"}}}};
  return w;
}

Event created(json::value data) {
  const auto event = event_from("run.created", data);
  EXPECT_TRUE(event) << event.error().message;
  return *event;
}

TEST(Upcast, ARunThatVersion1CreatedIsTheSameAsToday) {
  domain::Run old;
  apply(old, created(json::parse(kCreated)), "user:ann");

  Request request;
  request.project = *ProjectId::parse("01936d5e-0000-7000-8000-0000000000b1");
  request.project_name = "shop";
  request.git_url = "https://example.org/shop.git";
  request.workflow = today();
  request.agent = "claude";
  request.prompt = "fix it";
  request.checks = "make test";
  request.base = "main";
  request.branch = "corral/1";
  request.permissions = PermissionPolicy::ask;
  request.budget = Money::from_usd(1);
  request.timeout = std::chrono::hours(1);
  request.priority = 2;
  request.author_name = "Ann";
  request.author_email = "ann@example.org";
  EXPECT_EQ(to_json(old.request), to_json(request));
  EXPECT_EQ(old.id, kRun);
  EXPECT_EQ(to_rfc3339(old.created_at), "2026-11-21T09:00:00.000Z");
  ASSERT_EQ(old.steps.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_EQ(to_json(old.steps[i].definition), to_json(request.workflow.steps[i]));
}

TEST(Upcast, ItGoesOnAsToday) {
  Story story{std::vector<StepDefinition>{}};
  story.run = {};
  apply(story.run, created(json::parse(kCreated)), "user:ann");
  story.begin();
  for (const char* name : {"prepare", "agent", "checks", "test", "artifacts"}) {
    EXPECT_EQ(story.actions(), (Actions{fmt::format("start {}", name)}));
    story.do_step(name);
  }
  EXPECT_EQ(story.actions(), Actions{"complete"});
}

// What version 1's run of one step after the other made of a definition.
struct Old {
  std::string name, text, condition;
  std::vector<std::string> needs;
};
Run run_of(const std::vector<Old>& steps) {
  auto data = json::parse(kCreated);
  json::array all;
  for (const auto& step : steps)
    all.push_back(json::object{{"name", step.name},
                               {"kind", "command"},
                               {"run", step.text},
                               {"if", step.condition},
                               {"needs", json::value_from(step.needs)},
                               {"retry", {{"attempts", 1}, {"backoff_ms", 0}}}});
  data.at("request").at("workflow").at("steps") = all;
  Run run;
  apply(run, created(data), "test");
  return run;
}

TEST(Upcast, StepsThatNeedNothingStillRunOneAfterTheOther) {
  Story story{std::vector<StepDefinition>{}};
  // `first` needs one that is defined after it.
  story.run = run_of({{"third", "x", "", {"second"}},
                      {"first", "x", "", {}},
                      {"second", "x", "", {}},
                      {"fourth", "x", "", {}}});
  story.begin();
  for (const char* name : {"first", "second", "third", "fourth"}) {
    EXPECT_EQ(story.actions(), (Actions{fmt::format("start {}", name)}));
    story.do_step(name);
  }
  EXPECT_EQ(story.actions(), Actions{"complete"});
}

TEST(Upcast, AfterAFailureOnlyStepsThatAlwaysRunStillDo) {
  Story story{std::vector<StepDefinition>{}};
  story.run = run_of({{"a", "x", "", {}},
                      {"b", "x", "always", {}},
                      {"c", "x", "always", {"a"}},
                      {"d", "x", "", {"a"}},
                      {"e", "x", "", {}}});
  story.begin();
  story.break_step("a");
  Actions done;
  for (auto actions = story.actions(); actions[0] != "fail: broken"; actions = story.actions()) {
    ASSERT_EQ(actions.size(), 1u);
    done.push_back(actions[0].substr(0, 7));
    const auto name = actions[0].substr(actions[0].starts_with("start") ? 6 : 5, 1);
    if (actions[0].starts_with("start"))
      story.do_step(name);
    else
      story.skip(name);
  }
  EXPECT_EQ(done, (Actions{"start b", "start c", "skip d:", "skip e:"}));
}

TEST(Upcast, TextsMeanWhatTheyMeant) {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"{{prompt}}", "P"},
      {"a {{prompt}} b {{checks}}", "a P b C"},
      {"{{.Names}} {{ prompt }} {{other}} {{", "{{.Names}} {{ prompt }} {{other}} {{"},
      {"{{{checks}}}", "{C}"},
      {"{{{{prompt}}", "{{P"},
      {"{{x{{prompt}}", "{{xP"},
      {"${{ secrets.x }}", "${{ secrets.x }}"},
      {"$${{ x }}", "$${{ x }}"},
      {"costs ${{prompt}}", "costs $P"},
      {"$$${{checks}}", "$$$C"},
      {"${{{prompt}}", "${P"},
      {"$", "$"},
  };
  for (const auto& [text, meant] : rows) {
    auto run = run_of({{"a", text, "", {}}});
    Scope scope;
    scope.values["inputs"] = json::object{{"prompt", "P"}, {"checks", "C"}};
    const auto now = Template::parse(run.steps[0].definition.text("run"));
    ASSERT_TRUE(now) << text << ": " << now.error().message;
    EXPECT_EQ(now->text(scope).value(), meant) << run.steps[0].definition.text("run");
  }
}

TEST(Upcast, ConditionsMeanWhatTheyMeant) {
  const auto condition = [](std::string_view text) {
    return run_of({{"a", "x", std::string(text), {}}}).steps[0].definition.condition;
  };
  EXPECT_EQ(condition(""), "");
  EXPECT_EQ(condition("always"), "always()");
  EXPECT_EQ(condition("{{prompt}}"), "inputs.prompt");
  EXPECT_EQ(condition("{{checks}}"), "inputs.checks");
}

TEST(Upcast, DataOfAWrongShapeIsCorruptAndNotASurprise) {
  const auto refused = [](auto spoil) {
    auto data = json::parse(kCreated);
    spoil(data);
    const auto event = event_from("run.created", data);
    EXPECT_FALSE(event);
    return event ? ErrorCode::internal : event.error().code;
  };
  const auto steps = [](json::value& data) -> json::value& {
    return data.at("request").at("workflow").at("steps");
  };
  EXPECT_EQ(refused([&](auto& data) { steps(data) = 3; }), ErrorCode::corrupt);
  EXPECT_EQ(refused([&](auto& data) { steps(data).as_array()[1] = 7; }), ErrorCode::corrupt);
  EXPECT_EQ(refused([&](auto& data) { steps(data).at(1).as_object()["needs"] = 7; }),
            ErrorCode::corrupt);
  EXPECT_EQ(refused([&](auto& data) { steps(data).at(1).as_object()["name"] = 7; }),
            ErrorCode::corrupt);
  EXPECT_EQ(refused([&](auto& data) { data.as_object()["request"] = "x"; }), ErrorCode::corrupt);
  EXPECT_EQ(refused([&](auto& data) { data.as_object()["v"] = 3; }), ErrorCode::unsupported);
  // A cycle, which no version 1 would have taken, is kept as it is.
  EXPECT_EQ(run_of({{"a", "x", "", {"b"}}, {"b", "x", "", {"a"}}}).steps[0].definition.needs,
            std::vector<std::string>{"b"});
  // No condition, no needs.
  auto bare = json::parse(kCreated);
  steps(bare) =
      json::array{json::object{{"name", "a"}, {"if", nullptr}}, json::object{{"name", "b"}}};
  EXPECT_EQ(std::get<RunCreated>(created(bare).body).request.workflow.steps[1].needs,
            std::vector<std::string>{"a"});
}

TEST(Upcast, OtherEventsHaveOneVersionOnly) {
  const json::value data = json::object{{"step", "a"}};
  EXPECT_EQ(upcast("run.step.started", 0, data), data);
}

}  // namespace
}  // namespace corral::domain
