// Runs from their start to their end, in a world without faults.
#include <gtest/gtest.h>

#include <csignal>

#include "base/log.h"
#include "engine/run_token.h"
#include "engine/testing/harness.h"

namespace corral::engine {
namespace {

using testing::Harness;

struct EngineTest : ::testing::Test {
  Harness h;
  void SetUp() override { log::set_level(log::Level::error); }
  void TearDown() override { EXPECT_EQ(log::take_error_count(), 0); }
  void boot() {
    h.boot();
    ASSERT_TRUE(h.call(h.engine().start()));
  }
  // Until the agent of the run is at work.
  void run_until_agent(RunId id) {
    ASSERT_TRUE(h.run_until([&] { return h.step_status(id, "agent") == "running" && h.world.find_process("agent-1") != nullptr; }));
    h.settle();
  }
  std::string error_code(RunId id) { return std::string(find_string(h.run(id), {"error", "code"})); }
  std::string error_message(RunId id) { return std::string(find_string(h.run(id), {"error", "message"})); }
};

TEST_F(EngineTest, ATaskRunsThroughAllItsSteps) {
  boot();
  auto request = h.request("say hello\nsay world\ndone all is well");
  request.checks = "make test";
  const auto id = h.start(request);
  ASSERT_TRUE(h.run_to_end(id)) << h.log(id);
  const auto run = h.run(id);
  EXPECT_EQ(h.status(id), "completed") << json::serialize(run) << h.log(id);
  for (const char* step : {"prepare", "agent", "checks", "commit", "artifacts"}) EXPECT_EQ(h.step_status(id, step), "completed") << step;
  EXPECT_EQ(find_string(run, {"base_commit"}), h.world.base_commit);
  EXPECT_EQ(find_string(run, {"summary"}), "all is well");
  EXPECT_EQ(find_string(run, {"isolation"}), "sandbox");
  EXPECT_EQ(find_int(run, {"diff_stat", "files"}), 1);
  EXPECT_TRUE(find_string(run, {"branch"}).starts_with("corral/say-hello-say-world-done-all-is-well-")) << find_string(run, {"branch"});
  EXPECT_EQ(h.world.living_processes(), 0u);
  EXPECT_EQ(h.world.destroyed.size(), 1u);
  EXPECT_EQ(h.world.published.size(), 1u);
  EXPECT_NE(h.log(id).find("hello\nworld\n"), std::string::npos) << h.log(id);
  EXPECT_NE(h.log(id).find("$ make test\noutput of checks-1\n"), std::string::npos);
  EXPECT_NE(h.log(id).find("run completed"), std::string::npos);
}

TEST_F(EngineTest, WithoutChecksThatStepIsSkipped) {
  boot();
  const auto id = h.start("done");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed");
  EXPECT_EQ(h.step_status(id, "checks"), "skipped");
}

TEST_F(EngineTest, ARunThatChangesNothingCompletesWithoutACommit) {
  h.world.agent_changes_files = false;
  boot();
  const auto id = h.start("done nothing to do");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed");
  EXPECT_TRUE(h.run(id).at("commit").is_null());
  EXPECT_TRUE(h.world.published.empty());
}

TEST_F(EngineTest, FailingChecksFailTheRunButKeepWhatThereIs) {
  h.world.exit_codes["checks-1"] = 2;
  boot();
  auto request = h.request("done");
  request.checks = "make test";
  const auto id = h.start(request);
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "failed");
  EXPECT_EQ(error_code(id), "conflict");
  EXPECT_EQ(error_message(id), "checks ended with exit code 2: make test");
  EXPECT_EQ(h.step_status(id, "commit"), "skipped");
  EXPECT_EQ(h.step_status(id, "artifacts"), "completed");
  EXPECT_TRUE(h.run(id).at("commit").is_null());
  // The work so far can be looked at, from the snapshot.
  EXPECT_TRUE(h.call(h.engine().run_diff(id)).value().starts_with("diff bbb"));
  EXPECT_EQ(h.call(h.engine().list_artifacts(id)).value().size(), 4u);
}

TEST_F(EngineTest, ARetryGoesOnFromTheStepThatFailed) {
  h.world.exit_codes["checks-1"] = 2;
  boot();
  auto request = h.request("done");
  request.checks = "make test";
  const auto id = h.start(request);
  ASSERT_TRUE(h.run_to_end(id));
  const auto log = h.call(h.engine().run_log(id)).value();
  EXPECT_TRUE(log->closed());
  ASSERT_TRUE(h.call(h.engine().retry_run(id, "user:bob")));
  EXPECT_FALSE(log->closed()) << "a log is open again while its run is";
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed") << h.log(id);
  EXPECT_EQ(h.run(id).at("attempt").to_number<int>(), 2);
  EXPECT_EQ(h.world.times_started("agent-1"), 1);
  EXPECT_EQ(h.world.times_started("agent-2"), 0);
  EXPECT_EQ(h.world.times_started("restore-2"), 1);
  EXPECT_EQ(h.world.times_started("checks-2"), 1);
  EXPECT_EQ(h.world.fetches, 1) << "what a run starts from does not move";
  EXPECT_EQ(h.call(h.engine().retry_run(id, "user:bob")).error().message, "a run that is completed cannot become pending");
  EXPECT_TRUE(log->closed());
}

TEST_F(EngineTest, AnAgentThatFailsFailsTheRunWithItsWords) {
  boot();
  const auto id = h.start("say trying\nfail the model is down");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "failed");
  EXPECT_EQ(error_message(id), "the agent fake failed: the model is down");
  EXPECT_EQ(h.count(id, "run.snapshot"), 1) << "what it did is kept";
}

TEST_F(EngineTest, AnAgentThatDiesFailsWithItsLastErrors) {
  boot();
  const auto id = h.start("err segmentation fault\nexit 139");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(error_message(id), "the agent fake failed: exit code 139, last words: segmentation fault\n");
  EXPECT_NE(h.log(id).find("segmentation fault"), std::string::npos);
}

TEST_F(EngineTest, AnAgentThatDoesNotEndAfterItsResultIsEnded) {
  boot();
  const auto id = h.start("linger all done");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed");
  EXPECT_EQ(h.world.find_process("agent-1")->signals, std::vector<int>{SIGTERM});
}

TEST_F(EngineTest, CancellingInterruptsTheAgentAndEndsTheWorkspace) {
  boot();
  const auto id = h.start("say working\nhang");
  run_until_agent(id);
  const Time asked = h.clock.now();
  ASSERT_TRUE(h.call(h.engine().cancel_run(id, "changed my mind", "user:ann")));
  ASSERT_TRUE(h.call(h.engine().cancel_run(id, "again", "user:ann"))) << "cancelling twice is once";
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "cancelled");
  EXPECT_EQ(error_message(id), "changed my mind");
  EXPECT_EQ(h.step_status(id, "agent"), "cancelled");
  EXPECT_EQ(h.step_status(id, "artifacts"), "cancelled");
  EXPECT_EQ(h.world.find_process("agent-1")->signals, std::vector<int>{SIGINT});
  EXPECT_EQ(h.world.living_processes(), 0u);
  EXPECT_EQ(h.clock.now(), asked) << "an agent that heeds is not waited for";
  EXPECT_EQ(h.call(h.engine().cancel_run(id, "", "user:ann")).error().code, ErrorCode::conflict);
}

TEST_F(EngineTest, AnAgentThatHeedsNothingIsKilled) {
  boot();
  const auto id = h.start("stubborn");
  run_until_agent(id);
  ASSERT_TRUE(h.call(h.engine().cancel_run(id, "", "user:ann")));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "cancelled");
  EXPECT_EQ(h.world.find_process("agent-1")->signals, (std::vector<int>{SIGINT, SIGTERM, SIGKILL}));
}

TEST_F(EngineTest, ARunThatWaitsForItsTurnIsCancelledAtOnce) {
  h.options.running = 1;
  boot();
  const auto first = h.start("hang"), second = h.start("done");
  run_until_agent(first);
  EXPECT_EQ(h.status(second), "pending");
  ASSERT_TRUE(h.call(h.engine().cancel_run(second, "", "user:ann")));
  EXPECT_EQ(h.status(second), "cancelled");
  ASSERT_TRUE(h.call(h.engine().cancel_run(first, "", "user:ann")));
  ASSERT_TRUE(h.run_to_end(first));
  ASSERT_TRUE(h.run_until([&] { return h.call(h.store.queue_counts(h.clock.now())).value().completed == 2; })) << "its job is put away";
}

TEST_F(EngineTest, APermissionWaitsForAPersonAndTheirWordReachesTheAgent) {
  boot();
  auto request = h.request("ask write-it\nsay after\ndone");
  request.permissions = "ask";
  const auto id = h.start(request);
  ASSERT_TRUE(h.run_until([&] { return find_bool(h.run(id), {"waiting"}); }));
  EXPECT_EQ(h.step_status(id, "agent"), "waiting");
  const auto open = h.call(h.engine().list_approvals(std::nullopt)).value();
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(find_string(open[0], {"tool"}), "Write");
  EXPECT_EQ(find_string(open[0], {"run"}), id.to_string());
  EXPECT_NE(h.timeline(id).find(find_string(open[0], {"id"})), std::string::npos) << "the timeline names the approval";
  const std::string approval(find_string(open[0], {"id"}));
  ASSERT_TRUE(h.call(h.engine().decide_approval(approval, false, "not there", "user:ann")));
  EXPECT_TRUE(h.call(h.engine().list_approvals(id)).value().empty());
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_NE(h.log(id).find("answered write-it: denied not there"), std::string::npos) << h.log(id);
  EXPECT_EQ(h.call(h.engine().decide_approval(approval, true, "", "user:ann")).error().code, ErrorCode::conflict);
  EXPECT_EQ(h.call(h.engine().decide_approval("nope", true, "", "user:ann")).error().code, ErrorCode::not_found);
  EXPECT_EQ(h.count(id, "run.step.waiting"), 1);
  EXPECT_EQ(h.count(id, "run.step.resumed"), 1);
}

TEST_F(EngineTest, ARequestThatTheAgentWithdrawsIsNoLongerOpen) {
  boot();
  auto request = h.request("ask x\nforget x\nhang");
  request.permissions = "ask";
  const auto id = h.start(request);
  ASSERT_TRUE(h.run_until([&] { return h.count(id, "run.approval.withdrawn") == 1; }));
  EXPECT_TRUE(h.call(h.engine().list_approvals(id)).value().empty());
  EXPECT_EQ(h.step_status(id, "agent"), "running");
}

TEST_F(EngineTest, InsideItsWorkspaceAnAgentIsAllowedByDefault) {
  boot();
  const auto id = h.start("ask write-it\nsay after\ndone");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed");
  EXPECT_EQ(h.count(id, "run.approval.requested"), 0);
  EXPECT_EQ(h.world.find_process("agent-1")->input_ids, (std::vector<std::string>{"prompt", "answer-write-it"}));
}

TEST_F(EngineTest, OverItsBudgetARunIsStoppedWithTheFigures) {
  boot();
  auto request = h.request("say spending\nhang");
  request.budget_usd = 1.0;
  const auto id = h.start(request);
  run_until_agent(id);
  const ModelCall call{.model = "claude-sonnet-4-5", .input_tokens = 100'000, .output_tokens = 20'000, .cache_read_tokens = 50'000};
  EXPECT_TRUE(h.call(h.engine().admit_model_call(id)));
  ASSERT_TRUE(h.call(h.engine().record_model_call(id, call)));  // $0.615
  EXPECT_TRUE(h.call(h.engine().admit_model_call(id)));
  ASSERT_TRUE(h.call(h.engine().record_model_call(id, call)));
  const auto refused = h.call(h.engine().admit_model_call(id));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::exhausted);
  EXPECT_NE(refused.error().message.find("$1.0000"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("$1.2300"), std::string::npos) << refused.error().message;
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "failed");
  EXPECT_EQ(error_code(id), "exhausted");
  EXPECT_NE(error_message(id).find("$1.2300"), std::string::npos);
  EXPECT_EQ(find_int(h.run(id), {"usage", "calls"}), 2);
  EXPECT_EQ(find_int(h.run(id), {"usage", "cache_read_tokens"}), 100'000);
  EXPECT_DOUBLE_EQ(find_number(h.run(id), {"cost_usd"}), 1.23);
  EXPECT_EQ(h.count(id, "run.snapshot"), 1);
  EXPECT_EQ(h.call(h.engine().retry_run(id, "user:ann")).error().code, ErrorCode::exhausted);
}

TEST_F(EngineTest, ATimeoutEndsTheStepWithADeadline) {
  h.world.act = [&](testing::FakeMachine&, testing::FakeProcess& process) {
    if (process.spec.argv.front() != testing::kFakeAgentProgram) return testing::act_as_git(h.world, process);
    EXPECT_GT(process.spec.timeout, Duration(50'000));
    EXPECT_LE(process.spec.timeout, Duration(60'000));
    process.exit.timed_out = true;  // as the runner says once its own clock has run out
    process.end(143);
  };
  boot();
  auto request = h.request("hang");
  request.timeout_s = 60;
  const auto id = h.start(request);
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "failed");
  EXPECT_EQ(error_code(id), "deadline");
  EXPECT_EQ(h.count(id, "run.step.started", "agent"), 1) << "the same again would take as long";
}

TEST_F(EngineTest, OutOfMemoryIsSaidSo) {
  h.world.act = [&](testing::FakeMachine&, testing::FakeProcess& process) {
    if (process.spec.argv.front() != testing::kFakeAgentProgram) return testing::act_as_git(h.world, process);
    process.exit.out_of_memory = true;
    process.end(137);
  };
  boot();
  const auto id = h.start("hang");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(error_code(id), "exhausted");
  EXPECT_NE(error_message(id).find("2048 MB"), std::string::npos) << error_message(id);
}

TEST_F(EngineTest, WhatPrintsWithoutEndIsEnded) {
  h.options.max_output_bytes = 1000;
  boot();
  std::string script;
  for (int i = 0; i < 200; ++i) script += "say more and more\n";
  const auto id = h.start(script + "hang");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(error_code(id), "exhausted");
  EXPECT_EQ(h.world.find_process("agent-1")->signals, std::vector<int>{SIGKILL});
  EXPECT_LT(h.log(id).size(), 3'000u);
}

TEST_F(EngineTest, ALostWorkspaceIsReplacedAndTheStepTriedAgain) {
  boot();
  const auto id = h.start("say working\nhang");
  run_until_agent(id);
  h.world.lose(h.world.machines.begin()->first);
  ASSERT_TRUE(h.run_until([&] { return h.world.times_started("agent-2") == 1; }));
  EXPECT_EQ(h.count(id, "run.workspace.lost"), 1);
  EXPECT_EQ(h.count(id, "run.step.failed", "agent"), 1);
  EXPECT_EQ(h.world.times_started("prepare-1"), 1);
  EXPECT_EQ(h.world.times_started("prepare-2"), 0) << "no completed step runs again";
  EXPECT_EQ(h.world.times_started("restore-2"), 1);
  EXPECT_EQ(h.world.destroyed.size(), 1u);
  h.settle();
  ASSERT_TRUE(h.call(h.engine().cancel_run(id, "", "user:ann")));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.world.destroyed.size(), 2u);
}

TEST_F(EngineTest, AfterThreeLostWorkspacesTheRunFails) {
  boot();
  const auto id = h.start("hang");
  for (int attempt = 1; attempt <= 3; ++attempt) {
    ASSERT_TRUE(h.run_until([&] { return h.world.times_started(fmt::format("agent-{}", attempt)) == 1; })) << attempt;
    h.settle();
    for (auto& [workspace, machine] : h.world.machines)
      if (!machine.gone) h.world.lose(workspace);
  }
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "failed");
  EXPECT_EQ(error_code(id), "unavailable");
}

TEST_F(EngineTest, AnUpgradeLeavesTheAgentAtWork) {
  boot();
  const auto id = h.start("say working\nhang");
  run_until_agent(id);
  h.shut_down();
  EXPECT_EQ(h.world.living_processes(), 1u);
  EXPECT_TRUE(h.world.find_process("agent-1")->signals.empty());
  boot();
  EXPECT_TRUE(h.engine().workspace_owner(h.world.machines.begin()->first)) << "its doors open at once";
  h.settle();
  EXPECT_EQ(h.world.times_started("agent-1"), 1);
  ASSERT_TRUE(h.call(h.engine().cancel_run(id, "", "user:ann")));
  ASSERT_TRUE(h.run_to_end(id));
}

TEST_F(EngineTest, WorkspacesThatNoLiveRunNeedsAreRemovedAtStart) {
  const auto stray = WorkspaceId::make(h.clock.now(), h.random);
  h.world.machines[stray].id = stray;
  boot();
  EXPECT_TRUE(h.world.destroyed.contains(stray));
}

TEST_F(EngineTest, TheSameIdempotencyKeyIsTheSameRun) {
  boot();
  const auto request = h.request("done");
  const auto first = h.call(h.engine().start_run(request, "user:ann", "key-1")).value();
  const auto second = h.call(h.engine().start_run(request, "user:ann", "key-1")).value();
  EXPECT_EQ(find_string(first, {"id"}), find_string(second, {"id"}));
  EXPECT_NE(find_string(first, {"id"}), find_string(h.call(h.engine().start_run(request, "user:bob", "key-1")).value(), {"id"}));
  auto other = request;
  other.prompt = "something else";
  EXPECT_EQ(h.call(h.engine().start_run(other, "user:ann", "key-1")).error().code, ErrorCode::conflict);
}

TEST_F(EngineTest, TenRunsAtOnceAllFinishAndAProjectHasAtMostFive) {
  boot();
  std::vector<RunId> ids;
  for (int i = 0; i < 10; ++i) {
    auto request = h.request("say one\nsay two\ndone");
    request.git_url = i % 2 == 0 ? "/srv/a" : "/srv/b";
    ids.push_back(h.start(request));
  }
  std::size_t most = 0;
  ASSERT_TRUE(h.run_until([&] {
    most = std::max(most, h.call(h.engine().list_runs({.project = "a", .status = "running"})).value().items.size());
    return std::ranges::all_of(ids, [&](RunId id) { return h.ended(id); });
  }));
  for (const auto id : ids) EXPECT_EQ(h.status(id), "completed");
  EXPECT_LE(most, 5u);
  EXPECT_GT(most, 1u);
}

TEST_F(EngineTest, ALongPromptReachesTheAgentWhole) {
  boot();
  const std::string filler(9u << 20, 'x');
  const auto id = h.start("say begin\nskip " + filler + "\ndone");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed");
  EXPECT_GT(h.world.find_process("agent-1")->input.size(), filler.size());
  EXPECT_LT(json::serialize(h.run(id)).size(), 20'000u) << "lists carry an excerpt";
}

TEST_F(EngineTest, ATokenIsGoodForItsRunAndOnlyWhileItLives) {
  boot();
  const auto id = h.start("hang");
  run_until_agent(id);
  const std::string token = h.world.find_process("agent-1")->spec.env.at("TOKEN");
  EXPECT_EQ(h.call(h.engine().authenticate_run_token(token)).value(), id);
  for (const auto& event : h.events(id)) EXPECT_EQ(json::serialize(event.data).find(token), std::string::npos);
  auto forged = token;
  forged.back() = forged.back() == '0' ? '1' : '0';
  EXPECT_EQ(h.call(h.engine().authenticate_run_token(forged)).error().code, ErrorCode::unauthenticated);
  EXPECT_EQ(h.call(h.engine().authenticate_run_token("")).error().code, ErrorCode::unauthenticated);
  const auto unknown = make_run_token(RunId::make(h.clock.now(), h.random), Secret("0123456789abcdef0123456789abcdef"));
  EXPECT_EQ(h.call(h.engine().authenticate_run_token(unknown)).error().code, ErrorCode::unauthenticated);
  ASSERT_TRUE(h.call(h.engine().cancel_run(id, "", "user:ann")));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.call(h.engine().authenticate_run_token(token)).error().code, ErrorCode::forbidden);
}

TEST_F(EngineTest, ArtifactsAreKept) {
  boot();
  const auto id = h.start("say hello there\nask x\ndone finished");
  ASSERT_TRUE(h.run_to_end(id));
  const auto artifacts = h.call(h.engine().list_artifacts(id)).value();
  ASSERT_EQ(artifacts.size(), 4u);
  for (const char* name : {"diff.patch", "transcript.md", "timeline.ndjson", "report.json"}) {
    const auto artifact = h.call(h.engine().get_artifact(id, name));
    ASSERT_TRUE(artifact) << name;
    EXPECT_FALSE(artifact->content.empty());
    EXPECT_FALSE(artifact->media_type.empty());
  }
  const auto transcript = h.call(h.engine().get_artifact(id, "transcript.md")).value().content;
  EXPECT_NE(transcript.find("hello there"), std::string::npos) << transcript;
  EXPECT_NE(transcript.find("**Asks to use Write** asks x"), std::string::npos) << transcript;
  EXPECT_EQ(h.call(h.engine().get_artifact(id, "other")).error().code, ErrorCode::not_found);
}

TEST_F(EngineTest, AMissingAgentIsSaidAtOnce) {
  h.agents.push_back(testing::make_fake_agent({.name = "claude", .problem = "Claude Code is not installed; run: corral agent install claude"}));
  boot();
  auto request = h.request("x");
  request.agent = "claude";
  const auto refused = h.call(h.engine().start_run(request, "user:ann", ""));
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_NE(refused.error().message.find("corral agent install claude"), std::string::npos);
  EXPECT_TRUE(h.call(h.engine().list_projects("", 50)).value().items.empty()) << "nothing is left of it";
}

TEST_F(EngineTest, AnAgentThatCannotBeLaunchedFailsTheStep) {
  boot();
  auto request = h.request("x");
  request.model = "unlaunchable";
  const auto id = h.start(request);
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(error_message(id), "there is no such model");
}

TEST_F(EngineTest, ARepositoryThatCannotBeReadFailsTheRunClearly) {
  boot();
  auto before = h.world.faults;
  h.world.faults = [&](std::string_view call) -> std::optional<Error> {
    if (call == "fetch") return Error{ErrorCode::not_found, "/srv/project is not a git repository", nullptr};
    return before(call);
  };
  const auto id = h.start("done");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "failed");
  EXPECT_EQ(error_message(id), "/srv/project is not a git repository");
  EXPECT_EQ(h.step_status(id, "agent"), "skipped");
}

TEST_F(EngineTest, AMachineWithoutRoomIsTriedAgainLater) {
  boot();
  auto before = h.world.faults;
  int refused = 0;
  h.world.faults = [&](std::string_view call) -> std::optional<Error> {
    if (call == "create" && ++refused <= 2) return Error{ErrorCode::exhausted, "no room", nullptr};
    return before(call);
  };
  const Time began = h.clock.now();
  const auto id = h.start("done");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed");
  EXPECT_EQ(h.count(id, "run.step.started", "prepare"), 3);
  EXPECT_GE(h.clock.now() - began, Duration(4'500)) << "2 s, then 4 s, each within a quarter";
}

TEST_F(EngineTest, AFullDiskPausesARunAndLosesNothing) {
  boot();
  const auto id = h.start("say one\nsay two\ndone");
  auto before = h.logs.faults;
  int refused = 0;
  h.logs.faults = [&]() -> std::optional<Error> {
    if (++refused % 3 == 1 && refused < 40) return Error{ErrorCode::exhausted, "the disk is full", nullptr};
    return before();
  };
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed") << h.log(id);
  EXPECT_GT(refused, 5);
  EXPECT_EQ(h.world.times_started("agent-1"), 1);
  EXPECT_TRUE(h.logs.mismatches.empty());
}

TEST_F(EngineTest, AStoreThatFailsNowAndThenDelaysARunAndLosesNothing) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Harness own(seed);
    SeededRandom random(seed);
    own.boot();
    ASSERT_TRUE(own.call(own.engine().start()));
    const auto id = own.start("say one\nask a\nsay two\ndone");
    // An acknowledgement that is lost after the fact looks the same to the engine as a refusal.
    own.store_faults = [&](std::string_view, ports::fakes::FakeStore::Moment) -> std::optional<Error> {
      if (random.unit() < 0.1) return Error{ErrorCode::unavailable, "the database does not answer", nullptr};
      return std::nullopt;
    };
    ASSERT_TRUE(own.run_until([&] {
      auto faults = std::exchange(own.store_faults, nullptr);
      const bool ended = own.ended(id);
      own.store_faults = std::move(faults);
      return ended;
    }, 50'000)) << "seed " << seed;
    own.store_faults = nullptr;
    EXPECT_EQ(own.status(id), "completed") << own.log(id);
    EXPECT_EQ(own.world.times_started("agent-1"), 1);
    EXPECT_EQ(own.count(id, "run.step.completed", "agent"), 1);
    EXPECT_TRUE(own.logs.mismatches.empty());
  }
}

TEST_F(EngineTest, AWorkerWhoseLeaseIsLostStopsAtOnce) {
  boot();
  const auto id = h.start("hang");
  run_until_agent(id);
  // Another process takes everything over, as if this one had been away too long.
  ASSERT_TRUE(h.call(h.store.release_leases_except("somebody else")));
  ASSERT_TRUE(h.call(h.store.claim("somebody else", h.clock.now(), std::chrono::hours(1), {})).value());
  const auto events = h.events(id).size();
  ASSERT_TRUE(h.run_until([&] { return h.clock.now() > Time{} && h.call(h.store.queue_counts(h.clock.now())).value().claimed == 1; }));
  h.clock.advance(Duration(20'000));
  h.settle();
  h.world.find_process("agent-1")->print("say unheard\n");
  h.world.machines.begin()->second.changed->wake_all();
  h.settle();
  EXPECT_EQ(h.log(id).find("unheard"), std::string::npos);
  EXPECT_EQ(h.events(id).size(), events);
  EXPECT_EQ(h.world.living_processes(), 1u);
}

TEST_F(EngineTest, MetricsAreAPrometheusText) {
  boot();
  const auto id = h.start("done");
  ASSERT_TRUE(h.run_to_end(id));
  ASSERT_TRUE(h.call(h.engine().record_model_call(id, {.model = "claude-haiku-4-5", .input_tokens = 10, .status = 529})));
  const auto text = h.call(h.engine().metrics()).value();
  for (const char* line : {"corral_runs_ended_total{status=\"completed\"} 1\n", "corral_steps_ended_total{status=\"completed\"} 4\n", "corral_model_calls_total 1\n",
                           "corral_model_errors_total 1\n", "corral_model_tokens_total{kind=\"input\"} 10\n", "corral_queue_jobs{state=\"completed\"} 1\n",
                           "corral_runs{status=\"running\"} 0\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

}  // namespace
}  // namespace corral::engine
