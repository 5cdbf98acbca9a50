#include "domain/run.h"

#include <gtest/gtest.h>

#include "domain/schedule.h"

namespace corral::domain {
namespace {

constexpr Time kNow{std::chrono::seconds(1'800'000'000)};

Workflow task() {
  return {
      .name = "task",
      .steps = {
          {.name = "prepare", .kind = "git", .action = "clone"},
          {.name = "agent", .kind = "agent", .prompt = "{{prompt}}", .needs = {"prepare"}},
          {.name = "checks",
           .kind = "command",
           .run = "{{checks}}",
           .condition = "{{checks}}",
           .needs = {"agent"}},
          {.name = "commit", .kind = "git", .action = "commit", .needs = {"checks"}},
          {.name = "artifacts", .kind = "artifacts", .condition = "always", .needs = {"commit"}}}};
}

Request request() {
  Request made;
  made.workflow = task();
  made.agent = "claude";
  made.prompt = "fix it";
  made.checks = "make test";
  made.budget = Money::from_usd(1);
  made.timeout = std::chrono::hours(1);
  return made;
}

// A run to which commands are given one after the other.
struct Story {
  Run run;
  Time now = kNow;

  Story() {
    tell(Create{RunId{Uuid::parse("01936d5e-0000-7000-8000-000000000001").value()}, request()});
  }

  std::vector<std::string> tell(const Command& command, std::string_view actor = "test") {
    auto events = decide(run, command, now);
    EXPECT_TRUE(events) << events.error().message;
    std::vector<std::string> types;
    for (const auto& event : events.value()) {
      // What is stored is what is applied: every event survives the way through JSON.
      const auto stored = event_from(type_of(event.body), data_of(event));
      EXPECT_TRUE(stored) << stored.error().message;
      EXPECT_EQ(data_of(*stored), data_of(event));
      apply(run, *stored, actor);
      types.emplace_back(type_of(event.body));
    }
    return types;
  }
  Error refused(const Command& command) {
    const auto events = decide(run, command, now);
    EXPECT_FALSE(events);
    return events ? Error{} : events.error();
  }
  void complete(const std::string& step) {
    tell(StartStep{step});
    tell(CompleteStep{step, run.find(step)->attempt, ""});
  }
  void start() { tell(Begin{}); }
  void start_agent() {
    start();
    complete("prepare");
    tell(StartStep{"agent"});
  }
};

using Types = std::vector<std::string>;

TEST(RunStatus, OnlyTheTransitionsOfTheTableAreAllowedAndEveryRefusalNamesBothStates) {
  const std::vector<std::pair<std::string, std::string>> allowed{
      {"pending", "running"}, {"pending", "cancelled"}, {"running", "completed"},
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
  const std::vector<std::pair<std::string, std::string>> allowed{
      {"pending", "running"},   {"pending", "skipped"},   {"pending", "cancelled"},
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
      if (!result)
        EXPECT_EQ(result.error().message, fmt::format("step \"agent\" is {} and cannot become {}",
                                                      pair.first, pair.second));
    }
  }
}

TEST(RunStatus, NamesReadBack) {
  for (const auto status : kRunStatuses) {
    RunStatus read{};
    EXPECT_TRUE(from_string(to_string(status), read));
    EXPECT_EQ(read, status);
    EXPECT_EQ(has_ended(status), status != RunStatus::pending && status != RunStatus::running);
  }
  StepStatus step{};
  EXPECT_FALSE(from_string("asleep", step));
}

// Every command in every state of a run: it gives events or is refused with both states named;
// never a wrong state.
TEST(RunRules, CommandsThatDoNotFitTheStateAreRefused) {
  const auto in_state = [](RunStatus status) {
    Story story;
    if (status == RunStatus::pending) return story;
    story.start();
    if (status == RunStatus::completed) {
      for (const char* step : {"prepare", "agent", "checks", "commit", "artifacts"})
        story.complete(step);
      story.tell(Complete{});
    }
    if (status == RunStatus::failed) story.tell(Fail{{ErrorCode::internal, "oops"}});
    if (status == RunStatus::cancelled) {
      story.tell(RequestCancel{"why"});
      story.tell(FinishCancel{});
    }
    return story;
  };
  struct Row {
    Command command;
    std::vector<RunStatus> fits;
    std::string target;
  };
  const std::vector<Row> rows{
      {Begin{}, {RunStatus::pending}, "running"},
      {RequestCancel{""}, {RunStatus::pending, RunStatus::running, RunStatus::failed}, "cancelled"},
      {FinishCancel{}, {RunStatus::pending, RunStatus::running, RunStatus::failed}, "cancelled"},
      {Retry{}, {RunStatus::failed}, "pending"},
      {Complete{}, {}, "completed"},
      {Fail{{ErrorCode::internal, "x"}}, {RunStatus::running}, "failed"},
      {StartStep{"prepare"}, {RunStatus::running}, "running"},
      {SkipStep{"prepare", ""}, {RunStatus::running}, "running"},
      {ResolveSource{"main", "c"}, {RunStatus::running}, "running"},
      {CommitChanges{}, {RunStatus::running}, "running"},
      {ChooseWorkspace{}, {RunStatus::running}, "running"},
      {TakeSnapshot{"agent", "c"}, {RunStatus::running}, "running"},
  };
  for (const auto status : kRunStatuses) {
    for (const auto& row : rows) {
      auto story = in_state(status);
      ASSERT_EQ(story.run.status, status);
      const auto result = decide(story.run, row.command, kNow);
      const bool fits = std::ranges::find(row.fits, status) != row.fits.end();
      EXPECT_EQ(result.has_value(), fits) << row.command.index() << " in " << to_string(status);
      if (result) continue;
      EXPECT_EQ(result.error().code, ErrorCode::conflict);
      EXPECT_NE(result.error().message.find(to_string(status)), std::string::npos)
          << result.error().message;
      EXPECT_NE(result.error().message.find(row.target), std::string::npos)
          << result.error().message;
    }
  }
}

TEST(RunRules, NothingButCreatingFitsARunThatDoesNotExist) {
  domain::Run none;
  EXPECT_EQ(decide(none, Begin{}, kNow).error().code, ErrorCode::not_found);
  Story story;
  EXPECT_EQ(story.refused(Create{}).code, ErrorCode::conflict);
}

TEST(RunRules, AStepMayBeCompletedOnlyInTheAttemptUnderWay) {
  Story story;
  story.start_agent();
  EXPECT_EQ(story.refused(CompleteStep{"agent", 2, ""}).message,
            "step \"agent\" is at attempt 1, not 2");
  EXPECT_EQ(story.refused(CompleteStep{"prepare", 1, ""}).message,
            "step \"prepare\" is completed and cannot become completed");
  EXPECT_EQ(story.refused(CompleteStep{"nowhere", 1, ""}).code, ErrorCode::not_found);
  EXPECT_EQ(story.tell(CompleteStep{"agent", 1, "last words"}), Types{"run.step.completed"});
  EXPECT_EQ(story.run.summary, "last words");
}

TEST(RunRules, AFailureThatMayPassIsRetriedUnderTheStepsPolicy) {
  Story story;
  story.start_agent();
  EXPECT_EQ(story.tell(FailStep{"agent", 1, {ErrorCode::unavailable, "gone"}, 0.5}),
            (Types{"run.step.failed", "run.step.retried"}));
  EXPECT_EQ(story.run.find("agent")->not_before, kNow + Duration(2'000));
  EXPECT_EQ(std::get<next::WaitUntil>(next::next_action(story.run, kNow)).time,
            kNow + Duration(2'000));
  story.now += Duration(2'000);
  EXPECT_EQ(std::get<next::StartStep>(next::next_action(story.run, story.now)).step, "agent");
  story.tell(StartStep{"agent"});
  story.tell(FailStep{"agent", 2, {ErrorCode::unavailable, "gone"}, 0.5});
  EXPECT_EQ(story.run.find("agent")->not_before, story.now + Duration(4'000));
  story.tell(StartStep{"agent"});
  EXPECT_EQ(story.tell(FailStep{"agent", 3, {ErrorCode::unavailable, "gone"}, 0.5}),
            Types{"run.step.failed"})
      << "three attempts in all";
}

TEST(RunRules, OnlyWhatMayPassIsRetried) {
  for (const auto code : {ErrorCode::invalid, ErrorCode::conflict, ErrorCode::exhausted,
                          ErrorCode::deadline, ErrorCode::not_found, ErrorCode::internal}) {
    Story story;
    story.start_agent();
    EXPECT_EQ(story.tell(FailStep{"agent", 1, {code, "no"}}), Types{"run.step.failed"})
        << to_string(code);
  }
}

TEST(RunRules, AfterAFailureOnlyStepsThatAlwaysRunStillDo) {
  Story story;
  story.start_agent();
  story.tell(FailStep{"agent", 1, {ErrorCode::conflict, "broken"}});
  for (const char* skipped : {"checks", "commit"}) {
    const auto action = next::next_action(story.run, kNow);
    ASSERT_TRUE(std::holds_alternative<next::SkipStep>(action));
    EXPECT_EQ(std::get<next::SkipStep>(action).step, skipped);
    EXPECT_EQ(std::get<next::SkipStep>(action).reason, "step \"agent\" failed");
    story.tell(SkipStep{skipped, "failed"});
  }
  EXPECT_EQ(std::get<next::StartStep>(next::next_action(story.run, kNow)).step, "artifacts");
  story.complete("artifacts");
  EXPECT_EQ(std::get<next::FailRun>(next::next_action(story.run, kNow)).error.message, "broken");
  story.tell(Fail{{ErrorCode::conflict, "broken"}});
  EXPECT_EQ(story.run.error->message, "broken");
  EXPECT_TRUE(std::holds_alternative<next::Nothing>(next::next_action(story.run, kNow)));

  EXPECT_EQ(story.tell(Retry{}), Types{"run.retried"});
  EXPECT_EQ(story.run.attempt, 2);
  EXPECT_EQ(story.run.find("prepare")->status, StepStatus::completed) << "kept";
  for (const char* anew : {"agent", "checks", "commit", "artifacts"})
    EXPECT_EQ(story.run.find(anew)->status, StepStatus::pending) << anew;
  EXPECT_TRUE(std::holds_alternative<next::BeginRun>(next::next_action(story.run, kNow)));
  story.start();
  story.tell(StartStep{"agent"});
  EXPECT_EQ(story.run.find("agent")->process_id(), "agent-2") << "process ids are never used twice";
  EXPECT_EQ(story.run.find("agent")->tries, 1) << "the policy counts anew";
}

TEST(RunRules, AStepWhoseInputIsEmptyIsSkipped) {
  auto asked = request();
  asked.checks.clear();
  Story story;
  story.run = {};
  story.tell(Create{{}, asked});
  story.start_agent();
  story.tell(CompleteStep{"agent", 1, ""});
  EXPECT_EQ(std::get<next::SkipStep>(next::next_action(story.run, kNow)).reason,
            "{{checks}} is empty");
}

TEST(RunRules, ItsOwnTimeRunsOut) {
  Story story;
  story.start();
  EXPECT_EQ(story.run.deadline(), kNow + std::chrono::hours(1));
  EXPECT_EQ(std::get<next::FailRun>(next::next_action(story.run, kNow + std::chrono::hours(1)))
                .error.code,
            ErrorCode::deadline);
}

TEST(RunRules, CancellingWhileItRunsWaitsUntilNothingLives) {
  Story story;
  story.start_agent();
  EXPECT_EQ(story.tell(RequestCancel{"why"}), Types{"run.cancel_requested"});
  EXPECT_TRUE(story.tell(RequestCancel{"why"}).empty());
  EXPECT_EQ(story.run.status, RunStatus::running);
  EXPECT_TRUE(std::holds_alternative<next::CancelRun>(next::next_action(story.run, kNow)));
  EXPECT_EQ(story.tell(FinishCancel{}),
            (Types{"run.step.cancelled", "run.step.cancelled", "run.step.cancelled",
                   "run.step.cancelled", "run.cancelled"}));
  EXPECT_EQ(story.run.find("agent")->status, StepStatus::cancelled);
  EXPECT_EQ(story.run.find("prepare")->status, StepStatus::completed);
}

TEST(RunRules, CancellingWhatDoesNotRunIsDoneAtOnce) {
  Story pending;
  EXPECT_EQ(pending.tell(RequestCancel{""}).back(), "run.cancelled");
  EXPECT_EQ(pending.run.error->message, "cancelled");
  Story failed;
  failed.start();
  failed.tell(Fail{{ErrorCode::internal, "x"}});
  EXPECT_EQ(failed.tell(RequestCancel{"give up"}).back(), "run.cancelled");
}

TEST(RunRules, AFailedRunLeavesNoStepUnderWay) {
  Story story;
  story.start_agent();
  EXPECT_EQ(story.tell(Fail{{ErrorCode::internal, "x"}}), (Types{"run.step.failed", "run.failed"}));
  EXPECT_EQ(story.run.under_way(), nullptr);
}

TEST(RunRules, ItCompletesOnlyWhenAllItsStepsDid) {
  Story story;
  story.start_agent();
  EXPECT_EQ(story.refused(Complete{}).message,
            "a run that is running cannot become completed while its step \"agent\" is running");
}

TEST(Approval, TheStepWaitsWhileAnyIsOpen) {
  Story story;
  story.start_agent();
  EXPECT_EQ(story.tell(RequestApproval{"1", "agent", "p1", "Write", "a file",
                                       json::object{{"path", "x"}}}),
            (Types{"run.approval.requested", "run.step.waiting"}));
  EXPECT_EQ(story.tell(RequestApproval{"2", "agent", "p2", "Bash", "make", {}}),
            Types{"run.approval.requested"});
  EXPECT_TRUE(story.tell(RequestApproval{"1", "agent", "p1", "Write", "a file", {}}).empty())
      << "asked again after a restart";
  EXPECT_TRUE(story.run.waiting());
  EXPECT_EQ(story.tell(DecideApproval{"1", true, ""}, "user:ann"), Types{"run.approval.decided"});
  EXPECT_EQ(story.run.find("agent")->status, StepStatus::waiting);
  EXPECT_EQ(story.tell(DecideApproval{"2", false, "no"}),
            (Types{"run.approval.decided", "run.step.resumed"}));
  EXPECT_EQ(story.run.find("agent")->status, StepStatus::running);
  EXPECT_FALSE(story.run.waiting());
  EXPECT_EQ(story.run.find_approval("1")->decision->by, "user:ann");
  EXPECT_TRUE(story.tell(DecideApproval{"1", true, ""}).empty());
  EXPECT_EQ(story.refused(DecideApproval{"1", false, ""}).message,
            "approval 1 is already allowed and cannot become denied");
  EXPECT_EQ(story.refused(DecideApproval{"9", false, ""}).code, ErrorCode::not_found);
}

TEST(Approval, ItsAnswerIsAppliedOnceAtAnOffset) {
  Story story;
  story.start_agent();
  story.tell(RequestApproval{"1", "agent", "p1", "Write", "", {}});
  story.tell(DecideApproval{"1", true, ""});
  EXPECT_EQ(story.tell(ApplyApproval{"1", 42}), Types{"run.approval.applied"});
  EXPECT_TRUE(story.tell(ApplyApproval{"1", 99}).empty());
  EXPECT_EQ(story.run.find_approval("1")->applied_at, 42u);
  EXPECT_EQ(story.refused(ApplyApproval{"2", 0}).code, ErrorCode::not_found);
}

TEST(Approval, ItIsClosedWithItsStepOrWithdrawn) {
  Story story;
  story.start_agent();
  story.tell(RequestApproval{"1", "agent", "p1", "Write", "", {}});
  EXPECT_EQ(story.tell(WithdrawApproval{"1"}),
            (Types{"run.approval.withdrawn", "run.step.resumed"}));
  EXPECT_TRUE(story.tell(WithdrawApproval{"1"}).empty());
  story.tell(RequestApproval{"2", "agent", "p2", "Write", "", {}});
  story.tell(FailStep{"agent", 1, {ErrorCode::conflict, "died"}});
  EXPECT_FALSE(story.run.waiting());
  EXPECT_NE(story.refused(DecideApproval{"2", true, ""}).message.find("closed"), std::string::npos);
  EXPECT_EQ(story.refused(RequestApproval{"3", "agent", "p3", "Write", "", {}}).message,
            "step \"agent\" is failed, not running");
}

TEST(Budget, TheCallThatReachesItStopsTheRun) {
  Story story;
  story.start_agent();
  const RecordModelCall half{.model = "claude-sonnet-4-5",
                             .usage = {.calls = 1, .output_tokens = 33'334}};
  EXPECT_EQ(story.tell(half), Types{"run.model_called"});
  EXPECT_EQ(story.tell(half), (Types{"run.model_called", "run.budget_exceeded"}));
  EXPECT_EQ(story.tell(half), Types{"run.model_called"}) << "said once";
  EXPECT_TRUE(story.tell(StopForBudget{}).empty());
  // The agent's own success does not count then.
  EXPECT_EQ(story.tell(CompleteStep{"agent", 1, "done"}), Types{"run.step.failed"});
  EXPECT_EQ(story.run.find("agent")->error->code, ErrorCode::exhausted);
  story.tell(Fail{*story.run.find("agent")->error});
  EXPECT_EQ(story.refused(Retry{}).code, ErrorCode::exhausted);
}

TEST(Budget, ACallAfterTheEndStillCounts) {
  Story story;
  story.start();
  story.tell(Fail{{ErrorCode::internal, "x"}});
  EXPECT_EQ(story.tell(RecordModelCall{.model = "claude-haiku-4-5",
                                       .usage = {.calls = 1, .input_tokens = 1'000'000}}),
            (Types{"run.model_called", "run.budget_exceeded"}));
  EXPECT_EQ(story.run.cost, Money::from_usd(1));
}

TEST(Workspace, OneAtATimeAndALostOneFailsTheStepUnderWay) {
  Story story;
  story.start();
  story.tell(StartStep{"prepare"});
  const WorkspaceId first{Uuid::parse("01936d5e-0000-7000-8000-0000000000a1").value()},
      second{Uuid::parse("01936d5e-0000-7000-8000-0000000000a2").value()};
  story.tell(ChooseWorkspace{first});
  EXPECT_EQ(story.refused(ChooseWorkspace{second}).code, ErrorCode::conflict);
  EXPECT_EQ(story.tell(WorkspaceIsReady{first, "sandbox"}), Types{"run.workspace.ready"});
  EXPECT_TRUE(story.tell(WorkspaceIsReady{first, "sandbox"}).empty());
  story.tell(CompleteStep{"prepare", 1, ""});
  EXPECT_FALSE(story.run.needs_restoring());
  story.tell(StartStep{"agent"});
  EXPECT_EQ(story.tell(LoseWorkspace{first, {ErrorCode::unavailable, "gone"}}),
            (Types{"run.workspace.lost", "run.step.failed", "run.step.retried"}));
  EXPECT_EQ(story.refused(LoseWorkspace{first, {}}).code, ErrorCode::conflict);
  EXPECT_FALSE(story.run.workspace);
  story.tell(ChooseWorkspace{second});
  EXPECT_EQ(story.run.workspaces, 2);
  EXPECT_TRUE(story.run.needs_restoring()) << "the sources were cloned in another one";
}

TEST(RunRules, WhatIsRepeatedAfterACrashChangesNothing) {
  Story story;
  story.start();
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
  Story story;
  story.start_agent();
  story.tell(CommitChanges{"abc", DiffStat{1, 2, 3}});
  EXPECT_EQ(story.run.commit, "abc");
  EXPECT_EQ(story.run.diff_stat, (DiffStat{1, 2, 3}));
  EXPECT_EQ(story.run.version, 6u);
}

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
  auto created = data_of({kNow, RunCreated{{}, request()}});
  created.at("request").at("workflow").at("steps").as_array()[0] = 7;
  EXPECT_EQ(event_from("run.created", created).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace corral::domain
