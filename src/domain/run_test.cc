#include "domain/run.h"

#include <gtest/gtest.h>

#include "domain/testing/story.h"

namespace corral::domain {
namespace {

const WorkspaceId kFirst{Uuid::parse("01936d5e-0000-7000-8000-0000000000a1").value()},
    kSecond{Uuid::parse("01936d5e-0000-7000-8000-0000000000a2").value()};

StepDefinition of_kind(std::string name, std::string kind, json::object with,
                       std::vector<std::string> needs) {
  return {.name = std::move(name),
          .kind = std::move(kind),
          .with = std::move(with),
          .needs = std::move(needs)};
}

Request task() {
  auto request =
      request_of({of_kind("prepare", "git", {{"action", "clone"}}, {}),
                  of_kind("agent", "agent", {{"prompt", "${{ inputs.prompt }}"}}, {"prepare"}),
                  of_kind("checks", "command", {{"run", "${{ inputs.checks }}"}}, {"agent"}),
                  of_kind("commit", "git", {{"action", "commit"}}, {"checks"}),
                  of_kind("artifacts", "artifacts", {}, {"commit"})});
  request.workflow.steps[2].condition = "inputs.checks";
  request.workflow.steps[4].condition = "always()";
  request.checks = "make test";
  request.budget = Money::from_usd(1);
  return request;
}

struct TaskStory : Story {
  TaskStory() : Story(task()) {}
  void start_agent() {
    begin();
    do_step("prepare");
    start("agent");
  }
};

// ---- which state may follow which ----

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(RunStatus, OnlyTheTransitionsOfTheTableAreAllowedAndEveryRefusalNamesBothStates) {
  const Pairs allowed{{"pending", "running"}, {"pending", "cancelled"}, {"running", "completed"},
                      {"running", "failed"},  {"running", "cancelled"}, {"failed", "pending"},
                      {"failed", "cancelled"}};
  for (const auto from : kRunStatuses) {
    for (const auto to : kRunStatuses) {
      const std::pair<std::string, std::string> pair{to_string(from), to_string(to)};
      const auto result = check_transition(from, to);
      EXPECT_EQ(result.has_value(), std::ranges::find(allowed, pair) != allowed.end())
          << pair.first << " → " << pair.second;
      if (result) continue;
      EXPECT_EQ(result.error().code, ErrorCode::conflict);
      EXPECT_EQ(result.error().message,
                fmt::format("a run that is {} cannot become {}", pair.first, pair.second));
    }
  }
}

TEST(StepStatus, OnlyTheTransitionsOfTheTableAreAllowedAndEveryRefusalNamesBothStates) {
  const Pairs allowed{{"pending", "running"},   {"pending", "skipped"},   {"pending", "cancelled"},
                      {"running", "waiting"},   {"running", "completed"}, {"running", "failed"},
                      {"running", "cancelled"}, {"waiting", "running"},   {"waiting", "failed"},
                      {"waiting", "cancelled"}, {"failed", "pending"},    {"completed", "pending"},
                      {"skipped", "pending"},   {"cancelled", "pending"}};
  for (const auto from : kStepStatuses) {
    for (const auto to : kStepStatuses) {
      const std::pair<std::string, std::string> pair{to_string(from), to_string(to)};
      const auto result = check_transition("agent", from, to);
      EXPECT_EQ(result.has_value(), std::ranges::find(allowed, pair) != allowed.end())
          << pair.first << " → " << pair.second;
      if (result) continue;
      EXPECT_EQ(result.error().code, ErrorCode::conflict);
      EXPECT_EQ(result.error().message,
                fmt::format("step \"agent\" is {} and cannot become {}", pair.first, pair.second));
    }
  }
}

TEST(Statuses, NamesReadBack) {
  for (const auto status : kRunStatuses) {
    RunStatus read{};
    EXPECT_TRUE(from_string(to_string(status), read));
    EXPECT_EQ(read, status);
    EXPECT_EQ(has_ended(status), status != RunStatus::pending && status != RunStatus::running);
  }
  for (const auto status : kStepStatuses) {
    StepStatus read{};
    EXPECT_TRUE(from_string(to_string(status), read));
    EXPECT_EQ(read, status);
    EXPECT_EQ(has_ended(status), status != StepStatus::pending && !is_under_way(status));
  }
  RunStatus run{};
  StepStatus step{};
  EXPECT_FALSE(from_string("asleep", run));
  EXPECT_FALSE(from_string("asleep", step));
}

Story in_state(RunStatus status) {
  Story story({step("a"), step("b")});
  if (status == RunStatus::pending) return story;
  story.begin();
  if (status == RunStatus::completed) {
    story.do_step("a");
    story.do_step("b");
    story.tell(Complete{});
  }
  if (status == RunStatus::failed) story.fail_run();
  if (status == RunStatus::cancelled) {
    story.tell(RequestCancel{"why"});
    story.tell(FinishCancel{});
  }
  return story;
}

// Every command in every state of a run: it gives events or is refused with both states named.
TEST(RunRules, CommandsThatDoNotFitTheStateOfTheRunAreRefused) {
  struct Row {
    Command command;
    std::vector<RunStatus> fits;
    std::string target;
  };
  using enum RunStatus;
  const std::vector<Row> rows{
      {Begin{}, {pending}, "become running"},
      {RequestCancel{""}, {pending, running, failed}, "become cancelled"},
      {FinishCancel{}, {pending, running, failed}, "become cancelled"},
      {Retry{}, {failed}, "become pending"},
      {Pause{""}, {pending, running}, "be paused"},
      {Resume{}, {pending, running}, "be resumed"},
      {Complete{}, {}, "become completed"},
      {Fail{{ErrorCode::internal, "x"}}, {running}, "become failed"},
      {StartStep{"a"}, {running}, "not running"},
      {ExpandStep{"a"}, {running}, "not running"},
      {SkipStep{"a", ""}, {running}, "not running"},
      {ResolveSource{"main", "c"}, {running}, "not running"},
      {CommitChanges{}, {running}, "not running"},
      {ChooseWorkspace{kFirst}, {running}, "not running"},
      {TakeSnapshot{"a", "c"}, {running}, "not running"},
      {RequestApproval{.approval = "1", .step = "a"}, {}, "running"},
  };
  for (const auto status : kRunStatuses) {
    for (const auto& row : rows) {
      const auto story = in_state(status);
      ASSERT_EQ(story.run.status, status);
      const auto result = decide(story.run, row.command, kNow);
      EXPECT_EQ(result.has_value(), std::ranges::find(row.fits, status) != row.fits.end())
          << row.command.index() << " in " << to_string(status);
      if (result) continue;
      const auto& message = result.error().message;
      EXPECT_EQ(result.error().code, ErrorCode::conflict);
      EXPECT_NE(message.find(row.target), std::string::npos) << message;
      if (status != running)
        EXPECT_NE(message.find(to_string(status)), std::string::npos) << message;
    }
  }
}

Story step_in_state(StepStatus status) {
  Story story({step("a"), step("b")});
  story.begin();
  if (status == StepStatus::skipped) story.skip("a");
  if (status == StepStatus::pending || status == StepStatus::skipped) return story;
  story.start("a");
  if (status == StepStatus::waiting) story.tell(WaitStep{"a", 1, "time", {}});
  if (status == StepStatus::completed) story.complete("a");
  if (status == StepStatus::failed) story.tell(FailStep{"a", 1, {ErrorCode::conflict, "broken"}});
  if (status == StepStatus::cancelled) {
    story.tell(RequestCancel{""});
    story.tell(CancelStep{"a"});
  }
  return story;
}

TEST(RunRules, CommandsThatDoNotFitTheStateOfTheStepAreRefused) {
  struct Row {
    Command command;
    std::vector<StepStatus> fits;
    StepStatus target;
  };
  using enum StepStatus;
  const std::vector<Row> rows{
      {StartStep{"a"}, {pending}, running},
      {ExpandStep{"a"}, {pending}, running},
      {SkipStep{"a", ""}, {pending}, skipped},
      // The ones that may follow when it waits: with a resumption before.
      {WaitStep{"a", 1, "other", {}}, {running, waiting}, waiting},
      {CompleteStep{"a", 1, "", {}}, {running}, completed},
      {FailStep{"a", 1, {ErrorCode::conflict, "x"}}, {running, waiting}, failed},
  };
  for (const auto status : kStepStatuses) {
    for (const auto& row : rows) {
      const auto story = step_in_state(status);
      ASSERT_EQ(story.status("a"), status);
      const auto result = decide(story.run, row.command, kNow);
      EXPECT_EQ(result.has_value(), std::ranges::find(row.fits, status) != row.fits.end())
          << row.command.index() << " in " << to_string(status);
      if (result) continue;
      const bool begins = row.target == running && status == waiting;
      EXPECT_EQ(result.error().message,
                fmt::format("step \"a\" is {} and cannot {}", to_string(status),
                            begins ? "begin" : fmt::format("become {}", to_string(row.target))));
    }
  }
  for (const auto status : {pending, running, waiting, completed, failed, cancelled, skipped}) {
    auto story = step_in_state(status);
    if (!story.run.cancel_reason) story.tell(RequestCancel{""});
    const auto result = decide(story.run, CancelStep{"a"}, kNow);
    EXPECT_EQ(result.has_value(), !has_ended(status) || status == cancelled);
    if (!result)
      EXPECT_EQ(result.error().message,
                fmt::format("step \"a\" is {} and cannot become cancelled", to_string(status)));
  }
}

TEST(RunRules, NothingButCreatingFitsARunThatDoesNotExist) {
  const domain::Run none;
  EXPECT_EQ(decide(none, Begin{}, kNow).error().code, ErrorCode::not_found);
  const TaskStory story;
  EXPECT_EQ(story.refused(Create{}).message,
            "run 01936d5e-0000-7000-8000-000000000001 exists already and is pending");
}

TEST(RunRules, StepsThatAreNotThereAreNotFound) {
  Story story({step("a")});
  story.begin();
  for (const Command& command :
       {Command{StartStep{"z"}}, Command{ExpandStep{"z"}}, Command{WaitStep{"z", 1, "", {}}},
        Command{ResumeStep{"z"}}, Command{CompleteStep{"z", 1, "", {}}},
        Command{FailStep{"z", 1, {}}}, Command{SkipStep{"z", ""}}, Command{CancelStep{"z"}},
        Command{RequestApproval{.approval = "1", .step = "z"}}}) {
    EXPECT_EQ(story.refused(command).message, "the run has no step \"z\"");
    EXPECT_EQ(story.refused(command).code, ErrorCode::not_found);
  }
}

// ---- steps ----

TEST(RunRules, AStepMayBeCompletedOnlyInTheAttemptUnderWay) {
  TaskStory story;
  story.start_agent();
  EXPECT_EQ(story.refused(CompleteStep{"agent", 2, "", {}}).message,
            "step \"agent\" is at attempt 1, not 2");
  EXPECT_EQ(story.refused(FailStep{"agent", 2, {}}).message,
            "step \"agent\" is at attempt 1, not 2");
  EXPECT_EQ(story.tell(CompleteStep{"agent", 1, "last words", {{"x", 1}}}),
            Types{"run.step.completed"});
  EXPECT_EQ(story.run.summary, "last words");
  EXPECT_EQ(story.at("agent").outputs, (json::object{{"x", 1}}));
  EXPECT_EQ(story.at("agent").finished_at, kNow);
}

TEST(RunRules, AFailureThatMayPassIsRetriedUnderTheStepsPolicy) {
  TaskStory story;
  story.start_agent();
  EXPECT_EQ(story.tell(FailStep{"agent", 1, {ErrorCode::unavailable, "gone"}, 0.5}),
            (Types{"run.step.failed", "run.step.retried"}));
  EXPECT_EQ(story.at("agent").not_before, kNow + Duration(2'000));
  EXPECT_EQ(story.at("agent").error->message, "gone");
  story.now += Duration(2'000);
  story.start("agent");
  EXPECT_FALSE(story.at("agent").error);
  story.tell(FailStep{"agent", 2, {ErrorCode::unavailable, "gone"}, 0.5});
  EXPECT_EQ(story.at("agent").not_before, story.now + Duration(4'000));
  story.start("agent");
  EXPECT_EQ(story.tell(FailStep{"agent", 3, {ErrorCode::unavailable, "gone"}, 0.5}),
            Types{"run.step.failed"})
      << "three attempts in all";
}

TEST(RunRules, ARetryWaitsAsLongAsTheFailureSays) {
  TaskStory story;
  story.start_agent();
  story.tell(FailStep{"agent", 1, {ErrorCode::unavailable, "busy"}, 0.5, Duration(90'000)});
  EXPECT_EQ(story.at("agent").not_before, kNow + Duration(90'000));
  story.now += Duration(90'000);
  story.start("agent");
  story.tell(FailStep{"agent", 2, {ErrorCode::unavailable, "busy"}, 0.5, Duration(100)});
  EXPECT_EQ(story.at("agent").not_before, story.now + Duration(4'000)) << "never sooner than usual";
}

TEST(RunRules, OnlyWhatMayPassIsRetried) {
  for (const auto code : {ErrorCode::invalid, ErrorCode::conflict, ErrorCode::exhausted,
                          ErrorCode::deadline, ErrorCode::not_found, ErrorCode::internal}) {
    TaskStory story;
    story.start_agent();
    EXPECT_EQ(story.tell(FailStep{"agent", 1, {code, "no"}}), Types{"run.step.failed"})
        << to_string(code);
  }
}

TEST(RunRules, APolicyMayNameTheErrors) {
  auto picky = step("a");
  picky.retry.on = {"deadline"};
  Story story({picky});
  story.begin();
  story.start("a");
  EXPECT_EQ(story.tell(FailStep{"a", 1, {ErrorCode::deadline, "slow"}}),
            (Types{"run.step.failed", "run.step.retried"}));
  story.start("a");
  EXPECT_EQ(story.tell(FailStep{"a", 2, {ErrorCode::unavailable, "gone"}}),
            Types{"run.step.failed"});
}

TEST(RunRules, ACancelledRunRetriesNothingButWhatCleansUp) {
  Story story({step("a"), finally("clean")});
  story.begin();
  story.start("a");
  story.tell(RequestCancel{""});
  EXPECT_EQ(story.tell(FailStep{"a", 1, {ErrorCode::unavailable, "gone"}}),
            Types{"run.step.failed"});
  story.start("clean");
  EXPECT_EQ(story.tell(FailStep{"clean", 1, {ErrorCode::unavailable, "gone"}}),
            (Types{"run.step.failed", "run.step.retried"}));
}

TEST(RunRules, AStepWaitsAndGoesOn) {
  Story story({step("a")});
  story.begin();
  story.start("a");
  const WaitStep wait{"a", 1, "a run", kNow + Duration(500)};
  EXPECT_EQ(story.refused(WaitStep{"a", 2, "a run", {}}).message,
            "step \"a\" is at attempt 1, not 2");
  EXPECT_EQ(story.tell(wait), Types{"run.step.waiting"});
  EXPECT_EQ(story.at("a").reason, "a run");
  EXPECT_EQ(story.at("a").wakes_at, kNow + Duration(500));
  EXPECT_TRUE(story.tell(wait).empty()) << "it says so already";
  EXPECT_EQ(story.refused(WaitStep{"a", 2, "a run", {}}).message,
            "step \"a\" is at attempt 1, not 2");
  EXPECT_EQ(story.tell(WaitStep{"a", 1, "another run", {}}),
            (Types{"run.step.resumed", "run.step.waiting"}));
  EXPECT_FALSE(story.at("a").wakes_at);
  EXPECT_EQ(story.tell(ResumeStep{"a"}), Types{"run.step.resumed"});
  EXPECT_TRUE(story.tell(ResumeStep{"a"}).empty());
  EXPECT_EQ(story.status("a"), StepStatus::running);
  EXPECT_EQ(story.at("a").reason, "");
}

TEST(Steps, AWaitIsRefusedWhenTheRunIsNotWhatItWasFor) {
  Story story({step("a"), step("b", {})});
  story.begin();
  story.start("a");
  const auto seen = story.run.version;
  story.start("b");
  EXPECT_EQ(story.refused(WaitStep{"a", 1, "a person", {}, 0, seen}).code, ErrorCode::conflict);
  EXPECT_EQ(story.status("a"), StepStatus::running);
  EXPECT_EQ(story.tell(WaitStep{"a", 1, "a person", {}, 0, story.run.version}),
            Types{"run.step.waiting"});
}

// Whoever planned it did not know yet.
TEST(RunRules, NothingBeginsInAPausedOrCancelledRunButTheEnd) {
  Story paused({step("a"), finally("clean")});
  paused.begin();
  paused.tell(Pause{"lunch"});
  EXPECT_EQ(paused.refused(StartStep{"a"}).message, "step \"a\" cannot begin: the run is paused");
  EXPECT_EQ(paused.tell(StartStep{"clean"}), Types{"run.step.started"});
  Story cancelled({step("a"), finally("clean")});
  cancelled.begin();
  cancelled.tell(RequestCancel{""});
  EXPECT_EQ(cancelled.refused(StartStep{"a"}).message,
            "step \"a\" cannot begin: the run is being cancelled");
  EXPECT_EQ(cancelled.refused(StartStep{"a"}).code, ErrorCode::conflict);
  EXPECT_EQ(cancelled.tell(StartStep{"clean"}), Types{"run.step.started"});
}

TEST(RunRules, AMatrixIsExpandedOnce) {
  Story story({matrix_step("m", {{"x", json::array{1, 2}}}), step("after")});
  story.begin();
  EXPECT_EQ(story.tell(ExpandStep{"m"}), Types{"run.step.expanded"});
  EXPECT_TRUE(story.tell(ExpandStep{"m"}).empty());
  EXPECT_EQ(story.status("m"), StepStatus::running);
  EXPECT_EQ(story.run.steps[1].definition.name, "m.1");
  EXPECT_EQ(story.run.steps[2].of, "m");
  EXPECT_EQ(story.run.steps[3].definition.name, "after");
  EXPECT_TRUE(story.at("m.1").definition.matrix.empty());
  EXPECT_EQ(story.at("m.2").matrix, (json::object{{"x", 2}}));
}

// ---- the run's end ----

TEST(RunRules, CancellingWhileItRunsWaitsUntilNothingLives) {
  TaskStory story;
  story.start_agent();
  EXPECT_EQ(story.refused(CancelStep{"agent"}).message,
            "step \"agent\" cannot be cancelled: the run is not");
  EXPECT_EQ(story.tell(RequestCancel{"why"}), Types{"run.cancel_requested"});
  EXPECT_TRUE(story.tell(RequestCancel{"why"}).empty());
  EXPECT_EQ(story.run.status, RunStatus::running);
  EXPECT_EQ(story.tell(CancelStep{"agent"}), Types{"run.step.cancelled"});
  EXPECT_TRUE(story.tell(CancelStep{"agent"}).empty());
  EXPECT_EQ(story.tell(FinishCancel{}), (Types{"run.step.cancelled", "run.step.cancelled",
                                               "run.step.cancelled", "run.cancelled"}));
  EXPECT_EQ(story.status("prepare"), StepStatus::completed);
  EXPECT_EQ(story.run.error->message, "why");
  EXPECT_EQ(story.run.error->code, ErrorCode::cancelled);
}

TEST(RunRules, CancellingWhatDoesNotRunIsDoneAtOnce) {
  TaskStory pending;
  EXPECT_EQ(pending.tell(RequestCancel{""}).back(), "run.cancelled");
  EXPECT_EQ(pending.run.error->message, "cancelled");
  TaskStory failed;
  failed.begin();
  failed.fail_run();
  EXPECT_EQ(failed.tell(RequestCancel{"give up"}).back(), "run.cancelled");
}

TEST(RunRules, AFailedRunLeavesNoStepUnderWay) {
  TaskStory story;
  story.start_agent();
  story.tell(ChooseWorkspace{kFirst});
  EXPECT_EQ(story.tell(Fail{{ErrorCode::internal, "x"}}), (Types{"run.step.failed", "run.failed"}));
  EXPECT_EQ(story.status("agent"), StepStatus::failed);
  EXPECT_FALSE(story.run.workspace);
  EXPECT_EQ(story.run.finished_at, kNow);
}

TEST(RunRules, ItCompletesOnlyWhenAllItsStepsDid) {
  Story story({step("a"), matrix_step("m", {{"x", json::array{1}}})});
  story.begin();
  story.start("a");
  EXPECT_EQ(story.refused(Complete{}).message,
            "a run that is running cannot become completed while its step \"a\" is running");
  story.tell(FailStep{"a", 1, {ErrorCode::conflict, "broken"}});
  EXPECT_EQ(story.refused(Complete{}).message,
            "a run that is running cannot become completed while its step \"a\" is failed");
}

TEST(RunRules, ItsOwnTimeBeginsWithEachAttempt) {
  Story story({step("a")});
  EXPECT_FALSE(story.run.deadline());
  story.begin();
  EXPECT_EQ(story.run.deadline(), kNow + std::chrono::hours(1));
  story.break_step("a");
  story.fail_run();
  story.now += std::chrono::hours(5);
  story.tell(Retry{});
  story.begin();
  EXPECT_EQ(story.run.deadline(), kNow + std::chrono::hours(6));
  EXPECT_EQ(story.run.started_at, kNow);
}

// ---- pause ----

TEST(RunRules, PausingAndResumingAreSaidOnce) {
  Story story({step("a")});
  EXPECT_TRUE(story.tell(Resume{}).empty());
  EXPECT_EQ(story.tell(Pause{"lunch"}), Types{"run.paused"});
  EXPECT_TRUE(story.tell(Pause{"lunch"}).empty());
  EXPECT_TRUE(story.run.paused);
  EXPECT_EQ(story.tell(Resume{}), Types{"run.resumed"});
  EXPECT_FALSE(story.run.paused);
}

// ---- retry ----

std::string states(const Story& story) {
  std::string all;
  for (const auto& step : story.run.steps)
    all += fmt::format("{} {}, ", step.definition.name, to_string(step.status));
  return all;
}

TEST(Retry, KeepsWhatWentWell) {
  TaskStory story;
  story.start_agent();
  story.tell(FailStep{"agent", 1, {ErrorCode::conflict, "broken"}});
  story.skip("checks");
  story.skip("commit");
  story.do_step("artifacts");
  story.fail_run();
  EXPECT_EQ(story.tell(Retry{}), Types{"run.retried"});
  EXPECT_EQ(story.run.attempt, 2);
  EXPECT_FALSE(story.run.error);
  EXPECT_EQ(states(story),
            "prepare completed, agent pending, checks pending, commit pending, "
            "artifacts pending, ");
  EXPECT_EQ(story.actions(), Actions{"begin"});
  story.begin();
  story.start("agent");
  EXPECT_EQ(story.at("agent").process_id(), "agent-2") << "process ids are never used twice";
  EXPECT_EQ(story.at("agent").tries, 1) << "the policy counts anew";
}

TEST(Retry, FromAStepDoesItAndWhatNeedsItAgain) {
  Story story({step("a"), step("b", {"a"}), step("c", {"a"}), step("d", {"b"}), step("e", {"c"}),
               finally("end")});
  story.begin();
  for (const char* name : {"a", "b", "c", "d"}) story.do_step(name);
  story.break_step("e");
  story.do_step("end");
  story.fail_run();
  EXPECT_EQ(story.refused(Retry{"z"}).code, ErrorCode::not_found);
  story.tell(Retry{"b"});
  EXPECT_EQ(states(story),
            "a completed, b pending, c completed, d pending, e pending, end pending, ");
}

TEST(Retry, OfAMatrixDoesThoseAgainThatFailed) {
  Story story({matrix_step("m", {{"x", json::array{1, 2, 3}}}), step("after", {"m"})});
  story.begin();
  story.tell(ExpandStep{"m"});
  story.do_step("m.1");
  story.break_step("m.2");
  story.do_step("m.3");
  story.tell(FailStep{"m", 0, {ErrorCode::conflict, "broken"}});
  story.skip("after");
  story.fail_run();
  EXPECT_EQ(story.refused(Retry{"m.2"}).message, "\"m.2\" is one of a matrix: retry from \"m\"");
  story.tell(Retry{});
  EXPECT_EQ(states(story), "m running, m.1 completed, m.2 pending, m.3 completed, after pending, ");
  story.begin();
  EXPECT_EQ(story.actions(), Actions{"start m.2"});
  story.do_step("m.2");
  EXPECT_EQ(story.at("m.2").process_id(), "m.2-2");
  EXPECT_EQ(story.actions(), Actions{"join m"});
}

TEST(Retry, FromAMatrixEvaluatesItAnew) {
  Story story({step("a"), matrix_step("m", {{"x", json::array{1, 2}}}, {"a"}), step("b", {"m"})});
  story.begin();
  story.do_step("a");
  story.tell(ExpandStep{"m"});
  story.do_step("m.1");
  story.do_step("m.2");
  story.complete("m");
  story.break_step("b");
  story.fail_run();
  auto whole = story;
  for (const char* from : {"m", "a"}) {
    story = whole;
    story.tell(Retry{from});
    EXPECT_EQ(story.run.find("m.1"), nullptr);
    EXPECT_EQ(story.status("m"), StepStatus::pending);
    EXPECT_FALSE(story.at("m").expanded);
    story.begin();
    if (story.status("a") == StepStatus::pending) story.do_step("a");
    story.tell(ExpandStep{"m"});
    story.start("m.1");
    EXPECT_EQ(story.at("m.1").process_id(), "m.1-2") << "process ids are never used twice";
  }
}

// The whole has ended well when its steps ran out of time, or may fail.
TEST(Retry, OfSomeOfAMatrixTheWholeIsNotOver) {
  auto m = matrix_step("m", {{"x", json::array{1, 2}}});
  m.continue_on_error = true;
  Story story({m, step("b", {"m"})});
  story.begin();
  story.tell(ExpandStep{"m"});
  story.do_step("m.1");
  story.break_step("m.2");
  story.complete("m");
  story.break_step("b");
  story.fail_run();
  story.tell(Retry{});
  EXPECT_EQ(states(story), "m running, m.1 completed, m.2 pending, b pending, ");
  story.begin();
  EXPECT_EQ(story.actions(), Actions{"start m.2"});
  story.do_step("m.2");
  EXPECT_EQ(story.actions(), Actions{"join m"});
}

TEST(Retry, WhoseCancellingCameTooLateIsNotCancelled) {
  Story story({step("a")});
  story.begin();
  story.break_step("a");
  story.tell(RequestCancel{"too late"});
  story.fail_run();
  story.tell(Retry{});
  story.begin();
  EXPECT_EQ(story.actions(), Actions{"start a"});
}

TEST(Retry, TheWorkTreeIsWhatTheKeptStepsLeft) {
  Story story({step("a"), step("b", {"a"}), step("c", {"a"}), step("d", {"b", "c"})});
  story.begin();
  for (const char* name : {"a", "c", "b"}) {
    story.now += Duration(1'000);
    story.start(name);
    story.tell(TakeSnapshot{name, fmt::format("after-{}", name)});
    story.complete(name);
  }
  story.start("d");
  story.tell(TakeSnapshot{"d", "half-done"});
  EXPECT_EQ(story.run.snapshot, "half-done");
  story.tell(FailStep{"d", 1, {ErrorCode::conflict, "broken"}});
  story.fail_run();
  auto whole = story;
  whole.tell(Retry{});
  EXPECT_EQ(whole.run.snapshot, "after-b");
  auto from_b = story;
  from_b.tell(Retry{"b"});
  EXPECT_EQ(from_b.run.snapshot, "after-c");
  story.tell(Retry{"a"});
  EXPECT_EQ(story.run.snapshot, "");
}

// ---- approvals ----

RequestApproval asks(std::string approval, std::string step) {
  return {.approval = std::move(approval),
          .step = std::move(step),
          .permission = "p",
          .tool = "Write",
          .text = "a file",
          .input = json::object{{"path", "x"}}};
}
DecideApproval answer(std::string approval, bool allow, std::string choice = {},
                      std::string by = {}) {
  return {.approval = std::move(approval),
          .allow = allow,
          .message = {},
          .choice = std::move(choice),
          .by = std::move(by)};
}

TEST(Approval, TheStepWaitsWhileAnyIsOpen) {
  TaskStory story;
  story.start_agent();
  EXPECT_EQ(story.tell(asks("1", "agent")), (Types{"run.approval.requested", "run.step.waiting"}));
  EXPECT_EQ(story.tell(asks("2", "agent")), Types{"run.approval.requested"});
  EXPECT_TRUE(story.tell(asks("1", "agent")).empty()) << "asked again after a restart";
  EXPECT_TRUE(story.run.waiting());
  EXPECT_EQ(story.tell(answer("1", true), "user:ann"), Types{"run.approval.decided"});
  EXPECT_EQ(story.status("agent"), StepStatus::waiting);
  EXPECT_EQ(story.tell(answer("2", false)), (Types{"run.approval.decided", "run.step.resumed"}));
  EXPECT_EQ(story.status("agent"), StepStatus::running);
  EXPECT_FALSE(story.run.waiting());
  EXPECT_EQ(story.run.find_approval("1")->decision->by, "user:ann");
  EXPECT_TRUE(story.tell(answer("1", true)).empty());
  EXPECT_EQ(story.refused(answer("1", false)).message,
            "approval 1 is already allowed and cannot become denied");
  EXPECT_EQ(story.refused(answer("2", true)).message,
            "approval 2 is already denied and cannot become allowed");
  EXPECT_EQ(story.refused(answer("9", false)).code, ErrorCode::not_found);
}

TEST(Approval, MayOfferChoices) {
  Story story({step("a")});
  story.begin();
  story.start("a");
  auto ask = asks("1", "a");
  ask.choices = {"small", "large"};
  ask.until = kNow + Duration(500);
  story.tell(ask);
  EXPECT_EQ(story.at("a").wakes_at, kNow + Duration(500));
  EXPECT_EQ(story.refused(answer("1", true)).message, "choice: \"\" is none of small, large");
  EXPECT_EQ(story.refused(answer("1", true, "huge")).message,
            "choice: \"huge\" is none of small, large");
  EXPECT_EQ(story.refused(answer("1", true, "huge")).code, ErrorCode::invalid);
  auto denied = story;
  denied.tell(answer("1", false));
  EXPECT_FALSE(denied.run.find_approval("1")->decision->allow);
  story.tell(answer("1", true, "large"));
  EXPECT_EQ(story.run.find_approval("1")->decision->choice, "large");
  EXPECT_TRUE(story.tell(answer("1", true, "large")).empty());
  EXPECT_EQ(story.refused(answer("1", true, "small")).code, ErrorCode::conflict);

  story.tell(asks("2", "a"));
  EXPECT_EQ(story.refused(answer("2", true, "small")).message,
            "choice: \"small\" is none of no choices: only yes or no is asked");
}

TEST(Approval, MayBeUpToSomePeople) {
  Story story({step("a")});
  story.begin();
  story.start("a");
  auto ask = asks("1", "a");
  ask.approvers = {"user:ann", "user:bob"};
  story.tell(ask);
  EXPECT_EQ(story.refused(answer("1", true, "", "user:eve")).message,
            "approval 1 may be decided by user:ann, user:bob only, not by user:eve");
  EXPECT_EQ(story.refused(answer("1", true, "", "user:eve")).code, ErrorCode::forbidden);
  auto in_time = story;
  EXPECT_FALSE(in_time.tell(answer("1", true, "", "user:bob")).empty());
  EXPECT_FALSE(story.tell(answer("1", false)).empty()) << "the step itself, when time is up";
}

TEST(Approval, ItsAnswerIsAppliedOnceAtAnOffset) {
  TaskStory story;
  story.start_agent();
  story.tell(asks("1", "agent"));
  story.tell(answer("1", true));
  const auto version = story.run.version;
  EXPECT_EQ(story.tell(ApplyApproval{"1", 42}), Types{"run.approval.applied"});
  EXPECT_TRUE(story.tell(ApplyApproval{"1", 99}).empty());
  EXPECT_EQ(story.run.find_approval("1")->applied_at, 42u);
  EXPECT_EQ(story.run.find_approval("1")->applied_version, version);
  EXPECT_EQ(story.refused(ApplyApproval{"2", 0}).code, ErrorCode::not_found);
}

TEST(Approval, ItIsClosedWithItsStepOrWithdrawn) {
  TaskStory story;
  story.start_agent();
  story.tell(asks("1", "agent"));
  EXPECT_EQ(story.tell(WithdrawApproval{"1"}),
            (Types{"run.approval.withdrawn", "run.step.resumed"}));
  EXPECT_TRUE(story.tell(WithdrawApproval{"1"}).empty());
  EXPECT_TRUE(story.tell(WithdrawApproval{"9"}).empty());
  story.tell(asks("2", "agent"));
  story.tell(FailStep{"agent", 1, {ErrorCode::conflict, "died"}});
  EXPECT_FALSE(story.run.waiting());
  EXPECT_EQ(story.refused(answer("2", true)).message,
            "approval 2 is closed: its step \"agent\" has ended");
  EXPECT_EQ(story.refused(asks("3", "agent")).message, "step \"agent\" is failed, not running");
}

// ---- money ----

TEST(Budget, TheCallThatReachesItStopsTheRun) {
  TaskStory story;
  story.start_agent();
  const RecordModelCall half{.model = "claude-sonnet-4-5",
                             .usage = {.calls = 1, .output_tokens = 33'334}};
  EXPECT_EQ(story.tell(half), Types{"run.model_called"});
  EXPECT_EQ(story.tell(half), (Types{"run.model_called", "run.budget_exceeded"}));
  EXPECT_EQ(story.tell(half), Types{"run.model_called"}) << "said once";
  EXPECT_TRUE(story.tell(StopForBudget{}).empty());
  // The agent's own success does not count then.
  EXPECT_EQ(story.tell(CompleteStep{"agent", 1, "done", {}}), Types{"run.step.failed"});
  EXPECT_EQ(story.at("agent").error->code, ErrorCode::exhausted);
  story.tell(Fail{*story.at("agent").error});
  EXPECT_EQ(story.refused(Retry{}).code, ErrorCode::exhausted);
}

TEST(Budget, ACallThatIsRefusedStopsItToo) {
  TaskStory story;
  EXPECT_TRUE(story.tell(StopForBudget{}).empty()) << "it does not run";
  story.start_agent();
  EXPECT_EQ(story.tell(StopForBudget{}), Types{"run.budget_exceeded"});
  EXPECT_EQ(story.tell(CompleteStep{"agent", 1, "done", {}}), Types{"run.step.failed"});
  EXPECT_EQ(story.at("agent").error->message, "the run's budget is spent");
  // Others do not spend it.
  story.tell(StartStep{"artifacts"});
  EXPECT_EQ(story.tell(CompleteStep{"artifacts", 1, "", {}}), Types{"run.step.completed"});
}

TEST(Budget, ACallAfterTheEndStillCounts) {
  TaskStory story;
  story.begin();
  story.fail_run();
  EXPECT_EQ(story.tell(RecordModelCall{.model = "claude-haiku-4-5",
                                       .usage = {.calls = 1, .input_tokens = 1'000'000}}),
            (Types{"run.model_called", "run.budget_exceeded"}));
  EXPECT_EQ(story.run.cost, Money::from_usd(1));
  EXPECT_EQ(story.run.usage.input_tokens, 1'000'000);
}

// ---- workspaces ----

TEST(Workspace, OneAtATimeAndALostOneFailsTheStepUnderWay) {
  TaskStory story;
  story.begin();
  story.start("prepare");
  story.tell(ChooseWorkspace{kFirst});
  EXPECT_EQ(story.at("prepare").workspace, 1);
  EXPECT_EQ(story.refused(ChooseWorkspace{kSecond}).code, ErrorCode::conflict);
  EXPECT_EQ(story.refused(WorkspaceIsReady{kSecond, "sandbox"}).code, ErrorCode::conflict);
  EXPECT_EQ(story.tell(WorkspaceIsReady{kFirst, "sandbox"}), Types{"run.workspace.ready"});
  EXPECT_TRUE(story.tell(WorkspaceIsReady{kFirst, "sandbox"}).empty());
  EXPECT_EQ(story.run.isolation, "sandbox");
  story.complete("prepare");
  EXPECT_FALSE(story.run.needs_restoring());
  story.start("agent");
  EXPECT_EQ(story.tell(LoseWorkspace{kFirst, {ErrorCode::unavailable, "gone"}, 0.5, {"agent"}}),
            (Types{"run.workspace.lost", "run.step.failed", "run.step.retried"}));
  EXPECT_EQ(story.refused(LoseWorkspace{kFirst, {}, 0.5, {}}).code, ErrorCode::conflict);
  EXPECT_FALSE(story.run.workspace);
  story.tell(ChooseWorkspace{kSecond});
  EXPECT_EQ(story.run.workspaces, 2);
  EXPECT_TRUE(story.run.needs_restoring()) << "the sources were cloned in another one";
}

TEST(Workspace, ARunLivesWhereItsLastWorkspaceWas) {
  TaskStory story;
  story.begin();
  story.start("prepare");
  EXPECT_EQ(story.run.home, "") << "anywhere";
  story.tell(ChooseWorkspace{kFirst, "a"});
  EXPECT_EQ(story.run.home, "a");
  story.tell(LoseWorkspace{kFirst, {ErrorCode::unavailable, "gone"}, 0.5, {"prepare"}});
  EXPECT_EQ(story.run.home, "a") << "its mirror is there";
  story.tell(ChooseWorkspace{kSecond, "b"});
  EXPECT_EQ(story.run.home, "b");
}

TEST(Workspace, ALostOneFailsAllThatWereAtWorkInIt) {
  auto once = step("b");
  once.retry.attempts = 1;
  Story story({step("a"), once, step("c"), step("d")});
  story.begin();
  story.tell(ChooseWorkspace{kFirst});
  for (const char* name : {"a", "b", "c"}) story.start(name);
  story.tell(WaitStep{"a", 1, "a person", {}});
  story.complete("c");
  EXPECT_EQ(
      story.tell(
          LoseWorkspace{kFirst, {ErrorCode::unavailable, "gone"}, 0.5, {"a", "b", "c", "d"}}),
      (Types{"run.workspace.lost", "run.step.failed", "run.step.retried", "run.step.failed"}));
  EXPECT_EQ(states(story), "a pending, b failed, c completed, d pending, ");
  story.tell(ChooseWorkspace{kSecond});
  EXPECT_EQ(story.refused(LoseWorkspace{kSecond, {}, 0.5, {"z"}}).code, ErrorCode::not_found);
}

// ---- repetition ----

TEST(RunRules, WhatIsRepeatedAfterACrashChangesNothing) {
  TaskStory story;
  story.begin();
  EXPECT_FALSE(story.tell(ResolveSource{"main", "abc"}).empty());
  EXPECT_TRUE(story.tell(ResolveSource{"main", "def"}).empty());
  EXPECT_EQ(story.run.base_commit, "abc");
  EXPECT_FALSE(story.tell(TakeSnapshot{"agent", "s1"}).empty());
  EXPECT_TRUE(story.tell(TakeSnapshot{"agent", "s1"}).empty());
  EXPECT_FALSE(story.tell(AddArtifact{"a", "text/plain", "h1", 1}).empty());
  EXPECT_TRUE(story.tell(AddArtifact{"a", "text/plain", "h1", 1}).empty());
  EXPECT_FALSE(story.tell(AddArtifact{"a", "text/plain", "h2", 1}).empty());
  EXPECT_EQ(story.run.artifacts.size(), 1u) << "the newer one in place of the older";
}

TEST(RunRules, CommittedChangesAreKeptAndVersionsCountEvents) {
  TaskStory story;
  story.start_agent();
  story.tell(CommitChanges{"abc", DiffStat{1, 2, 3}});
  EXPECT_EQ(story.run.commit, "abc");
  EXPECT_EQ(story.run.diff_stat, (DiffStat{1, 2, 3}));
  EXPECT_EQ(story.run.version, 6u);
}

// Facts about steps and approvals that a run does not have change nothing but its version.
TEST(RunRules, ApplyingIsTotal) {
  Story story({step("a")});
  const auto before = states(story);
  for (const EventBody& body :
       {EventBody{StepStarted{"z", 1}}, EventBody{StepExpanded{"z", {}}},
        EventBody{StepWaiting{"z", "", {}}}, EventBody{StepResumed{"z"}},
        EventBody{StepCompleted{"z", 1, "", {}}}, EventBody{StepFailed{"z", 1, {}}},
        EventBody{StepRetried{"z", {}}}, EventBody{StepSkipped{"z", ""}},
        EventBody{StepCancelled{"z"}}, EventBody{SnapshotTaken{"z", "c"}},
        EventBody{ApprovalDecided{"9", true, "", ""}}, EventBody{ApprovalApplied{"9", 1}},
        EventBody{ApprovalWithdrawn{"9"}}, EventBody{SteeringApplied{"z", 9, "z-1", 1}},
        EventBody{RunRetried{1, {"z"}}}})
    apply(story.run, {kNow, body}, "test");
  EXPECT_EQ(states(story), before);
  EXPECT_EQ(story.run.version, 16u);
}

TEST(RunRules, AnAgentAtWorkIsToldThingsInTheirOrder) {
  TaskStory story;
  EXPECT_EQ(story.refused(Steer{"agent", SteeringKind::interrupt, ""}).code, ErrorCode::conflict);
  story.start_agent();
  EXPECT_EQ(story.refused(Steer{"prepare", SteeringKind::interrupt, ""}).message,
            "step \"prepare\" has no agent of its own to be told");
  EXPECT_EQ(story.refused(Steer{"none", SteeringKind::interrupt, ""}).code, ErrorCode::not_found);
  story.tell(Steer{"agent", SteeringKind::prompt, "And then this."});
  story.tell(Steer{"agent", SteeringKind::interrupt, ""});
  ASSERT_EQ(story.run.steerings.size(), 2u);
  EXPECT_EQ(story.run.steerings[1].number, 2);
  EXPECT_EQ(story.run.steerings[1].what, SteeringKind::interrupt);
  EXPECT_FALSE(story.tell(ApplySteering{1, "agent-1", 70}).empty());
  EXPECT_TRUE(story.tell(ApplySteering{1, "agent-1", 90}).empty()) << "only once";
  EXPECT_EQ(story.run.steerings[0].applied_at, 70u);
  EXPECT_EQ(story.run.steerings[0].process, "agent-1");
  EXPECT_FALSE(story.run.steerings[1].applied_at);
  EXPECT_EQ(story.refused(ApplySteering{3, "agent-1", 0}).code, ErrorCode::not_found);
}

TEST(RunRules, PromptsThatAnAgentNeverGotAreForTheProcessThatGoesOn) {
  TaskStory story;
  story.start_agent();
  for (const char* text : {"one", "two", "three"})
    story.tell(Steer{"agent", SteeringKind::prompt, text});
  story.tell(Steer{"agent", SteeringKind::mode, "ask"});
  const auto told = [&] {
    std::string all;
    for (const auto& steering : story.run.steerings)
      all += fmt::format("{} ", steering.applied_at ? steering.process : "-");
    return all;
  };
  for (const int number : {1, 2, 4}) story.tell(ApplySteering{number, "agent-1", 70});
  // A wait of the process that is at work takes nothing from it.
  story.tell(WaitStep{"agent", 1, "approval", {}, 0});
  EXPECT_EQ(told(), "agent-1 agent-1 - agent-1 ");
  story.tell(WaitStep{"agent", 1, "quota", kNow, 1, {}, {1}});
  EXPECT_EQ(told(), "agent-1 - - agent-1 ") << "a mode is not said again";
  EXPECT_EQ(story.run.steerings[1].applied_version, 0u);
  EXPECT_TRUE(story.tell(WaitStep{"agent", 1, "quota", kNow, 1, {}, {1}}).empty()) << "repeated";

  story.tell(ResumeStep{"agent"});
  for (const int number : {2, 3}) {
    EXPECT_FALSE(story.tell(ApplySteering{number, "agent-1.1", 0}).empty());
    EXPECT_TRUE(story.tell(ApplySteering{number, "agent-1.1", 9}).empty()) << "only once";
  }
  EXPECT_EQ(told(), "agent-1 agent-1.1 agent-1.1 agent-1 ");
  story.tell(WaitStep{"agent", 1, "quota", kNow, 2, {}, {2}});
  EXPECT_EQ(told(), "agent-1 agent-1.1 - agent-1 ") << "what an earlier process got stays given";
}

TEST(Event, AWaitThatWasWrittenWithoutWhatIsUntoldLeavesThatAlone) {
  auto data = data_of({kNow, StepWaiting{"agent", "quota", kNow, 1, {2}}});
  EXPECT_EQ(data.at("untold"), (json::array{2}));
  data.as_object().erase("untold");
  const auto read = event_from("run.step.waiting", data);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(std::get<StepWaiting>(read->body).untold.empty());
}

TEST(RunRules, KeptStepsOfAMatrixThatIsNotThereAreLeftOut) {
  const Story story(
      Create{kRun,
             request_of({step("a")}),
             {{.step = "m.1", .summary = {}, .of = "m"}, {.step = "z", .summary = {}}},
             {},
             {},
             {},
             {}});
  EXPECT_EQ(states(story), "a pending, ");
}

// ---- events ----

TEST(Event, UnknownFieldsAreIgnoredAndUnknownTypesAreNot) {
  auto data = data_of({kNow, StepStarted{"agent", 3}});
  data.as_object()["from_the_future"] = 1;
  const auto read = event_from("run.step.started", data);
  ASSERT_TRUE(read);
  EXPECT_EQ(std::get<StepStarted>(read->body).attempt, 3);
  EXPECT_EQ(read->at, kNow);
  EXPECT_EQ(event_from("run.teleported", data).error().code, ErrorCode::unsupported);
  data.as_object()["v"] = 2;
  EXPECT_EQ(event_from("run.step.started", data).error().code, ErrorCode::unsupported);
}

TEST(Event, DataOfAWrongShapeIsCorrupt) {
  const auto good = data_of({kNow, StepStarted{"agent", 3}});
  for (const auto& [field, value] : std::vector<std::pair<std::string, json::value>>{
           {"step", 3}, {"attempt", "x"}, {"at", "yesterday"}, {"at", nullptr}}) {
    auto data = good;
    data.as_object()[field] = value;
    EXPECT_EQ(event_from("run.step.started", data).error().code, ErrorCode::corrupt) << field;
  }
  EXPECT_EQ(event_from("run.step.started", json::value(3)).error().code, ErrorCode::corrupt);
  auto created = data_of({kNow, RunCreated{{}, task(), {}, {}, {}, {}, {}}});
  EXPECT_TRUE(event_from("run.created", created));
  created.at("request").at("workflow").at("steps").as_array()[0] = 7;
  EXPECT_EQ(event_from("run.created", created).error().code, ErrorCode::corrupt);
  auto failed = data_of({kNow, RunFailed{{ErrorCode::deadline, "late"}}});
  EXPECT_EQ(std::get<RunFailed>(event_from("run.failed", failed)->body).error.code,
            ErrorCode::deadline);
  failed.as_object()["error"] = 3;
  EXPECT_EQ(event_from("run.failed", failed).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace corral::domain
