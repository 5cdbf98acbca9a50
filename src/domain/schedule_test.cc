#include "domain/schedule.h"

#include <gtest/gtest.h>

#include "domain/testing/story.h"

namespace corral::domain {
namespace {

Failure gone() { return {ErrorCode::unavailable, "gone"}; }

TEST(Plan, BeginsAndEndsARun) {
  Story story({step("a")});
  EXPECT_EQ(story.actions(), Actions{"begin"});
  story.begin();
  EXPECT_EQ(story.actions(), Actions{"start a"});
  story.start("a");
  EXPECT_EQ(story.actions(), Actions{"work on a"});
  story.complete("a");
  EXPECT_EQ(story.actions(), Actions{"complete"});
  story.tell(Complete{});
  EXPECT_EQ(story.actions(), Actions{});
  EXPECT_FALSE(story.plan().wake);
}

TEST(Plan, WhatNeedsNothingOfEachOtherRunsAtTheSameTime) {
  Story story({step("a"), step("b", {"a"}), step("c", {"a"}), step("d", {"b", "c"}), step("e")});
  story.begin();
  EXPECT_EQ(story.actions(), (Actions{"start a", "start e"}));
  story.do_step("a");
  EXPECT_EQ(story.actions(), (Actions{"start b", "start c", "start e"}));
  story.start("b");
  story.do_step("c");
  EXPECT_EQ(story.actions(), (Actions{"work on b", "start e"}));
  story.complete("b");
  EXPECT_EQ(story.actions(), (Actions{"start d", "start e"}));
}

TEST(Plan, NotMoreAtOnceThanARunMay) {
  std::vector<StepDefinition> steps;
  for (int i = 0; i < 20; ++i) steps.push_back(step("s" + std::to_string(i)));
  Story story(steps);
  story.begin();
  EXPECT_EQ(story.actions().size(), std::size_t{next::kMaxParallelSteps});
  for (int i = 0; i < 15; ++i) story.start("s" + std::to_string(i));
  story.tell(WaitStep{"s0", 1, "a person", {}});
  const auto actions = story.actions();
  EXPECT_EQ(actions.size(), 16u);
  EXPECT_EQ(actions.back(), "start s15");
}

TEST(Plan, WhatNeedsAFailedStepIsSkippedAndTheRestGoesOn) {
  Story story({step("a"), step("b", {"a"}), step("c", {"b"}), step("d")});
  story.begin();
  story.break_step("a");
  EXPECT_EQ(story.actions(), (Actions{"skip b: step \"a\" failed", "start d"}));
  story.skip("b");
  EXPECT_EQ(story.actions(), (Actions{"skip c: step \"b\" did not run", "start d"}));
  story.skip("c");
  story.do_step("d");
  EXPECT_EQ(story.actions(), Actions{"fail: broken"});
}

TEST(Plan, AFailureThatMayBeIsNobodyElses) {
  auto may_fail = step("a");
  may_fail.continue_on_error = true;
  Story story({may_fail, step("b", {"a"})});
  story.begin();
  story.break_step("a");
  EXPECT_EQ(story.actions(), Actions{"start b"});
  story.do_step("b");
  EXPECT_EQ(story.actions(), Actions{"complete"});
  story.tell(Complete{});
}

TEST(Plan, ConditionsDecide) {
  Story story({step("a"), step_if("never", "false", {"a"}), step("after", {"never"}),
               step_if("rescue", "failure()", {"a"}), step_if("last", "always()", {"rescue"})});
  story.begin();
  story.do_step("a");
  EXPECT_EQ(story.actions(), (Actions{"skip never: its condition is not met: false",
                                      "skip rescue: its condition is not met: failure()"}));
  story.skip("never");
  story.skip("rescue");
  EXPECT_EQ(story.actions(), (Actions{"start after", "start last"}))
      << "a step that was not wanted is no failure";
}

TEST(Plan, AStepMayAskForTheFailure) {
  Story story({step("a"), step_if("rescue", "failure()", {"a"}), step("b", {"a", "rescue"}),
               step_if("last", "always()", {"b"})});
  story.begin();
  story.break_step("a");
  EXPECT_EQ(story.actions(), (Actions{
                                 "start rescue",
                             }));
  story.do_step("rescue");
  EXPECT_EQ(story.actions(), (Actions{"skip b: step \"a\" failed"}));
  story.skip("b");
  EXPECT_EQ(story.actions(), Actions{"start last"});
  story.do_step("last");
  EXPECT_EQ(story.actions(), Actions{"fail: broken"});
}

TEST(Plan, AConditionThatCannotBeEvaluatedFailsTheStep) {
  auto both = matrix_step("m", {{"x", json::array{1, 2}}});
  both.condition = "1 / 0";
  Story story({step_if("a", "1 / 0"), both});
  story.begin();
  // The attempt that begins looks at it again, and fails.
  EXPECT_EQ(story.actions(), (Actions{"start a", "start m"}));
}

// ---- finally ----

std::vector<StepDefinition> with_finally() {
  auto told = finally("told", {"clean"});
  auto sorry = finally("sorry");
  sorry.condition = "failure()";
  return {step("a"), step("b", {"a"}), finally("clean"), told, sorry};
}

TEST(Plan, FinallyStepsComeAfterAllOthers) {
  Story story(with_finally());
  story.begin();
  EXPECT_EQ(story.actions(), Actions{"start a"});
  story.do_step("a");
  story.start("b");
  EXPECT_EQ(story.actions(), Actions{"work on b"});
  story.complete("b");
  EXPECT_EQ(story.actions(),
            (Actions{"start clean", "skip sorry: its condition is not met: failure()"}));
  story.skip("sorry");
  story.do_step("clean");
  EXPECT_EQ(story.actions(), Actions{"start told"});
  story.do_step("told");
  EXPECT_EQ(story.actions(), Actions{"complete"});
}

TEST(Plan, FinallyStepsRunAfterAFailure) {
  auto steps = with_finally();
  steps.push_back(finally("proud"));
  steps.back().condition = "success()";
  Story story(steps);
  story.begin();
  story.break_step("a");
  story.skip("b");
  EXPECT_EQ(story.actions(), (Actions{"start clean", "start sorry", "skip proud: a step failed"}));
  story.skip("proud");
  story.do_step("sorry");
  story.break_step("clean", "no broom");
  EXPECT_EQ(story.actions(), (Actions{"start told"})) << "nothing keeps it from cleaning up";
  story.do_step("told");
  EXPECT_EQ(story.actions(), Actions{"fail: broken"});
}

TEST(Plan, AFinallyStepThatFailsFailsTheRun) {
  Story story({step("a"), finally("clean")});
  story.begin();
  story.do_step("a");
  story.break_step("clean", "no broom");
  EXPECT_EQ(story.actions(), Actions{"fail: no broom"});
}

TEST(Plan, FinallyStepsRunOfACancelledRun) {
  Story story(with_finally());
  story.begin();
  story.start("a");
  story.tell(RequestCancel{"enough"});
  EXPECT_EQ(story.actions(), Actions{"work on a"}) << "it is told to stop";
  story.tell(CancelStep{"a"});
  EXPECT_EQ(story.actions(), (Actions{"start clean", "start sorry"}));
  story.do_step("clean");
  story.do_step("sorry");
  story.do_step("told");
  EXPECT_EQ(story.actions(), Actions{"cancel"});
  story.tell(FinishCancel{});
  EXPECT_EQ(story.status("b"), StepStatus::cancelled);
  EXPECT_EQ(story.status("told"), StepStatus::completed);
}

TEST(Plan, ACancelledRunWithoutThemEndsAtOnce) {
  Story story({step("a"), step("b")});
  story.begin();
  story.start("a");
  story.tell(RequestCancel{"enough"});
  EXPECT_EQ(story.actions(), Actions{"cancel"});
}

// ---- pause and time ----

TEST(Plan, NothingBeginsWhileTheRunIsPausedButTheEnd) {
  Story story({step("a"), step("b"), finally("clean")});
  story.begin();
  story.start("a");
  story.tell(Pause{"lunch"});
  EXPECT_EQ(story.actions(), Actions{"work on a"});
  story.complete("a");
  EXPECT_EQ(story.actions(), Actions{});
  story.tell(Resume{});
  EXPECT_EQ(story.actions(), Actions{"start b"});
  story.do_step("b");
  story.tell(Pause{"lunch"});
  EXPECT_EQ(story.actions(), Actions{"start clean"}) << "what is over is cleaned up";
}

TEST(Plan, APausedRunCanBeCancelled) {
  Story story({step("a"), finally("clean")});
  story.begin();
  story.tell(Pause{"lunch"});
  story.tell(RequestCancel{""});
  EXPECT_EQ(story.actions(), Actions{"start clean"});
  story.do_step("clean");
  EXPECT_EQ(story.actions(), Actions{"cancel"});
}

TEST(Plan, ARunOutOfTimeBeginsNothingButWhatAsksForIt) {
  Story story({step("a"), step("b", {"a"}), step_if("c", "always()", {"a"}),
               matrix_step("m", {{"x", json::array{1, 2}}}), finally("clean")});
  story.begin();
  story.start("a");
  story.tell(ExpandStep{"m"});
  EXPECT_EQ(story.plan().wake, kNow + std::chrono::hours(1));
  story.now += std::chrono::hours(1);
  EXPECT_FALSE(story.plan().wake);
  EXPECT_EQ(story.actions(), (Actions{"work on a", "skip m.1: the run is out of time",
                                      "skip m.2: the run is out of time"}));
  story.complete("a");
  EXPECT_EQ(story.actions(),
            (Actions{"skip b: the run is out of time", "start c",
                     "skip m.1: the run is out of time", "skip m.2: the run is out of time"}));
  for (const char* name : {"b", "m.1", "m.2"}) story.tell(SkipStep{name, "the run is out of time"});
  story.do_step("c");
  EXPECT_EQ(story.actions(), Actions{"join m"});
  story.complete("m");
  EXPECT_EQ(story.actions(), Actions{"start clean"});
  story.do_step("clean");
  EXPECT_EQ(story.actions(), Actions{"fail: the run took longer than its 3600 s"});
  EXPECT_EQ(std::get<next::FailRun>(story.plan().actions[0]).error.code, ErrorCode::deadline);
}

TEST(Plan, ARunWithoutALimitIsNeverLate) {
  auto request = request_of({step("a")});
  request.timeout = Duration(0);
  Story story(request);
  story.begin();
  story.now += std::chrono::hours(10'000);
  EXPECT_EQ(story.actions(), Actions{"start a"});
  EXPECT_FALSE(story.plan().wake);
}

TEST(Plan, AnotherAttemptWaitsForItsTime) {
  Story story({step("a"), step("b")});
  story.begin();
  story.start("a");
  story.tell(FailStep{"a", 1, gone(), 0.5});
  EXPECT_EQ(story.actions(), Actions{"start b"});
  EXPECT_EQ(story.plan().wake, kNow + Duration(2'000));
  story.now += Duration(1'999);
  EXPECT_EQ(story.actions(), Actions{"start b"});
  story.now += Duration(1);
  EXPECT_EQ(story.actions(), (Actions{"start a", "start b"}));
}

TEST(Plan, AWaitingStepWakesAtItsTimeTheEarliestFirst) {
  Story story({step("a"), step("b")});
  story.begin();
  for (const char* name : {"a", "b"}) story.start(name);
  story.tell(WaitStep{"a", 1, "time", kNow + Duration(500)});
  story.tell(WaitStep{"b", 1, "time", kNow + Duration(300)});
  EXPECT_EQ(story.actions(), (Actions{"work on a", "work on b"}));
  EXPECT_EQ(story.plan().wake, kNow + Duration(300));
  story.tell(ResumeStep{"b"});
  EXPECT_EQ(story.plan().wake, kNow + Duration(500));
}

// A time that is over would wake the driver for ever.
TEST(Plan, AnAttemptDoesNotWakeForWhatTheOneBeforeWaitedFor) {
  Story story({step("a")});
  story.begin();
  story.start("a");
  story.tell(WaitStep{"a", 1, "time", kNow + Duration(500)});
  story.tell(FailStep{"a", 1, gone(), 0.5});
  story.now += Duration(5'000);
  story.start("a");
  EXPECT_EQ(story.plan().wake, kNow + std::chrono::hours(1)) << "only its deadline";
  EXPECT_EQ(story.at("a").reason, "");
}

// ---- a matrix ----

TEST(Plan, AMatrixBecomesStepsThatAreJoined) {
  auto m = matrix_step("m", {{"x", json::array{"a", "b", "c"}}}, {"first"});
  m.max_parallel = 2;
  Story story({step("first"), m, step("after", {"m"})});
  story.begin();
  story.do_step("first");
  EXPECT_EQ(story.actions(), Actions{"expand m"});
  story.tell(ExpandStep{"m"});
  EXPECT_EQ(story.actions(), (Actions{"start m.1", "start m.2"}));
  story.start("m.2");
  EXPECT_EQ(story.actions(), (Actions{"start m.1", "work on m.2"}));
  story.start("m.1");
  EXPECT_EQ(story.actions(), (Actions{"work on m.1", "work on m.2"}));
  story.complete("m.1");
  EXPECT_EQ(story.actions(), (Actions{"work on m.2", "start m.3"}));
  story.do_step("m.3");
  story.complete("m.2");
  EXPECT_EQ(story.actions(), Actions{"join m"});
  story.complete("m");
  EXPECT_EQ(story.actions(), Actions{"start after"});
}

TEST(Plan, AMatrixOfManyHasTheRunsLimit) {
  Story story({matrix_step("m", {{"x", "${{ range(40) }}"}})});
  story.begin();
  story.tell(ExpandStep{"m"});
  EXPECT_EQ(story.actions().size(), 16u) << "the whole takes no place";
}

TEST(Plan, OneThatFailsFailsTheWholeOnceAllHaveEnded) {
  Story story({matrix_step("m", {{"x", json::array{1, 2, 3}}}), step("after", {"m"})});
  story.begin();
  story.tell(ExpandStep{"m"});
  story.break_step("m.2", "second broke");
  story.break_step("m.1", "first broke");
  EXPECT_EQ(story.actions(), Actions{"start m.3"});
  story.do_step("m.3");
  EXPECT_EQ(story.actions(), Actions{"join m: first broke"});
  story.tell(FailStep{"m", 0, {ErrorCode::unavailable, "first broke"}});
  EXPECT_EQ(story.status("m"), StepStatus::failed) << "each had its attempts";
  EXPECT_EQ(story.actions(), Actions{"skip after: step \"m\" failed"});
}

TEST(Plan, OneThatMayFailDoesNotFailTheWhole) {
  auto m = matrix_step("m", {{"x", json::array{1, 2}}});
  m.continue_on_error = true;
  Story story({m});
  story.begin();
  story.tell(ExpandStep{"m"});
  story.break_step("m.1");
  story.do_step("m.2");
  EXPECT_EQ(story.actions(), Actions{"join m"});
}

TEST(Plan, AnEmptyMatrixIsSkipped) {
  Story story({matrix_step("m", {{"x", "${{ range(0) }}"}}), step("after", {"m"})});
  story.begin();
  EXPECT_EQ(story.tell(ExpandStep{"m"}), Types{"run.step.skipped"});
  EXPECT_EQ(story.at("m").reason, "its matrix is empty");
  EXPECT_EQ(story.actions(), Actions{"start after"});
}

TEST(Plan, AMatrixWhoseConditionIsNotMetIsNotEvaluated) {
  auto m = matrix_step("m", {{"x", "${{ 1 / 0 }}"}});
  m.condition = "inputs.checks";
  Story story({m});
  story.begin();
  EXPECT_EQ(story.actions(), Actions{"skip m: its condition is not met: inputs.checks"});
}

// The driver fails the step when its matrix cannot be evaluated; a policy may give it another try,
// which evaluates it again.
TEST(Plan, AMatrixThatCouldNotBeEvaluatedIsNeverOneStep) {
  auto m = matrix_step("m", {{"x", "${{ 1 / 0 }}"}});
  m.retry = {.attempts = 2, .backoff = Duration(0), .on = {"invalid"}};
  Story story({m});
  story.begin();
  EXPECT_EQ(story.actions(), Actions{"expand m"});
  EXPECT_EQ(story.refused(ExpandStep{"m"}).code, ErrorCode::invalid);
  story.start("m");
  EXPECT_EQ(story.tell(FailStep{"m", 1, {ErrorCode::invalid, "division by zero"}, 0}),
            (Types{"run.step.failed", "run.step.retried"}));
  EXPECT_EQ(story.actions(), Actions{"expand m"});
  story.start("m");
  EXPECT_EQ(story.tell(FailStep{"m", 2, {ErrorCode::invalid, "division by zero"}, 0}),
            Types{"run.step.failed"});
}

TEST(Plan, ACancelledMatrixIsJoinedAroundWhatDidNotBegin) {
  Story story({matrix_step("m", {{"x", json::array{1, 2, 3}}}), finally("clean")});
  story.begin();
  story.tell(ExpandStep{"m"});
  story.do_step("m.1");
  story.start("m.2");
  story.tell(RequestCancel{""});
  EXPECT_EQ(story.actions(), Actions{"work on m.2"});
  story.tell(CancelStep{"m.2"});
  EXPECT_EQ(story.actions(), Actions{"join m: step \"m.2\" was cancelled"});
  story.tell(CancelStep{"m"});
  EXPECT_EQ(story.actions(), Actions{"start clean"});
  story.do_step("clean");
  EXPECT_EQ(story.actions(), Actions{"cancel"});
  story.tell(FinishCancel{});
  EXPECT_EQ(story.status("m.3"), StepStatus::cancelled);
}

// ---- advance ----

Types advance(Story& story) {
  Types types;
  for (const auto& event : next::advance(story.run, story.now, "worker"))
    types.emplace_back(type_of(event.body));
  return types;
}

TEST(Advance, BeginsTheRunAndAllStepsWhoseTurnHasCome) {
  Story story({step("a"), step_if("b", "false"), step("c", {"b"}), step("d", {"a"})});
  EXPECT_EQ(advance(story),
            (Types{"run.started", "run.step.started", "run.step.skipped", "run.step.started"}));
  EXPECT_EQ(story.actions(), (Actions{"work on a", "work on c"}));
  EXPECT_EQ(advance(story), Types{});
  story.complete("a");
  EXPECT_EQ(advance(story), Types{"run.step.started"});
  EXPECT_EQ(story.status("d"), StepStatus::running);
}

TEST(Advance, LeavesWhatIsMoreThanSayingSo) {
  Story story({matrix_step("m", {{"x", json::array{1, 2}}}), finally("clean")});
  EXPECT_EQ(advance(story), Types{"run.started"});
  EXPECT_EQ(story.actions(), Actions{"expand m"});
  story.tell(ExpandStep{"m"});
  EXPECT_EQ(advance(story), (Types{"run.step.started", "run.step.started"}));
  story.complete("m.1");
  story.complete("m.2");
  EXPECT_EQ(advance(story), Types{});
  EXPECT_EQ(story.actions(), Actions{"join m"});
  story.complete("m");
  EXPECT_EQ(advance(story), Types{"run.step.started"});
  story.complete("clean");
  EXPECT_EQ(advance(story), Types{});
  EXPECT_EQ(story.actions(), Actions{"complete"});
}

TEST(Advance, BeginsNothingInAPausedRunNorBeforeItsTime) {
  auto flaky = step("a");
  flaky.retry = {.attempts = 2, .backoff = Duration(5'000)};
  Story story({flaky, step("b", {"a"})});
  advance(story);
  story.tell(FailStep{"a", 1, gone(), 0.5});
  EXPECT_EQ(advance(story), Types{});
  story.now += Duration(5'000);
  story.tell(Pause{""});
  EXPECT_EQ(advance(story), Types{});
  story.tell(Resume{});
  EXPECT_EQ(advance(story), Types{"run.step.started"});
}

}  // namespace
}  // namespace corral::domain
