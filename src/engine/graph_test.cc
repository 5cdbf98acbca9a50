// Workflows as graphs: what runs beside and after what, in one process and across parks.
#include "engine/core.h"
#include "engine/testing/engine_fixture.h"

namespace corral::engine {
namespace {

struct GraphTest : testing::EngineTest {
  void SetUp() override {
    EngineTest::SetUp();
    boot();
  }

  StartRun request_of(std::string definition) {
    auto request = h.request("");
    request.definition = std::move(definition);
    return request;
  }
  RunId run_of(std::string definition) { return h.start(request_of(std::move(definition))); }

  // Lets the processes whose ids begin so stay alive until they are told to end, or signalled.
  void hold(std::string prefix) {
    const auto usual = h.world.act;
    h.world.act = [=](testing::FakeMachine& machine, testing::FakeProcess& process) {
      if (!process.spec.id.starts_with(prefix) || process.spec.env.contains("CORRAL_GIT"))
        return usual(machine, process);
      if (!process.signals.empty()) process.end(128 + process.signals.back());
    };
  }
  void end(std::string_view id, int code = 0) {
    for (auto& [workspace, machine] : h.world.machines)
      if (const auto process = machine.processes.find(std::string(id));
          process != machine.processes.end()) {
        process->second.end(code);
        machine.changed->wake_all();
      }
    h.settle();
  }
  // What a step's process writes into its output file.
  void give(std::string prefix, std::string text) {
    const auto usual = h.world.act;
    h.world.act = [=](testing::FakeMachine& machine, testing::FakeProcess& process) {
      if (process.spec.id.starts_with(prefix))
        machine.files["/home/agent/.corral/" + process.spec.id + ".output"] = text;
      usual(machine, process);
    };
  }
  bool until_started(std::string_view process) {
    return h.run_until([&] { return h.world.times_started(process) == 1; });
  }
  json::value step(RunId id, std::string_view name) {
    for (const auto& step : h.run(id).at("steps").as_array())
      if (find_string(step, {"name"}) == name) return step;
    return nullptr;
  }
  std::string state_of_job(RunId id) {
    const auto job = h.call(h.store.find_job(run_job_key(id))).value();
    return job ? job->state : "";
  }
};

TEST_F(GraphTest, StepsThatDoNotNeedEachOtherRunAtOnce) {
  hold("");
  const auto id = run_of(R"(name: wide
steps:
  - {name: a, kind: command, run: a}
  - {name: b, kind: command, run: b, needs: []}
  - {name: c, kind: command, run: c, needs: [a, b]}
)");
  ASSERT_TRUE(until_started("a-1") && until_started("b-1"));
  end("a-1");
  EXPECT_EQ(h.world.times_started("c-1"), 0);
  end("b-1");
  ASSERT_TRUE(until_started("c-1"));
  end("c-1");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed");
}

TEST_F(GraphTest, AStepsEndAndTheBeginningOfTheNextAreOneTransaction) {
  hold("");
  const auto id = run_of(
      "name: chain\nsteps:\n  - {name: a, kind: command, run: a}\n"
      "  - {name: b, kind: command, run: b}\n  - {name: c, kind: command, run: c, needs: [a]}\n");
  ASSERT_TRUE(until_started("a-1"));
  const auto before = h.events(id).size();
  int commits = 0;
  h.store_faults = [&](std::string_view call, auto moment) -> std::optional<Error> {
    if (call == "commit" && moment == ports::fakes::FakeStore::Moment::before) ++commits;
    return std::nullopt;
  };
  end("a-1");
  EXPECT_EQ(commits, 1);
  std::vector<std::string> types;
  for (const auto& event : h.events(id)) types.push_back(event.type);
  types.erase(types.begin(), types.begin() + static_cast<std::ptrdiff_t>(before));
  EXPECT_EQ(types, (std::vector<std::string>{"run.step.completed", "run.step.started",
                                             "run.step.started"}));
  end("b-1");
  end("c-1");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed");
}

TEST_F(GraphTest, OutputsReachOtherStepsWithTheirTypes) {
  give("list", "count=2\nnames=[\"x\",\"y\"]\nnote<<END\ntwo\nlines\nEND\n");
  const auto id = run_of(R"(name: outputs
steps:
  - {name: list, kind: command, run: ls, outputs: {count: number, names: list, note: string}}
  - {name: each, kind: command, run: [echo, "${{ matrix.name }}", "${{ steps.list.outputs.count + 1 }}"], matrix: {name: "${{ steps.list.outputs.names }}"}}
  - {name: big, kind: command, run: big, if: steps.list.outputs.count > 2}
  - {name: all, kind: command, run: ["${{ length(steps.each.instances) }}", "${{ steps.list.outputs.note }}"]}
)");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed") << h.log(id);
  EXPECT_EQ(h.world.find_process("each.1-1")->spec.argv,
            (std::vector<std::string>{"echo", "x", "3"}));
  EXPECT_EQ(h.world.find_process("each.2-1")->spec.argv,
            (std::vector<std::string>{"echo", "y", "3"}));
  EXPECT_EQ(h.step_status(id, "big"), "skipped");
  EXPECT_EQ(h.world.find_process("all-1")->spec.argv,
            (std::vector<std::string>{"2", "two\nlines"}));
}

TEST_F(GraphTest, AnOutputThatIsMissingOrOfAnotherTypeFailsTheStepWithTheRemedy) {
  give("a", "other=1\n");
  const auto id = run_of(
      "name: w\nsteps:\n  - {name: a, kind: command, run: a, outputs: {n: number}, retry: "
      "{attempts: 1}}\n");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "failed");
  EXPECT_TRUE(error_message(id).contains("echo \"n=…\" >> \"$CORRAL_OUTPUT\""))
      << error_message(id);
}

TEST_F(GraphTest, AFailureStopsWhatNeedsItButNotTheOtherBranchAndCleanUpRuns) {
  h.world.exit_codes["bad-1"] = 3;
  const auto id = run_of(R"(name: branches
steps:
  - {name: bad, kind: command, run: bad}
  - {name: after, kind: command, run: after}
  - {name: other, kind: command, run: other, needs: []}
  - {name: told, kind: command, run: told, needs: [bad], if: failure()}
finally:
  - {name: clean, kind: command, run: clean}
)");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "failed");
  EXPECT_EQ(h.step_status(id, "after"), "skipped");
  EXPECT_EQ(h.step_status(id, "other"), "completed");
  EXPECT_EQ(h.step_status(id, "told"), "completed");
  EXPECT_EQ(h.step_status(id, "clean"), "completed");
  EXPECT_TRUE(error_message(id).contains("exit code 3"));
}

TEST_F(GraphTest, AStepThatMayFailFailsNothingElse) {
  h.world.exit_codes["lint-1"] = 1;
  const auto id = run_of(R"(name: lenient
steps:
  - {name: lint, kind: command, run: lint, continue_on_error: true}
  - {name: build, kind: command, run: ["${{ steps.lint.status }}"]}
)");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed");
  EXPECT_EQ(h.world.find_process("build-1")->spec.argv.front(), "failed");
}

TEST_F(GraphTest, ARetryComesBackAfterItsBackOffAndSucceedsAtTheThirdAttempt) {
  h.world.exit_codes["flaky-1"] = h.world.exit_codes["flaky-2"] = 1;
  const auto id = run_of(
      "name: flaky\nsteps:\n  - {name: flaky, kind: command, run: x, retry: {attempts: 3, backoff: "
      "10s, on: conflict}}\n");
  const auto begun = h.clock.now();
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed");
  EXPECT_EQ(h.count(id, "run.step.started", "flaky"), 3);
  EXPECT_GE(h.clock.now() - begun, Duration(20'000))
      << "10 s and 20 s, each less a quarter at most";
}

TEST_F(GraphTest, CancellingStopsWhatRunsAndStillCleansUp) {
  hold("work");
  const auto id = run_of(R"(name: careful
steps:
  - {name: work, kind: command, run: work}
  - {name: never, kind: command, run: never}
finally:
  - {name: clean, kind: command, run: clean, if: cancelled()}
  - {name: last, kind: command, run: last}
)");
  ASSERT_TRUE(until_started("work-1"));
  ASSERT_TRUE(h.call(h.engine().cancel_run(id, "enough", "user:ann")));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "cancelled");
  EXPECT_EQ(h.step_status(id, "work"), "cancelled");
  EXPECT_EQ(h.step_status(id, "never"), "cancelled");
  EXPECT_EQ(h.step_status(id, "clean"), "completed") << h.log(id);
  EXPECT_EQ(h.step_status(id, "last"), "completed");
  EXPECT_EQ(h.world.living_processes(), 0u);
}

TEST_F(GraphTest, ARunThatWaitsForAPersonTakesNobodysPlace) {
  const auto id = run_of(R"(name: ask
steps:
  - {name: ok, kind: approval, message: "Deploy ${{ inputs.prompt }}?", choices: [blue, green], approvers: ["user:ann"]}
  - {name: go, kind: command, run: ["${{ steps.ok.outputs.choice }}", "${{ steps.ok.outputs.by }}"]}
)");
  ASSERT_TRUE(h.run_until(
      [&] { return h.step_status(id, "ok") == "waiting" && state_of_job(id) == "ready"; }));
  const auto open = h.call(h.engine().list_approvals(id)).value();
  ASSERT_EQ(open.size(), 1u);
  const std::string approval(find_string(open[0], {"id"}));
  const auto decide = [&](bool allow, std::string choice, std::string actor) {
    return h.call(
        h.engine().decide_approval(approval, allow, "", std::move(choice), std::move(actor)));
  };
  EXPECT_EQ(decide(true, "blue", "user:bob").error().code, ErrorCode::forbidden);
  EXPECT_EQ(decide(true, "red", "user:ann").error().code, ErrorCode::invalid);
  EXPECT_EQ(decide(true, "", "user:ann").error().code, ErrorCode::invalid);
  h.crash();
  boot();
  ASSERT_TRUE(decide(true, "green", "user:ann"));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed") << error_message(id);
  EXPECT_EQ(h.world.find_process("go-1")->spec.argv,
            (std::vector<std::string>{"green", "user:ann"}));
}

TEST_F(GraphTest, ANoFailsTheStepOrTakesTheOtherPath) {
  const auto ask = [&](std::string extra) {
    const auto id =
        run_of("name: ask\nsteps:\n  - {name: ok, kind: approval, message: Sure" + extra +
               "}\n  - {name: go, kind: command, run: go, if: steps.ok.outputs.decision == "
               "'allow'}\n  - {name: no, kind: command, run: stop, needs: [ok], if: "
               "steps.ok.outputs.decision == 'deny'}\n");
    EXPECT_TRUE(h.run_until([&] { return h.step_status(id, "ok") == "waiting"; }));
    const std::string approval(
        find_string(h.call(h.engine().list_approvals(id)).value()[0], {"id"}));
    EXPECT_TRUE(h.call(h.engine().decide_approval(approval, false, "not today", "", "user:ann")));
    EXPECT_TRUE(h.run_to_end(id));
    return id;
  };
  const auto failed = ask("");
  EXPECT_EQ(h.status(failed), "failed");
  EXPECT_EQ(error_message(failed), "denied by user:ann: not today");
  const auto other = ask(", on_deny: continue");
  EXPECT_EQ(h.status(other), "completed");
  EXPECT_EQ(h.step_status(other, "go"), "skipped");
  EXPECT_EQ(h.step_status(other, "no"), "completed");
}

TEST_F(GraphTest, WhenNobodyAnswersInTimeTheDefaultDoes) {
  const auto id = run_of(
      "name: ask\nsteps:\n  - {name: ok, kind: approval, message: Sure, timeout: 30m, default: "
      "allow}\n");
  const auto begun = h.clock.now();
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed");
  EXPECT_GE(h.clock.now() - begun, std::chrono::minutes(30));
  EXPECT_LT(h.clock.now() - begun, std::chrono::minutes(31));
  EXPECT_EQ(find_string(step(id, "ok"), {"outputs", "message"}), "nobody answered in time");
}

TEST_F(GraphTest, APausedRunBeginsNothingUntilItIsResumed) {
  hold("a");
  const auto id = run_of(
      "name: w\nsteps:\n  - {name: a, kind: command, run: a}\n  - {name: b, kind: command, run: "
      "b}\n");
  ASSERT_TRUE(until_started("a-1"));
  EXPECT_TRUE(
      h.call(h.engine().pause_run(id, "look first", "user:ann")).value().at("paused").as_bool());
  end("a-1");
  ASSERT_TRUE(h.run_until(
      [&] { return h.step_status(id, "a") == "completed" && state_of_job(id) == "ready"; }));
  EXPECT_EQ(h.world.times_started("b-1"), 0);
  ASSERT_TRUE(h.call(h.engine().resume_run(id, "user:ann")));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed");
  EXPECT_EQ(h.call(h.engine().pause_run(id, "", "user:ann")).error().message,
            "a run that is completed cannot be paused");
}

TEST_F(GraphTest, AWorkflowRunsAnotherAndWaitsForIt) {
  ASSERT_TRUE(h.call(h.engine().save_workflow(R"(name: child
inputs: {who: string}
outputs: {greeting: "hello ${{ inputs.who }} from ${{ steps.greet.status }}"}
steps:
  - {name: greet, kind: command, run: [echo, "${{ inputs.who }}"]}
)",
                                              "user:ann")));
  hold("greet");
  const auto id = run_of(R"(name: parent
steps:
  - {name: call, kind: workflow, uses: child, inputs: {who: "${{ matrix.who }}"}, matrix: {who: [ann, bob]}}
  - {name: show, kind: command, run: ["${{ steps.call.outputs.outputs[1].greeting }}"]}
)");
  ASSERT_TRUE(h.run_until([&] {
    return h.world.times_started("greet-1") == 2 && state_of_job(id) == "ready";
  })) << "a run that waits for others is put aside";
  end("greet-1");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed") << error_message(id);
  EXPECT_EQ(h.world.find_process("show-1")->spec.argv.front(), "hello bob from completed");
  const auto child = RunId::parse(find_string(step(id, "call.1"), {"outputs", "run"})).value();
  EXPECT_EQ(find_string(h.run(child), {"parent"}), id.to_string());
}

TEST_F(GraphTest, TheEndOfAChildIsNoticedWhileOtherStepsAreAtWork) {
  ASSERT_TRUE(h.call(h.engine().save_workflow(
      "name: child\nsteps:\n  - {name: short, kind: command, run: short}\n", "user:ann")));
  hold("");
  const auto id = run_of(R"(name: parent
steps:
  - {name: long, kind: command, run: long}
  - {name: call, kind: workflow, uses: child, needs: []}
  - {name: next, kind: command, run: next, needs: [call]}
)");
  ASSERT_TRUE(until_started("long-1") && until_started("short-1"));
  end("short-1");
  EXPECT_TRUE(until_started("next-1"));
  EXPECT_EQ(h.step_status(id, "long"), "running");
}

// Whoever waits for it has looked before it came, and says that it waits afterwards.
TEST_F(GraphTest, AnAnswerThatComesWhileTheRunIsTakenUpIsNotMissed) {
  for (int moment = 0; moment < 150; ++moment) {
    const auto id = run_of("name: w\nsteps:\n  - {name: ask, kind: approval, message: Sure}\n");
    ASSERT_TRUE(h.run_until(
        [&] { return h.step_status(id, "ask") == "waiting" && state_of_job(id) == "ready"; }));
    const auto run = h.run(id);
    const std::string approval(find_string(run.at("approvals").at(0), {"id"}));
    h.crash();
    boot();
    for (int i = 0; i < moment; ++i) h.step();
    ASSERT_TRUE(h.call(h.engine().decide_approval(approval, true, "", "", "user:ann")));
    const auto answered = h.clock.now();
    ASSERT_TRUE(h.run_to_end(id));
    ASSERT_LT(h.clock.now() - answered, std::chrono::minutes(1)) << "after " << moment << " steps";
  }
}

TEST_F(GraphTest, AChildsFailureAndItsParentsCancellationReachEachOther) {
  ASSERT_TRUE(h.call(h.engine().save_workflow(
      "name: child\nsteps:\n  - {name: work, kind: command, run: work}\n", "user:ann")));
  const std::string parent =
      "name: parent\nsteps:\n  - {name: call, kind: workflow, uses: child}\n";
  h.world.exit_codes["work-1"] = 4;
  const auto failed = run_of(parent);
  ASSERT_TRUE(h.run_to_end(failed));
  EXPECT_EQ(h.status(failed), "failed");
  EXPECT_TRUE(error_message(failed).contains("exit code 4")) << error_message(failed);

  h.world.exit_codes.clear();
  hold("work");
  const auto cancelled = run_of(parent);
  ASSERT_TRUE(h.run_until([&] { return h.world.living_processes() == 1; }));
  ASSERT_TRUE(h.call(h.engine().cancel_run(cancelled, "", "user:ann")));
  ASSERT_TRUE(h.run_to_end(cancelled));
  ASSERT_TRUE(h.run_until([&] { return h.world.living_processes() == 0; }));
  EXPECT_TRUE(h.call(h.engine().list_runs({.status = "running"})).value().items.empty() ||
              h.run_until([&] {
                return h.call(h.engine().list_runs({.status = "running"})).value().items.empty();
              }));
}

TEST_F(GraphTest, SeveralAttemptsTryTheSameAndTheOneThatPassesIsTaken) {
  // The checks fail in every workspace but the last that is made.
  const auto usual = h.world.act;
  int checks = 0;
  h.world.act = [&](testing::FakeMachine& machine, testing::FakeProcess& process) {
    if (process.spec.id == "checks-1") return process.end(++checks == 3 ? 0 : 1);
    usual(machine, process);
  };
  auto request = h.request("say hello\ndone");
  request.definition =
      "name: compete\nsteps:\n  - {name: prepare, kind: git, action: clone}\n  - {name: solve, "
      "kind: agent, prompt: \"${{ inputs.prompt }}\", attempts: 3, checks: make test}\n  - {name: "
      "commit, kind: git, action: commit}\n";
  const auto id = h.start(request);
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed") << error_message(id);
  EXPECT_EQ(checks, 3);
  const auto solved = step(id, "solve");
  EXPECT_EQ(solved.at("outputs").at("attempts").as_array().size(), 3u);
  const auto chosen = RunId::parse(find_string(solved, {"outputs", "run"})).value();
  EXPECT_EQ(h.status(chosen), "completed");
  EXPECT_EQ(h.world.times_started("solve-1"), 1) << "its work is taken into this run's workspace";
  EXPECT_EQ(h.world.find_process("solve-1")->spec.env.at("CORRAL_OTHER"),
            find_string(h.run(chosen), {"commit"}));
}

TEST_F(GraphTest, APersonMayPickAmongAttemptsAndNoneMayPass) {
  auto request = h.request("say hello\ndone");
  request.definition =
      "name: compete\nsteps:\n  - {name: prepare, kind: git, action: clone}\n  - {name: solve, "
      "kind: agent, prompt: \"${{ inputs.prompt }}\", attempts: 2, pick: person, retry: {attempts: "
      "1}}\n";
  const auto id = h.start(request);
  const auto open = [&] { return h.call(h.engine().list_approvals(id)).value(); };
  ASSERT_TRUE(h.run_until([&] { return !open().empty(); }));
  EXPECT_EQ(open()[0].at("choices"), (json::array{"1", "2"}));
  ASSERT_TRUE(h.call(h.engine().decide_approval(std::string(find_string(open()[0], {"id"})), true,
                                                "", "2", "user:ann")));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed") << error_message(id);
  EXPECT_EQ(step(id, "solve").at("outputs").at("chosen").to_number<int>(), 2);

  request.definition =
      "name: compete\nsteps:\n  - {name: prepare, kind: git, action: clone}\n  - {name: solve, "
      "kind: agent, prompt: \"${{ inputs.prompt }}\", attempts: 2, checks: \"false\"}\n";
  h.world.exit_codes["checks-1"] = 1;
  const auto failed = h.start(request);
  ASSERT_TRUE(h.run_to_end(failed));
  EXPECT_EQ(h.status(failed), "failed");
  EXPECT_TRUE(error_message(failed).starts_with("none of 2 attempts")) << error_message(failed);
}

TEST_F(GraphTest, AWorkflowThatUsesItselfEndsInAnError) {
  ASSERT_TRUE(h.call(h.engine().save_workflow(
      "name: loop\nsteps:\n  - {name: again, kind: workflow, uses: loop, retry: {attempts: 1}}\n",
      "user:ann")));
  auto request = h.request("");
  request.workflow = "loop";
  const auto id = h.start(request);
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "failed");
  EXPECT_TRUE(error_message(id).contains("does the workflow use itself?")) << error_message(id);
}

TEST_F(GraphTest, ARetryFromAStepKeepsWhatCameBefore) {
  h.world.exit_codes["c-1"] = 1;
  const auto id = run_of(
      "name: w\nsteps:\n  - {name: a, kind: command, run: a}\n  - {name: b, kind: command, run: "
      "b}\n  - {name: c, kind: command, run: c}\n");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "failed");
  EXPECT_EQ(h.call(h.engine().retry_run(id, "nope", "user:ann")).error().code,
            ErrorCode::not_found);
  ASSERT_TRUE(h.call(h.engine().retry_run(id, "b", "user:ann")));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed");
  EXPECT_EQ(h.count(id, "run.step.started", "a"), 1);
  EXPECT_EQ(h.count(id, "run.step.started", "b"), 2);
}

TEST_F(GraphTest, AForkBeginsWhereItIsToldAndKeepsEarlierOutputs) {
  give("a", "v=7\n");
  const auto id = run_of(
      "name: w\nsteps:\n  - {name: a, kind: command, run: a, outputs: {v: number}}\n  - {name: b, "
      "kind: command, run: [\"${{ steps.a.outputs.v }}\"]}\n");
  ASSERT_TRUE(h.run_to_end(id));
  const auto document = h.call(h.engine().fork_run(id, "b", "user:bob")).value();
  const auto fork = RunId::parse(find_string(document, {"id"})).value();
  EXPECT_EQ(find_string(document, {"forked_from"}), id.to_string());
  EXPECT_NE(find_string(document, {"branch"}), find_string(h.run(id), {"branch"}));
  ASSERT_TRUE(h.run_to_end(fork));
  EXPECT_EQ(h.status(fork), "completed") << error_message(fork);
  EXPECT_EQ(h.count(fork, "run.step.started", "a"), 0);
  EXPECT_EQ(h.count(fork, "run.step.started", "b"), 1);
}

TEST_F(GraphTest, ARunCanBeSeenAsItWas) {
  const auto id = run_of("name: w\nsteps:\n  - {name: a, kind: command, run: a}\n");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(find_string(h.call(h.engine().get_run_at(id, 1)).value(), {"status"}), "pending");
  EXPECT_EQ(find_string(h.call(h.engine().get_run_at(id, 2)).value(), {"status"}), "running");
  EXPECT_EQ(h.call(h.engine().get_run_at(id, h.events(id).size())).value(), h.run(id));
  EXPECT_EQ(h.call(h.engine().get_run_at(id, 99)).error().code, ErrorCode::invalid);
}

TEST_F(GraphTest, AConcurrencyGroupLetsOneRunAtATimeThrough) {
  hold("a");
  const std::string definition =
      "name: w\ninputs: {env: string}\nconcurrency: \"deploy-${{ inputs.env }}\"\nsteps:\n  - "
      "{name: a, kind: command, run: a}\n";
  const auto start = [&](std::string env) {
    auto request = request_of(definition);
    request.inputs["env"] = env;
    return h.start(request);
  };
  const auto one = start("prod"), two = start("prod"), other = start("test");
  ASSERT_TRUE(h.run_until([&] { return h.world.times_started("a-1") == 2; }));
  h.settle();
  EXPECT_EQ(h.status(one), "running");
  EXPECT_EQ(h.status(two), "pending");
  EXPECT_EQ(h.status(other), "running");
  end("a-1");
  ASSERT_TRUE(h.run_to_end(one));
  ASSERT_TRUE(h.run_until([&] { return h.world.times_started("a-1") == 3; }));
  end("a-1");
  ASSERT_TRUE(h.run_to_end(two));
}

TEST_F(GraphTest, ADelayedRunBeginsWhenItIsTime) {
  auto request = request_of("name: w\nsteps:\n  - {name: a, kind: command, run: a}\n");
  request.not_before = h.clock.now() + std::chrono::hours(2);
  const auto due = *request.not_before;
  const auto id = h.start(request);
  h.settle();
  EXPECT_EQ(h.status(id), "pending");
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_GE(h.clock.now(), due);
}

TEST_F(GraphTest, AScheduleStartsRunsByTheClockOfItsZone) {
  NewSchedule nightly;
  nightly.run = request_of(
      "name: nightly\nschedule: {cron: \"30 3 * * *\", timezone: Europe/Berlin}\nsteps:\n  - "
      "{name: a, kind: command, run: a}\n");
  const auto made = h.call(h.engine().create_schedule(nightly, {"user:ann", "key"})).value();
  const std::string id(find_string(made, {"id"}));
  EXPECT_EQ(
      find_string(h.call(h.engine().create_schedule(nightly, {"user:ann", "key"})).value(), {"id"}),
      id);
  const auto next = time_from_rfc3339(find_string(made, {"next_at"})).value();
  const auto schedule = [&] { return h.call(h.engine().get_schedule(id)).value(); };
  ASSERT_TRUE(h.run_until([&] { return !schedule().at("last_run").is_null(); }));
  EXPECT_GE(h.clock.now(), next);
  const auto first = RunId::parse(find_string(schedule(), {"last_run"})).value();
  ASSERT_TRUE(h.run_until([&] { return h.ended(first); }));
  EXPECT_EQ(find_string(h.run(first), {"schedule"}), id);
  EXPECT_EQ(time_from_rfc3339(find_string(schedule(), {"next_at"})).value() - next,
            std::chrono::hours(24));
  ASSERT_TRUE(h.call(h.engine().pause_schedule(id, true, "user:ann")));
  EXPECT_FALSE(h.run_until(
      [&] { return find_string(schedule(), {"last_run"}) != first.to_string(); }, 3'000));
  ASSERT_TRUE(h.call(h.engine().pause_schedule(id, false, "user:ann")));
  ASSERT_TRUE(
      h.run_until([&] { return find_string(schedule(), {"last_run"}) != first.to_string(); }));
  ASSERT_TRUE(h.call(h.engine().delete_schedule(id, "user:ann")));
  EXPECT_EQ(h.call(h.engine().get_schedule(id)).error().code, ErrorCode::not_found);
  nightly.run.definition = "name: never\nsteps:\n  - {name: a, kind: command, run: a}\n";
  EXPECT_TRUE(h.call(h.engine().create_schedule(nightly, "user:ann"))
                  .error()
                  .message.contains("cron: is empty"));
  nightly.cron = "61 * * * *";
  EXPECT_TRUE(h.call(h.engine().create_schedule(nightly, "user:ann"))
                  .error()
                  .message.contains("is no minute"));
  nightly.cron = "@daily";
  nightly.timezone = "Mars/Base";
  EXPECT_TRUE(h.call(h.engine().create_schedule(nightly, "user:ann"))
                  .error()
                  .message.contains("timezone: "));
}

TEST_F(GraphTest, ACommandWithAKeyIsCarriedOutOnce) {
  h.world.exit_codes["a-1"] = 1;
  const auto id = run_of("name: w\nsteps:\n  - {name: a, kind: command, run: a}\n");
  ASSERT_TRUE(h.run_to_end(id));
  ASSERT_TRUE(h.call(h.engine().retry_run(id, "", {"user:ann", "again"})));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed");
  EXPECT_TRUE(h.call(h.engine().retry_run(id, "", {"user:ann", "again"})))
      << "not refused, although the run is completed by now";
  EXPECT_EQ(h.count(id, "run.retried"), 1);
  EXPECT_EQ(h.call(h.engine().cancel_run(id, "", {"user:ann", "again"})).error().code,
            ErrorCode::conflict);
  const auto fork = h.call(h.engine().fork_run(id, "a", {"user:ann", "fork", "00-trace"})).value();
  EXPECT_EQ(find_string(h.call(h.engine().fork_run(id, "a", {"user:ann", "fork"})).value(), {"id"}),
            find_string(fork, {"id"}));
  const auto events = h.events(RunId::parse(find_string(fork, {"id"})).value());
  EXPECT_EQ(events[0].origin.cause, "command/fork");
  EXPECT_EQ(events[0].origin.trace, "00-trace");
  EXPECT_EQ(events[0].origin.correlation, id.to_string());
}

TEST_F(GraphTest, APausedQueueBeginsNothing) {
  ASSERT_TRUE(h.call(h.engine().pause_queue("", true, "user:ann")));
  const auto id = run_of("name: w\nsteps:\n  - {name: a, kind: command, run: a}\n");
  h.settle();
  const auto state = h.call(h.engine().queue_state()).value();
  EXPECT_EQ(state.at("ready").to_number<int>(), 1);
  EXPECT_EQ(state.at("paused"), (json::array{""}));
  const auto jobs = h.call(h.engine().list_jobs({.state = "ready"})).value();
  ASSERT_EQ(jobs.items.size(), 1u);
  EXPECT_EQ(find_string(jobs.items[0], {"run"}), id.to_string());
  EXPECT_EQ(h.call(h.engine().list_jobs({.state = "odd"})).error().code, ErrorCode::invalid);
  EXPECT_EQ(h.status(id), "pending");
  ASSERT_TRUE(h.call(h.engine().pause_queue("", false, "user:ann")));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.call(h.engine().retry_job(1'000, "user:ann")).error().code, ErrorCode::not_found);
}

TEST_F(GraphTest, InputsAreCheckedAgainstTheirDeclaration) {
  const std::string definition =
      "name: w\ninputs: {n: {type: number, required: true}, mode: {options: [fast, slow], default: "
      "fast}}\nsteps:\n  - {name: a, kind: command, run: [\"${{ inputs.n * 2 }}\", \"${{ "
      "inputs.mode }}\"]}\n";
  const auto refused = [&](json::object inputs) {
    auto request = request_of(definition);
    request.inputs = std::move(inputs);
    return h.call(h.engine().start_run(request, {"user:ann", ""})).error().message;
  };
  EXPECT_EQ(refused({}), "inputs.n: is required (number)");
  EXPECT_EQ(refused({{"n", "x"}}), "inputs.n: must be a number");
  EXPECT_EQ(refused({{"n", 1}, {"mode", "odd"}}), "inputs.mode: \"odd\" is none of fast, slow");
  EXPECT_EQ(refused({{"n", 1}, {"m", 2}}),
            "inputs.m: the workflow w has no such input: use one of mode, n");
  auto request = request_of(definition);
  request.inputs = {{"n", "21"}};
  request.inputs_are = StartRun::Inputs::texts;
  const auto id = h.start(request);
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.world.find_process("a-1")->spec.argv, (std::vector<std::string>{"42", "fast"}));
}

TEST_F(GraphTest, AStoredWorkflowHasVersionsAndARunKeepsTheOneItBeganWith) {
  const auto save = [&](std::string run) {
    return h
        .call(h.engine().save_workflow(
            "name: kept\nsteps:\n  - {name: a, kind: command, run: " + run + "}\n", "user:ann"))
        .value()
        .at("version")
        .to_number<int>();
  };
  EXPECT_EQ(save("one"), 1);
  EXPECT_EQ(save("one"), 1) << "the same again is no new version";
  hold("a");
  auto request = h.request("");
  request.workflow = "kept";
  const auto id = h.start(request);
  ASSERT_TRUE(until_started("a-1"));
  EXPECT_EQ(save("two"), 2);
  EXPECT_EQ(h.run(id).at("workflow_version").to_number<int>(), 1);
  request.workflow = "kept@1";
  EXPECT_EQ(h.call(h.engine().get_workflow("kept")).value().at("version").to_number<int>(), 2);
  EXPECT_EQ(h.call(h.engine().save_workflow(
                       "name: task\nsteps:\n  - {name: a, kind: command, run: x}\n", "user:ann"))
                .error()
                .code,
            ErrorCode::conflict);
  EXPECT_EQ(
      h.call(h.engine().save_workflow(
                 "name: validate\nsteps:\n  - {name: a, kind: command, run: x}\n", "user:ann"))
          .error()
          .code,
      ErrorCode::invalid)
      << "its address is taken";
  end("a-1");
  ASSERT_TRUE(h.run_to_end(id));
  ASSERT_TRUE(h.call(h.engine().delete_workflow("kept", "user:ann")));
  request.workflow = "kept";
  EXPECT_EQ(h.call(h.engine().start_run(request, {"user:ann", ""})).error().code,
            ErrorCode::invalid);
}

}  // namespace
}  // namespace corral::engine
