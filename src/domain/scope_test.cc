#include "domain/scope.h"

#include <gtest/gtest.h>

#include "domain/testing/story.h"

namespace corral::domain {
namespace {

std::string value_of(const Story& story, std::string_view text, std::string_view step = {}) {
  const auto* of = step.empty() ? nullptr : &story.at(step);
  const auto value = Expression::parse(text)->evaluate(scope_of(story.run, of));
  return value ? json::serialize(*value) : value.error().message;
}

bool holds(const Story& story, std::string_view step) {
  const auto answer = condition_holds(story.run, story.at(step));
  EXPECT_TRUE(answer) << answer.error().message;
  return answer.value_or(false);
}

TEST(Scope, OfARun) {
  auto request = request_of({step("a"), step("b", {"a"})});
  request.checks = "make test";
  request.model = "opus";
  request.branch = "corral/1";
  request.inputs = {{"env", "live"}, {"agent", "codex"}};
  Story story(request);
  story.begin();
  story.tell(ResolveSource{"main", "base"});
  story.start("a");
  story.tell(CompleteStep{"a", 1, "all good", {{"sha", "abc"}}});
  story.break_step("b");
  EXPECT_EQ(
      value_of(story, "inputs"),
      R"({"prompt":"fix it","checks":"make test","agent":"codex","model":"opus","env":"live"})")
      << "a workflow's own input hides the run's";
  EXPECT_EQ(value_of(story, "steps.a"),
            R"({"status":"completed","outputs":{"sha":"abc"},"summary":"all good","attempt":1,)"
            R"("error":null})");
  EXPECT_EQ(value_of(story, "steps.b.error"), R"({"code":"conflict","message":"broken"})");
  EXPECT_EQ(value_of(story, "run"),
            R"({"id":"01936d5e-0000-7000-8000-000000000001","attempt":1,"project":"shop",)"
            R"("branch":"corral/1","base_branch":"main","base_commit":"base","commit":null})");
  story.tell(CommitChanges{"c0ffee", std::nullopt});
  EXPECT_EQ(value_of(story, "run.commit"), R"("c0ffee")");
  EXPECT_EQ(value_of(story, "matrix"), "{}");
  EXPECT_EQ(scope_of(story.run, nullptr, "the whole of it").values.at("inputs").at("prompt"),
            "the whole of it");
}

TEST(Scope, BeforeThereIsARun) {
  auto request = request_of({step("a")});
  request.inputs = {{"env", "live"}};
  const auto scope = scope_of_request(request);
  EXPECT_EQ(scope.values.at("inputs").at("env"), "live");
  EXPECT_EQ(scope.values.at("run").at("project"), "shop");
  EXPECT_FALSE(scope.values.contains("steps"));
}

TEST(Scope, AMatrixStepsOutputsAreListsInOrder) {
  Story story({matrix_step("m", {{"x", json::array{"a", "b", "c"}}}), step("after", {"m"})});
  story.begin();
  story.tell(ExpandStep{"m"});
  story.do_step("m.3", {{"n", 3}});
  story.do_step("m.1", {{"n", 1}, {"only", "first"}});
  EXPECT_EQ(value_of(story, "steps.m.outputs"), R"({"n":[1,3],"only":["first"]})");
  EXPECT_EQ(value_of(story, "length(steps.m.instances)"), "3");
  EXPECT_EQ(value_of(story, "steps.m.instances[1]"),
            R"({"status":"pending","outputs":{},"summary":"","attempt":0,"error":null,)"
            R"("matrix":{"x":"b"}})");
  EXPECT_EQ(value_of(story, "steps['m.1']"), "null") << "only as part of the whole";
  EXPECT_EQ(value_of(story, "matrix.x", "m.3"), R"("c")");
}

TEST(Scope, StatusFunctionsOfAStep) {
  Story story({step("a"), step("b", {"a"}), step("other"), finally("end")});
  story.begin();
  story.break_step("a");
  EXPECT_EQ(value_of(story, "[success(), failure(), cancelled()]", "b"), "[false,true,false]");
  EXPECT_EQ(value_of(story, "[success(), failure(), cancelled()]", "other"), "[true,false,false]");
  EXPECT_EQ(value_of(story, "[success(), failure(), cancelled()]", "end"), "[false,true,false]");
  EXPECT_EQ(value_of(story, "[success(), failure(), cancelled()]"), "[true,false,false]");
  story.tell(RequestCancel{"why"});
  EXPECT_EQ(value_of(story, "[success(), failure(), cancelled()]", "other"), "[false,false,true]");
}

TEST(NeedsFailed, GoesThroughSkippedStepsAndNotThroughThoseThatMayFail) {
  auto may_fail = step("may-fail");
  may_fail.continue_on_error = true;
  Story story({step("a"), step("b", {"a"}), step("c", {"b"}), may_fail, step("d", {"may-fail"}),
               step_if("off", "false"), step("e", {"off"}), finally("end"),
               finally("end-2", {"end"})});
  story.begin();
  const auto failed = [&](std::string_view name) {
    return needs_failed(story.run, story.at(name));
  };
  EXPECT_FALSE(failed("c"));
  EXPECT_FALSE(failed("end"));
  story.break_step("may-fail");
  story.skip("off");
  EXPECT_FALSE(failed("d"));
  EXPECT_FALSE(failed("e"));
  EXPECT_FALSE(failed("end"));
  story.break_step("a");
  story.skip("b");
  EXPECT_TRUE(failed("b"));
  EXPECT_TRUE(failed("c"));
  EXPECT_FALSE(failed("a"));
  EXPECT_TRUE(failed("end"));
  EXPECT_FALSE(went_wrong(story.at("may-fail")));
  EXPECT_TRUE(went_wrong(story.at("a")));
  EXPECT_FALSE(went_wrong(story.at("b")));
  // A `finally` step that fails matters to those that need it.
  story.break_step("end");
  EXPECT_TRUE(failed("end-2"));
}

TEST(NeedsFailed, ACancelledStepIsAFailure) {
  Story story({step("a"), step("b", {"a"})});
  story.begin();
  story.start("a");
  story.tell(RequestCancel{""});
  story.tell(CancelStep{"a"});
  EXPECT_TRUE(needs_failed(story.run, story.at("b")));
}

// 2^50 ways lead through it.
TEST(NeedsFailed, AWideGraphIsNoTrouble) {
  std::vector<StepDefinition> steps;
  std::vector<std::string> before;
  for (int layer = 0; layer < 50; ++layer) {
    std::vector<std::string> names;
    for (const char* side : {"l", "r"}) {
      names.push_back(side + std::to_string(layer));
      steps.push_back(step_if(names.back(), "false", before));
    }
    before = names;
  }
  Story story(steps);
  story.begin();
  for (const auto& one : steps) {
    EXPECT_FALSE(needs_failed(story.run, story.at(one.name)));
    story.skip(one.name);
  }
  EXPECT_EQ(story.actions(), Actions{"complete"});
}

TEST(Condition, SuccessIsImpliedUnlessItAsksForTheStatus) {
  Story story({step("bad"), step("a", {"bad"}), step_if("b", "inputs.prompt == 'fix it'", {"bad"}),
               step_if("c", "always()", {"bad"}), step_if("d", "failure()", {"bad"}),
               step_if("e", "success() || inputs.prompt", {"bad"}),
               step_if("f", "cancelled()", {"bad"}), step_if("free", "inputs.prompt"),
               step_if("off", "inputs.checks"), step_if("d2", "failure()"), finally("end")});
  story.begin();
  EXPECT_TRUE(holds(story, "a"));
  EXPECT_TRUE(holds(story, "b"));
  EXPECT_FALSE(holds(story, "d"));
  story.break_step("bad");
  for (const char* no : {"a", "b", "f", "off", "d2"}) EXPECT_FALSE(holds(story, no)) << no;
  for (const char* yes : {"c", "d", "e", "free", "end"}) EXPECT_TRUE(holds(story, yes)) << yes;
}

TEST(Condition, OfAFinallyStepHoldsWhateverHappened) {
  auto only_good = finally("good"), only_bad = finally("bad"), asked = finally("asked");
  only_good.condition = "success()";
  only_bad.condition = "failure()";
  asked.condition = "inputs.prompt == 'fix it'";
  Story story({step("a"), only_good, only_bad, asked});
  story.begin();
  EXPECT_TRUE(holds(story, "good"));
  EXPECT_FALSE(holds(story, "bad"));
  story.break_step("a");
  EXPECT_FALSE(holds(story, "good"));
  EXPECT_TRUE(holds(story, "bad"));
  EXPECT_TRUE(holds(story, "asked"));
}

TEST(Condition, ThatCannotBeEvaluatedIsAnError) {
  Story story({step_if("a", "1 / 0"), step_if("b", "1 +")});
  story.begin();
  EXPECT_EQ(condition_holds(story.run, story.at("a")).error().message,
            "column 3: division by zero");
  EXPECT_EQ(condition_holds(story.run, story.at("b")).error().code, ErrorCode::invalid);
  EXPECT_FALSE(asks_for_status(story.at("b").definition));
  EXPECT_FALSE(asks_for_status(step("x")));
  EXPECT_TRUE(asks_for_status(step_if("x", "!success()")));
}

std::string matrix_text(const json::object& matrix, json::object inputs = {}) {
  auto request = request_of({matrix_step("m", matrix)});
  request.inputs = std::move(inputs);
  const Story story(request);
  const auto all = matrix_of(story.run, story.at("m"));
  if (!all) return all.error().message;
  std::string text;
  for (const auto& one : *all) text += json::serialize(one);
  return text;
}

TEST(Matrix, IsEveryCombinationInOrder) {
  EXPECT_EQ(matrix_text({{"os", json::array{"a", "b"}}, {"n", json::array{1, 2}}}),
            R"({"os":"a","n":1}{"os":"a","n":2}{"os":"b","n":1}{"os":"b","n":2})");
  EXPECT_EQ(matrix_text({{"n", "${{ range(inputs.count) }}"}}, {{"count", 3}}),
            R"({"n":0}{"n":1}{"n":2})");
  EXPECT_EQ(
      matrix_text({{"n", json::array{"${{ inputs.a }}", json::object{{"k", "${{ 1 + 1 }}"}}}}},
                  {{"a", "x"}}),
      R"({"n":"x"}{"n":{"k":2}})");
  EXPECT_EQ(matrix_text({{"n", "${{ inputs.list }}"}}, {{"list", json::array{}}}), "");
}

TEST(Matrix, WhatIsWrong) {
  EXPECT_EQ(matrix_text({{"n", "${{ inputs.prompt }}"}}),
            "`n` in the matrix of step \"m\" is no list");
  EXPECT_EQ(matrix_text({{"n", "${{ range(257) }}"}}),
            "the matrix of step \"m\" makes more than 256 steps");
  EXPECT_EQ(matrix_text({{"a", "${{ range(16) }}"}, {"b", "${{ range(17) }}"}}),
            "the matrix of step \"m\" makes more than 256 steps");
  EXPECT_EQ(matrix_text({{"n", "${{ 1 / 0 }}"}}), "in ${{ 1 / 0 }}: column 4: division by zero");
}

TEST(EvaluateAll, GoesIntoListsAndObjects) {
  Scope scope;
  scope.values["inputs"] = json::object{{"a", "x"}, {"n", 3}};
  const json::object with{
      {"plain", 1.5},
      {"text", "say ${{ inputs.a }}"},
      {"typed", "${{ inputs.n }}"},
      {"deep", json::object{{"list", json::array{"${{ inputs.n }}", nullptr, true}}}}};
  EXPECT_EQ(evaluate_all(with, scope).value(),
            (json::object{{"plain", 1.5},
                          {"text", "say x"},
                          {"typed", 3},
                          {"deep", json::object{{"list", json::array{3, nullptr, true}}}}}));
}

TEST(EvaluateAll, ErrorsNameTheKey) {
  const auto error = [](json::value value) {
    return evaluate_all({{"run", std::move(value)}}, {}).error().message;
  };
  EXPECT_EQ(error("${{ 1 / 0 }}"), "run: in ${{ 1 / 0 }}: column 4: division by zero");
  EXPECT_EQ(error("${{"), "run: \"${{\" has no end: close it with }}");
  EXPECT_EQ(error(json::array{"a", "${{ 1 / 0 }}"}),
            "run: in ${{ 1 / 0 }}: column 4: division by zero");
  EXPECT_EQ(error(json::object{{"k", "${{ 1 / 0 }}"}}),
            "run: k: in ${{ 1 / 0 }}: column 4: division by zero");
}

}  // namespace
}  // namespace corral::domain
