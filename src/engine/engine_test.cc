// Runs from their start to their end, in a world without faults.
#include <csignal>

#include "engine/run_token.h"
#include "engine/testing/engine_fixture.h"

namespace corral::engine {
namespace {

using testing::EngineTest;

TEST_F(EngineTest, ATaskRunsThroughAllItsSteps) {
  boot();
  auto request = h.request("say hello\nsay world\ndone all is well");
  request.checks = "make test";
  const auto id = h.start(request);
  ASSERT_TRUE(h.run_to_end(id)) << h.log(id);
  const auto run = h.run(id);
  EXPECT_EQ(h.status(id), "completed") << json::serialize(run) << h.log(id);
  for (const char* step : {"prepare", "agent", "checks", "commit", "artifacts"})
    EXPECT_EQ(h.step_status(id, step), "completed") << step;
  EXPECT_EQ(find_string(run, {"base_commit"}), h.world.base_commit);
  EXPECT_EQ(find_string(run, {"summary"}), "all is well");
  EXPECT_EQ(find_string(run, {"isolation"}), "sandbox");
  EXPECT_EQ(find_int(run, {"diff_stat", "files"}), 1);
  EXPECT_TRUE(
      find_string(run, {"branch"}).starts_with("corral/say-hello-say-world-done-all-is-well-"))
      << find_string(run, {"branch"});
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
  ASSERT_TRUE(h.call(h.engine().retry_run(id, "", "user:bob")));
  EXPECT_FALSE(log->closed()) << "a log is open again while its run is";
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed") << h.log(id);
  EXPECT_EQ(h.run(id).at("attempt").to_number<int>(), 2);
  EXPECT_EQ(h.world.times_started("agent-1"), 1);
  EXPECT_EQ(h.world.times_started("agent-2"), 0);
  EXPECT_EQ(h.world.times_started("restore-2"), 1);
  EXPECT_EQ(h.world.times_started("checks-2"), 1);
  EXPECT_EQ(h.world.fetches, 1) << "what a run starts from does not move";
  EXPECT_EQ(h.call(h.engine().retry_run(id, "", "user:bob")).error().message,
            "a run that is completed cannot become pending");
  EXPECT_TRUE(log->closed());
}

TEST_F(EngineTest, ARetryWhileTheLastDriverStillCleansUpIsHeardAtOnce) {
  const auto usual = h.world.act;
  h.world.act = [&](testing::FakeMachine& machine, testing::FakeProcess& process) {
    if (process.spec.id == "agent-1") return process.end(1);
    usual(machine, process);
  };
  boot();
  const auto id = h.start("hang");
  ASSERT_TRUE(h.run_until([&] { return h.status(id) == "failed"; }));
  ASSERT_TRUE(h.call(h.engine().retry_run(id, "", "user:ann")));
  ASSERT_TRUE(h.run_until([&] { return h.world.times_started("agent-2") == 1; }));
  h.settle();
  const Time asked = h.clock.now();
  ASSERT_TRUE(h.call(h.engine().cancel_run(id, "", "user:ann")));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "cancelled");
  EXPECT_EQ(h.clock.now(), asked) << "no heartbeat had to pass";
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
  EXPECT_EQ(error_message(id),
            "the agent fake failed: exit code 139, last words: segmentation fault\n");
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
  ASSERT_TRUE(h.run_until([&] {
    return h.call(h.store.queue_counts(h.clock.now())).value().completed == 2;
  })) << "its job is put away";
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
  EXPECT_NE(h.timeline(id).find(find_string(open[0], {"id"})), std::string::npos)
      << "the timeline names the approval";
  const std::string approval(find_string(open[0], {"id"}));
  ASSERT_TRUE(h.call(h.engine().decide_approval(approval, false, "not there", "", "user:ann")));
  EXPECT_TRUE(h.call(h.engine().list_approvals(id)).value().empty());
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_NE(h.log(id).find("answered write-it: denied not there"), std::string::npos) << h.log(id);
  EXPECT_EQ(h.call(h.engine().decide_approval(approval, true, "", "", "user:ann")).error().code,
            ErrorCode::conflict);
  EXPECT_EQ(h.call(h.engine().decide_approval("nope", true, "", "", "user:ann")).error().code,
            ErrorCode::not_found);
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
  EXPECT_EQ(h.world.find_process("agent-1")->input_ids,
            (std::vector<std::string>{"prompt", "answer-write-it"}));
}

TEST_F(EngineTest, OverItsBudgetARunIsStoppedWithTheFigures) {
  boot();
  auto request = h.request("say spending\nhang");
  request.budget_usd = 1.0;
  const auto id = h.start(request);
  run_until_agent(id);
  const ModelCall call{.model = "claude-sonnet-4-5",
                       .input_tokens = 100'000,
                       .output_tokens = 20'000,
                       .cache_read_tokens = 50'000};
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
  EXPECT_EQ(h.call(h.engine().retry_run(id, "", "user:ann")).error().code, ErrorCode::exhausted);
}

TEST_F(EngineTest, TheSameIdempotencyKeyIsTheSameRun) {
  boot();
  const auto request = h.request("done");
  const auto first = h.call(h.engine().start_run(request, {"user:ann", "key-1"})).value();
  const auto second = h.call(h.engine().start_run(request, {"user:ann", "key-1"})).value();
  EXPECT_EQ(find_string(first, {"id"}), find_string(second, {"id"}));
  EXPECT_NE(
      find_string(first, {"id"}),
      find_string(h.call(h.engine().start_run(request, {"user:bob", "key-1"})).value(), {"id"}));
  auto other = request;
  other.prompt = "something else";
  EXPECT_EQ(h.call(h.engine().start_run(other, {"user:ann", "key-1"})).error().code,
            ErrorCode::conflict);
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
    most = std::max(
        most,
        h.call(h.engine().list_runs({.project = "a", .status = "running"})).value().items.size());
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
  for (const auto& event : h.events(id))
    EXPECT_EQ(json::serialize(event.data).find(token), std::string::npos);
  auto forged = token;
  forged.back() = forged.back() == '0' ? '1' : '0';
  EXPECT_EQ(h.call(h.engine().authenticate_run_token(forged)).error().code,
            ErrorCode::unauthenticated);
  EXPECT_EQ(h.call(h.engine().authenticate_run_token("")).error().code, ErrorCode::unauthenticated);
  const auto unknown = make_run_token(RunId::make(h.clock.now(), h.random),
                                      Secret("0123456789abcdef0123456789abcdef"));
  EXPECT_EQ(h.call(h.engine().authenticate_run_token(unknown)).error().code,
            ErrorCode::unauthenticated);
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

TEST_F(EngineTest, MetricsAreAPrometheusText) {
  boot();
  const auto id = h.start("done");
  ASSERT_TRUE(h.run_to_end(id));
  ASSERT_TRUE(h.call(h.engine().record_model_call(
      id, {.model = "claude-haiku-4-5", .input_tokens = 10, .status = 529})));
  const auto text = h.call(h.engine().metrics()).value();
  for (const char* line :
       {"corral_runs_ended_total{status=\"completed\"} 1\n",
        "workflow_executions_total{status=\"completed\",type=\"task\"} 1\n",
        "workflow_execution_duration_seconds_bucket{type=\"task\",le=\"+Inf\"} 1\n",
        "workflow_execution_duration_seconds_count{type=\"task\"} 1\n",
        "corral_lease_losses_total 0\n", "corral_steps_ended_total{status=\"completed\"} 4\n",
        "corral_model_calls_total 1\n", "corral_model_errors_total 1\n",
        "corral_model_tokens_total{kind=\"input\"} 10\n",
        "corral_queue_jobs{state=\"completed\"} 1\n", "corral_runs{status=\"running\"} 0\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

}  // namespace
}  // namespace corral::engine
