#include "domain/workflow.h"

#include <gtest/gtest.h>

#include "domain/fields.h"

namespace corral::domain {
namespace {

std::vector<std::pair<std::string, std::string>> no_odd_words(const StepDefinition& step) {
  if (step.text("run") != "odd") return {};
  return {{"run", "odd is not done"}};
}

const std::vector<KindRules>& kinds() {
  using enum FieldRule::Need;
  static const std::vector<KindRules> all{
      {.name = "command",
       .fields = {{"run", FieldType::text_or_texts, required, "what to run"},
                  {.name = "env", .type = FieldType::map},
                  {.name = "names", .type = FieldType::texts},
                  {.name = "folder", .type = FieldType::text},
                  {.name = "count", .type = FieldType::number},
                  {.name = "quiet", .type = FieldType::boolean},
                  {.name = "extra", .type = FieldType::any}},
       .outputs = {"exit_code"},
       .declared_outputs = true,
       .check = no_odd_words},
      {.name = "git",
       .fields = {{"action", FieldType::text, required, "clone or commit"}},
       .outputs = {"commit", "branch"}},
      {.name = "wait"},
  };
  return all;
}

// Places as a file has them: each key of a step on a line of its own, from 10 on; 20 for the
// second.
StepDefinition step(std::string name, int line) {
  StepDefinition made{.name = std::move(name), .kind = "command", .with = {{"run", "make"}}};
  made.place = {line, 3};
  int next = line;
  for (const char* key :
       {"name", "kind", "run", "if", "needs", "matrix", "max_parallel", "outputs", "timeout"})
    made.places[key] = {next++, 5};
  return made;
}

Workflow good() {
  Workflow made{.name = "w", .steps = {step("a", 10), step("b", 20)}};
  made.steps[1].needs = {"a"};
  made.places = {{"name", {1, 1}},        {"version", {2, 1}}, {"steps", {3, 1}},
                 {"inputs", {4, 1}},      {"outputs", {5, 1}}, {"priority", {6, 1}},
                 {"concurrency", {7, 1}}, {"schedule", {8, 1}}};
  return made;
}

std::string problems_of(const Workflow& workflow) {
  std::string all;
  for (const auto& problem : check(workflow, kinds()))
    all += fmt::format("{}:{} {}\n", problem.line, problem.column, problem.message);
  return all;
}

struct Row {
  std::function<void(Workflow&)> spoil;
  std::string expected;  // "line:column message", each with its line break
};
void expect_problems(const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    auto workflow = good();
    row.spoil(workflow);
    EXPECT_EQ(problems_of(workflow), row.expected);
  }
}

TEST(Workflow, AGoodOneHasNoProblems) { EXPECT_EQ(problems_of(good()), ""); }

TEST(Workflow, EverythingItMayHaveTogether) {
  auto w = good();
  w.inputs["who"] = {.type = "string", .otherwise = "Ann", .options = {"Ann", "Bob"}};
  w.inputs["n"] = {.type = "number", .required = true};
  w.outputs["sha"] = "${{ steps.b.outputs.sha }} of ${{ steps.end.status }}";
  w.concurrency = {.group = "deploy-${{ inputs.who }}", .limit = 2};
  w.schedule = Schedule{.cron = "@daily"};
  w.priority = -1000;
  w.steps[0].matrix = {{"os", json::array{"a", "b"}}, {"n", "${{ range(inputs.n) }}"}};
  w.steps[0].max_parallel = 256;
  w.steps[0].with["folder"] = "${{ matrix.os }}/${{ matrix.n }}/${{ inputs.prompt }}";
  w.steps[1].outputs = {{"sha", "string"}, {"all", "list"}};
  w.steps[1].with["env"] =
      json::object{{"A", json::array{"${{ steps.a.outputs.exit_code }}", "${{ run.branch }}"}}};
  w.steps[1].with["count"] = "${{ inputs.n }}";
  w.steps[1].with["quiet"] = true;
  w.steps[1].with["names"] = json::array{"x", "y"};
  w.steps[1].with["extra"] = 3.5;
  w.steps[1].condition = "always() && steps.a.error.code == 'deadline'";
  w.steps[1].retry = {
      .attempts = 10, .backoff = Duration(3'600'000), .on = {"deadline", "invalid"}};
  w.steps[1].timeout = kMaxTimeout;
  w.steps.push_back({.name = "end", .kind = "git", .with = {{"action", "${{ steps.b.status }}"}}});
  w.steps.back().at_end = true;
  EXPECT_EQ(problems_of(w), "");
}

TEST(Workflow, WhatIsWrongAtTheTop) {
  expect_problems({
      {[](auto& w) { w.name.clear(); }, "1:1 a workflow needs a name: add `name: my-workflow`\n"},
      {[](auto& w) { w.name = "My flow"; },
       "1:1 \"My flow\" is no workflow name: use 1 to 64 of a-z, 0-9 and -\n"},
      {[](auto& w) { w.name = std::string(65, 'a'); },
       "1:1 \"" + std::string(65, 'a') + "\" is no workflow name: use 1 to 64 of a-z, 0-9 and -\n"},
      {[](auto& w) { w.version = 0; }, "2:1 the version must be 1 or more\n"},
      {[](auto& w) { w.steps.clear(); }, "3:1 a workflow needs at least one step below `steps:`\n"},
      {[](auto& w) {
         for (auto& step : w.steps) step.at_end = true;
       },
       "3:1 a workflow needs at least one step below `steps:`\n"},
      {[](auto& w) {
         for (int i = 0; i < 99; ++i) w.steps.push_back(step("s" + std::to_string(i), 100));
       },
       "3:1 101 steps are too many: at most 100\n"},
      {[](auto& w) { w.priority = 1001; }, "6:1 priority must be from -1000 to 1000\n"},
      {[](auto& w) { w.priority = -1001; }, "6:1 priority must be from -1000 to 1000\n"},
      {[](auto& w) { w.concurrency.limit = 0; },
       "7:1 the limit of a concurrency group must be 1 or more\n"},
      {[](auto& w) { w.concurrency.group = "g-${{ inputs.x }}"; },
       "7:1 inputs.x is not declared: add it below `inputs:`\n"},
      {[](auto& w) { w.concurrency.group = "g-${{ 1 + }}"; },
       "7:1 `concurrency:`: in ${{ 1 + }}: column 6: the expression ends where a value should "
       "be\n"},
      {[](auto& w) { w.concurrency.group = "${{ matrix.x }}"; },
       "7:1 matrix.x is not in this step's `matrix:`\n"},
      {[](auto& w) { w.schedule = Schedule{.cron = "every day"}; },
       "8:1 cron: \"every day\" has 2 fields, not the five minute, hour, day of month, month, day "
       "of week (\"30 3 * * 1-5\", or @daily)\n"},
      {[](auto& w) { w.inputs["1a"] = {}; },
       "4:1 \"1a\" is no name of an input: use letters, digits, _ and -\n"},
      {[](auto& w) { w.inputs["a b"] = {}; },
       "4:1 \"a b\" is no name of an input: use letters, digits, _ and -\n"},
      {[](auto& w) { w.inputs["a"] = {.type = "text"}; },
       "4:1 input \"a\" has the unknown type \"text\": use one of string, number, boolean, list, "
       "object\n"},
      {[](auto& w) { w.inputs["a"] = {.type = "number", .otherwise = "3"}; },
       "4:1 the default of input \"a\" is no number\n"},
      {[](auto& w) { w.inputs["a"] = {.required = true, .otherwise = "3"}; },
       "4:1 input \"a\" is required, so that its default is never used: remove one\n"},
      {[](auto& w) { w.outputs["a b"] = "x"; },
       "5:1 \"a b\" is no name of an output: use letters, digits, _ and -\n"},
      {[](auto& w) { w.outputs["a"] = "${{ steps.z.status }}"; },
       "5:1 steps.z is not a step of this workflow\n"},
  });
}

TEST(Workflow, WhatIsWrongWithAStep) {
  const auto with = [](const char* key, json::value value) -> std::function<void(Workflow&)> {
    return [key, value](Workflow& w) { w.steps[1].with[key] = value; };
  };
  const std::string retry = "20:3 step \"b\": ";
  expect_problems({
      {[](auto& w) { w.steps[1].name = "B b"; },
       "20:5 \"B b\" is no step name: use 1 to 32 of a-z, 0-9 and -, not beginning with -\n"},
      {[](auto& w) { w.steps[1].name = "-b"; },
       "20:5 \"-b\" is no step name: use 1 to 32 of a-z, 0-9 and -, not beginning with -\n"},
      {[](auto& w) { w.steps[1].name = ""; },
       "20:5 \"\" is no step name: use 1 to 32 of a-z, 0-9 and -, not beginning with -\n"},
      {[](auto& w) {
         w.steps[1].name = "a";
         w.steps[1].needs = {};
       },
       "20:5 there are two steps named \"a\": names must differ\n"},
      {[](auto& w) { w.steps[1].kind = "magic"; },
       "21:5 step \"b\" has the unknown kind \"magic\": use one of command, git, wait\n"},
      {with("fast", true),
       "20:3 step \"b\" of kind command takes no `fast:`; it takes run, env, names, folder, count, "
       "quiet, extra\n"},
      {[](auto& w) { w.steps[1].kind = "wait"; },
       "22:5 step \"b\" of kind wait takes no `run:`; it takes nothing\n"},
      {[](auto& w) { w.steps[1].with.clear(); },
       "20:5 command step \"b\" needs `run:`: what to run\n"},
      {with("run", 3), "22:5 `run:` of step \"b\" must be a text or a list of texts\n"},
      {with("run", json::array{"a", 3}),
       "22:5 `run:` of step \"b\" must be a text or a list of texts\n"},
      {with("env", "x"), "20:3 `env:` of step \"b\" must be a mapping\n"},
      {with("names", "x"), "20:3 `names:` of step \"b\" must be a list of texts\n"},
      {with("folder", json::array{}), "20:3 `folder:` of step \"b\" must be a text\n"},
      {with("count", "3"), "20:3 `count:` of step \"b\" must be a number\n"},
      {with("quiet", 1), "20:3 `quiet:` of step \"b\" must be true or false\n"},
      {with("run", "odd"), "22:5 odd is not done\n"},
      {with("run", json::value(std::string(kMaxStepText + 1, 'x'))),
       "22:5 `run:` of step \"b\" is too long: at most 65536 bytes\n"},
      {[](auto& w) {
         w.steps[1] = {.name = "b",
                       .kind = "git",
                       .with = {{"action", "x"}},
                       .outputs = {{"sha", "string"}},
                       .place = {20, 3}};
       },
       "20:3 a step of kind git declares no outputs: it gives commit, branch\n"},
      {[](auto& w) {
         w.steps[1] = {
             .name = "b", .kind = "wait", .outputs = {{"sha", "string"}}, .place = {20, 3}};
       },
       "20:3 a step of kind wait declares no outputs: it gives none\n"},
      {[](auto& w) { w.steps[1].outputs = {{"sha", "text"}}; },
       "27:5 output \"sha\" of step \"b\" must be a name and one of the types string, number, "
       "boolean, list, object\n"},
      {[](auto& w) { w.steps[1].outputs = {{"a b", "string"}}; },
       "27:5 output \"a b\" of step \"b\" must be a name and one of the types string, number, "
       "boolean, list, object\n"},
      {[](auto& w) { w.steps[1].timeout = kMaxTimeout + Duration(1); },
       "28:5 the timeout of step \"b\" must be from 1s to 168h\n"},
      {[](auto& w) { w.steps[1].timeout = Duration(-1); },
       "28:5 the timeout of step \"b\" must be from 1s to 168h\n"},
      {[](auto& w) { w.steps[1].retry.attempts = 0; },
       retry + "retry attempts must be from 1 to 10, not 0\n"},
      {[](auto& w) { w.steps[1].retry.attempts = 11; },
       retry + "retry attempts must be from 1 to 10, not 11\n"},
      {[](auto& w) { w.steps[1].retry.backoff = Duration(3'600'001); },
       retry + "retry backoff must be from 0s to 1h\n"},
      {[](auto& w) { w.steps[1].retry.backoff = Duration(-1); },
       retry + "retry backoff must be from 0s to 1h\n"},
      {[](auto& w) { w.steps[1].retry.on = {"deadline", "bad-luck"}; },
       retry + "\"bad-luck\" is no error code\n"},
      {[](auto& w) { w.steps[1].max_parallel = 2; }, "26:5 step \"b\" has no matrix to limit\n"},
      {[](auto& w) { w.steps[1].max_parallel = -1; },
       "26:5 step \"b\": max_parallel must be from 1 to 256\n"},
      {[](auto& w) {
         w.steps[1].matrix = {{"x", json::array{1}}};
         w.steps[1].max_parallel = 257;
       },
       "26:5 step \"b\": max_parallel must be from 1 to 256\n"},
  });
}

TEST(Workflow, WhatIsWrongWithAMatrix) {
  const auto list = [](int count) {
    json::array out;
    for (int i = 0; i < count; ++i) out.emplace_back(i);
    return out;
  };
  expect_problems({
      {[](auto& w) { w.steps[1].matrix = {{"a b", json::array{1}}}; },
       "25:5 \"a b\" is no name in a matrix: use letters, digits, _ and -\n"},
      {[](auto& w) { w.steps[1].matrix = {{"x", 3}}; },
       "25:5 `x` in the matrix of step \"b\" must be a list, or an expression that gives one\n"},
      {[](auto& w) { w.steps[1].matrix = {{"x", json::array{}}}; },
       "25:5 `x` in the matrix of step \"b\" must be a list, or an expression that gives one\n"},
      {[&](auto& w) { w.steps[1].matrix = {{"x", list(16)}, {"y", list(17)}}; },
       "25:5 the matrix of step \"b\" makes 272 steps: at most 256\n"},
      {[&](auto& w) { w.steps[1].matrix = {{"x", list(16)}, {"y", list(16)}}; }, ""},
      {[](auto& w) { w.steps[1].matrix = {{"x", json::array{1}}, {"y", "${{ matrix.x }}"}}; },
       "25:5 step \"b\": matrix.x is not in this step's `matrix:`\n"},
      {[](auto& w) { w.steps[1].matrix = {{"x", json::array{"${{ steps.z.status }}"}}}; },
       "25:5 step \"b\": steps.z is not a step of this workflow\n"},
  });
  // So many that their number does not fit into 64 bits.
  auto w = good();
  for (int i = 0; i < 16; ++i) w.steps[1].matrix["k" + std::to_string(i)] = list(16);
  EXPECT_NE(problems_of(w).find("steps: at most 256"), std::string::npos) << problems_of(w);
}

TEST(Workflow, WhatIsWrongWithDefaultsAndTheTimeout) {
  auto w = good();
  w.inputs["env"] = {.otherwise = "moon", .options = {"test", "live"}};
  w.timeout = Duration(169 * 3'600'000ll);
  const auto problems = problems_of(w);
  EXPECT_NE(problems.find("the default of input \"env\" is none of its options: test, live"),
            std::string::npos)
      << problems;
  EXPECT_NE(problems.find("the workflow's timeout must be from 1s to 168h"), std::string::npos)
      << problems;
}

TEST(Workflow, WhatIsWrongWithTheGraph) {
  expect_problems({
      {[](auto& w) { w.steps[1].needs = {"z"}; },
       "24:5 step \"b\" needs \"z\", which is not a step of this workflow\n"},
      {[](auto& w) { w.steps[0].needs = {"b"}; },
       "14:5 these steps wait for each other and could never begin: a, b; remove one of their "
       "`needs`\n"},
      {[](auto& w) { w.steps[1].needs = {"b"}; },
       "24:5 these steps wait for each other and could never begin: b; remove one of their "
       "`needs`\n"},
      {[](auto& w) { w.steps[1].at_end = true; },
       "24:5 step \"b\" needs \"a\": the steps of `finally:` come after all others anyway, and "
       "need only each other\n"},
      {[](auto& w) {
         w.steps.push_back(step("c", 30));
         w.steps[2].at_end = true;
         w.steps[0].needs = {"c"};
       },
       "14:5 step \"a\" needs \"c\": the steps of `finally:` come after all others anyway, and "
       "need only each other\n"},
      {[](auto& w) {
         for (const char* name : {"c", "d"}) {
           w.steps.push_back(step(name, 30));
           w.steps.back().at_end = true;
         }
         w.steps[3].needs = {"c"};
       },
       ""},
  });
}

TEST(Workflow, WhatIsWrongWithExpressions) {
  const auto run = [](const char* text) {
    return [text](Workflow& w) { w.steps[1].with["run"] = text; };
  };
  const auto when = [](const char* text) {
    return [text](Workflow& w) { w.steps[1].condition = text; };
  };
  const std::string at_run = "22:5 ", at_if = "23:5 ";
  expect_problems({
      {run("${{ 1 + }}"), at_run + "`run:` of step \"b\": in ${{ 1 + }}: column 6: the expression "
                                   "ends where a value should be\n"},
      {run("${{ inputs.x"),
       at_run + "`run:` of step \"b\": \"${{ inputs.x\" has no end: close it with }}\n"},
      {run("${{ github.sha }}"),
       at_run + "step \"b\": \"github\" is unknown: expressions know inputs, steps, matrix and "
                "run; a text stands in quotes\n"},
      {run("${{ inputs.x }}"),
       at_run + "step \"b\": inputs.x is not declared: add it below `inputs:`\n"},
      {run("${{ run.number }}"), at_run + "step \"b\": run.number is unknown: use one of id, "
                                          "attempt, branch, base_branch, commit, base_commit, "
                                          "project\n"},
      {run("${{ matrix.x }}"), at_run + "step \"b\": matrix.x is not in this step's `matrix:`\n"},
      {run("${{ steps.z.status }}"),
       at_run + "step \"b\": steps.z is not a step of this workflow\n"},
      {run("${{ steps.b.status }}"),
       at_run + "step \"b\": steps.b may not have ended by then: add \"b\" to `needs:`\n"},
      {run("${{ steps.a.state }}"), at_run + "step \"b\": steps.a.state is unknown: use one of "
                                             "status, outputs, error, summary, attempt, "
                                             "instances\n"},
      {run("${{ steps.a.outputs.sha }}"),
       at_run + "step \"b\": step \"a\" gives no output \"sha\": declare it in its `outputs:`\n"},
      {run("${{ steps.a.outputs.exit_code }} ${{ steps.a.outputs }} ${{ steps.a }} ${{ inputs }}"
           "${{ inputs.checks }} ${{ inputs.agent }} ${{ inputs.model }} ${{ run.commit }}"),
       ""},
      {[](auto& w) {
         w.steps[0] = {.name = "a", .kind = "git", .with = {{"action", "x"}}};
         w.steps[1].with["run"] = "${{ steps.a.outputs.sha }}";
       },
       at_run + "step \"b\": step \"a\" gives no output \"sha\"\n"},
      {[](auto& w) { w.steps[1].with["env"] = json::object{{"A", json::array{"${{ x }}"}}}; },
       "20:3 step \"b\": \"x\" is unknown: expressions know inputs, steps, matrix and run; a text "
       "stands in quotes\n"},
      {when("sometimes"), at_if + "step \"b\": \"sometimes\" is unknown: expressions know inputs, "
                                  "steps, matrix and run; a text stands in quotes\n"},
      {when("1 +"),
       at_if + "`if:` of step \"b\": column 4: the expression ends where a value should be\n"},
      {when("steps.b.status == 'failed'"),
       at_if + "step \"b\": steps.b may not have ended by then: add \"b\" to `needs:`\n"},
      {[](auto& w) {
         w.steps[1].needs = {};
         w.steps[1].condition = "steps.a.status == 'failed'";
       },
       at_if + "step \"b\": steps.a may not have ended by then: add \"a\" to `needs:`\n"},
      // What is needed by what is needed has ended too; before a `finally` step everything has.
      {[](auto& w) {
         w.steps.push_back(step("c", 30));
         w.steps[2].needs = {"b"};
         w.steps[2].condition = "steps.a.status == 'failed'";
       },
       ""},
      {[](auto& w) {
         w.steps.push_back(step("c", 30));
         w.steps[2].at_end = true;
         w.steps[2].condition = "steps.a.status == steps.b.status";
       },
       ""},
  });
}

TEST(Workflow, AllProblemsAreToldAtOnceAndWhereNothingIsKnownAtTheTop) {
  Workflow w{.name = "W", .version = 0, .steps = {{.name = "A", .kind = "x"}}};
  w.steps[0].needs = {"B"};
  EXPECT_EQ(problems_of(w),
            "1:1 \"W\" is no workflow name: use 1 to 64 of a-z, 0-9 and -\n"
            "1:1 the version must be 1 or more\n"
            "0:0 \"A\" is no step name: use 1 to 32 of a-z, 0-9 and -, not beginning with -\n"
            "0:0 step \"A\" has the unknown kind \"x\": use one of command, git, wait\n"
            "0:0 step \"A\" needs \"B\", which is not a step of this workflow\n");
}

TEST(Workflow, StepsComeAfterWhatTheyNeed) {
  const Workflow workflow{.name = "w",
                          .steps = {{.name = "c", .needs = {"a", "b"}},
                                    {.name = "b", .needs = {"a"}},
                                    {.name = "a"},
                                    {.name = "d"}}};
  EXPECT_EQ(topological_order(workflow), (std::vector<std::string>{"a", "d", "b", "c"}));
}

TEST(Workflow, ReadsBackWhatItWrites) {
  auto w = good();
  w.inputs["n"] = {.type = "number", .description = "how many", .otherwise = 3, .options = {"3"}};
  w.outputs["x"] = "${{ run.id }}";
  w.schedule = Schedule{.cron = "@daily", .timezone = "Europe/Berlin"};
  w.concurrency = {.group = "g", .limit = 2};
  w.steps[0].retry.on = {"deadline"};
  w.steps[0].matrix = {{"k", json::array{1, "b"}}};
  w.steps[1].continue_on_error = w.steps[1].at_end = true;
  Workflow read;
  ASSERT_TRUE(from_json(to_json(w), read));
  EXPECT_EQ(to_json(read), to_json(w));
  EXPECT_EQ(read.find("b")->needs, w.steps[1].needs);
  EXPECT_TRUE(read.steps[1].at_end);
  EXPECT_EQ(read.find("z"), nullptr);
  for (const char* wrong : {R"({"inputs": []})", R"({"inputs": {"a": 3}})", R"({"steps": {}})",
                            R"({"steps": [{"with": []}]})", R"({"timeout_ms": "1"})", "[]"})
    EXPECT_FALSE(from_json(json::parse(wrong), read)) << wrong;
}

// ---- values and inputs ----

TEST(Value, OfATextByItsType) {
  const auto value = [](std::string_view text, std::string_view type) {
    const auto read = value_from_text(text, type);
    return read ? json::serialize(*read) : read.error().message;
  };
  EXPECT_EQ(value("3", "string"), R"("3")");
  EXPECT_EQ(value("3", "number"), "3");
  EXPECT_EQ(value("true", "boolean"), "true");
  EXPECT_EQ(value("[1]", "list"), "[1]");
  EXPECT_EQ(value("{\"a\":1}", "object"), R"({"a":1})");
  EXPECT_EQ(value("x", "number"), "\"x\" is no number");
  EXPECT_EQ(value("1", "boolean"), "\"1\" is no boolean");
  EXPECT_EQ(value("a,b", "list"), "\"a,b\" is no list, written as JSON");
  EXPECT_EQ(value("[]", "object"), "\"[]\" is no object, written as JSON");
}

Workflow with_inputs() {
  Workflow w{.name = "deploy"};
  w.inputs["env"] = {.description = "where to", .required = true, .options = {"test", "live"}};
  w.inputs["count"] = {.type = "number", .otherwise = 1};
  w.inputs["tags"] = {.type = "list"};
  return w;
}

TEST(Inputs, AreCheckedAndFilledIn) {
  const auto w = with_inputs();
  EXPECT_EQ(check_inputs(w, {{"env", "test"}}).value(),
            (json::object{{"env", "test"}, {"count", 1}, {"tags", nullptr}}));
  EXPECT_EQ(check_inputs(w, {{"env", "live"}, {"count", 2.5}, {"tags", json::array{"a"}}}).value(),
            (json::object{{"env", "live"}, {"count", 2.5}, {"tags", json::array{"a"}}}));
  EXPECT_EQ(check_inputs(w, {{"env", "live"}, {"count", "2"}, {"tags", "[\"a\"]"}}, GivenAs::texts)
                .value(),
            (json::object{{"env", "live"}, {"count", 2}, {"tags", json::array{"a"}}}));
}

TEST(Inputs, WhatIsWrongNamesTheInput) {
  const auto error = [](const json::object& given, GivenAs as = GivenAs::values) {
    const auto checked = check_inputs(with_inputs(), given, as);
    EXPECT_EQ(checked.error().code, ErrorCode::invalid);
    return checked.error().message;
  };
  EXPECT_EQ(error({}), "inputs.env: is required (where to)");
  EXPECT_EQ(error({{"env", "moon"}}), "inputs.env: \"moon\" is none of test, live");
  EXPECT_EQ(error({{"env", 3}}), "inputs.env: must be a string");
  EXPECT_EQ(error({{"env", "test"}, {"count", "2"}}), "inputs.count: must be a number");
  EXPECT_EQ(error({{"env", "test"}, {"count", "two"}}, GivenAs::texts),
            "inputs.count: \"two\" is no number");
  EXPECT_EQ(error({{"where", "test"}}),
            "inputs.where: the workflow deploy has no such input: use one of count, env, tags");
  Workflow none{.name = "none"};
  EXPECT_EQ(check_inputs(none, {{"a", 1}}).error().message,
            "inputs.a: the workflow none has no such input: it takes none");
  none.inputs["a"] = {.required = true};
  EXPECT_EQ(check_inputs(none, {}).error().message, "inputs.a: is required (string)");
}

}  // namespace
}  // namespace corral::domain
