// Devices are told of what waits for people and of what has ended: once, in order, also by a server
// that was killed in between.
#include "engine/notifier.h"

#include "base/base64url.h"
#include "engine/testing/engine_fixture.h"
#include "ports/fakes/fake_push_service.h"

namespace corral::engine {
namespace {

using ports::PushAnswer;

NewDevice device_at(std::string endpoint) {
  return {.endpoint = "https://push.example.net/" + endpoint,
          .p256dh = base64url(std::string(65, 'p')),
          .auth = base64url(std::string(16, 'a')),
          .name = "phone"};
}

// The fake agent, with a program for terminals.
class TerminalAgent final : public ports::Agent {
 public:
  std::string_view name() const override { return "terminal"; }
  Task<Result<ports::AgentInfo>> info() override { return fake_->info(); }
  Task<Result<void>> install(std::function<void(std::string_view)> progress) override {
    return fake_->install(std::move(progress));
  }
  Task<Result<std::vector<ports::ReadOnlyMount>>> mounts() override { return fake_->mounts(); }
  Result<ports::AgentLaunch> launch(const ports::AgentTask& task) override {
    return fake_->launch(task);
  }
  Result<ports::AgentLaunch> launch_terminal(const ports::AgentTask&) override {
    ports::AgentLaunch launch;
    launch.process.argv = {"terminal-agent"};
    return launch;
  }
  std::unique_ptr<ports::AgentDriver> driver(const ports::AgentTask& task) override {
    return fake_->driver(task);
  }

 private:
  std::shared_ptr<ports::Agent> fake_ = testing::make_fake_agent({.name = "terminal"});
};

struct NotifierTest : testing::EngineTest {
  ports::fakes::FakePushService push{h.clock};
  std::unique_ptr<Notifier> notifier;

  void begin() {
    boot();
    notify();
  }
  void notify() {
    notifier = std::make_unique<Notifier>(
        NotifierDeps{h.context().get_executor(), h.store, push, h.clock, h.random});
    ASSERT_TRUE(h.call(notifier->start()));
  }
  void end() {
    bool stopped = false;
    asio::co_spawn(h.context(), notifier->stop(), [&](std::exception_ptr) { stopped = true; });
    ASSERT_TRUE(h.run_until([&] { return stopped; }));
    notifier.reset();
  }
  void TearDown() override {
    if (notifier) end();
    EngineTest::TearDown();
  }
  std::string add(std::string endpoint, std::string actor = "user:ann") {
    const auto added = h.call(notifier->add_device(device_at(std::move(endpoint)), actor));
    EXPECT_TRUE(added) << added.error().describe();
    return std::string(find_string(*added, {"id"}));
  }
  // Of which all who are to be told have been.
  void end_a_run() {
    ASSERT_TRUE(h.run_to_end(h.start("done")));
    pass();
  }
  std::size_t devices(std::string actor = "user:ann") {
    return h.call(notifier->list_devices(std::move(actor))).value().size();
  }
  bool until_sent(std::size_t count) {
    return h.run_until([&] { return push.sent.size() >= count; });
  }
  // Long enough for everything that is owed, and for nothing else to come.
  void pass(Duration time = std::chrono::hours(2)) {
    const auto until = h.clock.now() + time;
    ASSERT_TRUE(h.run_until([&] { return h.clock.now() >= until; }, 10'000'000));
  }
  json::value said(std::size_t at) { return json::parse(push.sent.at(at).message.payload); }
  std::string title(std::size_t at) { return std::string(find_string(said(at), {"title"})); }
  RunId asking(std::string name) {
    auto request = h.request("ask " + name + "\ndone");
    request.permissions = "ask";
    return h.start(request);
  }
  void allow(RunId run) {
    const auto open = h.call(h.engine().list_approvals(run)).value();
    ASSERT_EQ(open.size(), 1u);
    ASSERT_TRUE(h.call(h.engine().decide_approval(std::string(find_string(open[0], {"id"})), true,
                                                  "", "", {"user:ann"})));
  }
};

TEST_F(NotifierTest, TellsThatARunWaitsAndThatItIsDone) {
  begin();
  add("a");
  const auto run = asking("for-it");
  ASSERT_TRUE(until_sent(1));
  const auto first = said(0);
  EXPECT_EQ(find_string(first, {"kind"}), "needs_you");
  EXPECT_TRUE(title(0).starts_with("May the agent use ")) << title(0);
  EXPECT_EQ(find_string(first, {"url"}), "/runs/" + run.to_string());
  EXPECT_EQ(find_string(first, {"body"}), "project: ask for-it");
  EXPECT_EQ(push.sent[0].message.urgency, ports::PushUrgency::high);
  EXPECT_GT(push.sent[0].message.ttl, std::chrono::hours(23));
  EXPECT_EQ(push.sent[0].message.topic.size(), 32u);
  EXPECT_EQ(push.sent[0].message.topic.find(run.to_string()), std::string::npos);
  allow(run);
  ASSERT_TRUE(h.run_to_end(run));
  ASSERT_TRUE(until_sent(2));
  EXPECT_EQ(title(1), "Run completed");
  EXPECT_EQ(push.sent[1].message.topic, push.sent[0].message.topic) << "it replaces the question";
  EXPECT_EQ(push.sent[1].message.urgency, ports::PushUrgency::normal);
  pass();
  EXPECT_EQ(push.sent.size(), 2u);
}

TEST_F(NotifierTest, TellsOfFailureAndNotOfWhatAPersonCancelled) {
  begin();
  add("a");
  ASSERT_TRUE(h.run_to_end(h.start("exit 1")));
  ASSERT_TRUE(until_sent(1));
  EXPECT_EQ(title(0), "Run failed");
  const auto cancelled = h.start("hang");
  run_until_agent(cancelled);
  ASSERT_TRUE(h.call(h.engine().cancel_run(cancelled, "", {"user:ann"})));
  ASSERT_TRUE(h.run_to_end(cancelled));
  pass();
  EXPECT_EQ(push.sent.size(), 1u);
}

TEST_F(NotifierTest, TellsEachPersonsDevicesAndNobodyOfWhatWasBefore) {
  begin();
  ASSERT_TRUE(h.run_to_end(h.start("done")));
  add("ann-1");
  add("ann-2");
  add("bob", "user:bob");
  pass();
  EXPECT_TRUE(push.sent.empty());
  end_a_run();
  ASSERT_EQ(push.sent.size(), 2u);
  EXPECT_NE(push.sent[0].target.endpoint, push.sent[1].target.endpoint);
  for (const auto& sent : push.sent)
    EXPECT_TRUE(sent.target.endpoint.starts_with("https://push.example.net/ann-"));
}

TEST_F(NotifierTest, ADeviceThatIsGoneIsForgotten) {
  begin();
  add("a");
  push.answer = [](const auto&, const auto&) {
    return PushAnswer{.outcome = PushAnswer::Outcome::gone};
  };
  end_a_run();
  EXPECT_EQ(push.sent.size(), 1u);
  EXPECT_EQ(devices(), 0u);
  end_a_run();
  EXPECT_EQ(push.sent.size(), 1u);
}

TEST_F(NotifierTest, ABusyServiceIsAskedAgainWhenItSaysAndNotForEver) {
  begin();
  add("a");
  std::vector<Time> asked;
  push.answer = [&](const auto&, const auto&) {
    asked.push_back(h.clock.now());
    if (asked.size() == 3) return PushAnswer{};
    return PushAnswer{.outcome = PushAnswer::Outcome::busy,
                      .pause = std::chrono::minutes(asked.size() == 1 ? 3 : 0)};
  };
  end_a_run();
  ASSERT_EQ(asked.size(), 3u);
  EXPECT_GE(asked[1] - asked[0], std::chrono::minutes(3));
  EXPECT_GE(asked[2] - asked[1], std::chrono::seconds(4)) << "longer each time";
  EXPECT_LT(asked[2] - asked[1], std::chrono::seconds(10));
  push.answer = [&](const auto&, const auto&) -> Result<PushAnswer> {
    asked.push_back(h.clock.now());
    return fail(ErrorCode::unavailable, "nobody answers");
  };
  end_a_run();
  EXPECT_EQ(asked.size(), 3u + Notifier::kAttempts);
  push.answer = [&](const auto&, const auto&) -> Result<PushAnswer> {
    asked.push_back(h.clock.now());
    return fail(ErrorCode::forbidden, "refused");
  };
  end_a_run();
  EXPECT_EQ(asked.size(), 4u + Notifier::kAttempts) << "a refusal is for good";
  EXPECT_EQ(devices(), 1u);
}

TEST_F(NotifierTest, ASlowServiceHoldsUpNeitherRunsNorOtherDevices) {
  begin();
  add("slow");
  add("quick");
  std::size_t quick = 0;
  push.takes = std::chrono::minutes(30);
  ASSERT_TRUE(h.run_to_end(h.start("done")));
  ASSERT_TRUE(until_sent(2)) << "both at once";
  push.takes = Duration(0);
  push.answer = [&](const auto& target, const auto&) -> Result<PushAnswer> {
    if (target.endpoint.ends_with("slow")) return fail(ErrorCode::unavailable, "too slow");
    ++quick;
    return PushAnswer{};
  };
  const auto before = h.clock.now();
  ASSERT_TRUE(h.run_to_end(h.start("done")));
  EXPECT_LT(h.clock.now() - before, std::chrono::minutes(10));
  pass();
  EXPECT_EQ(quick, 2u);
}

TEST_F(NotifierTest, WhatWasAnsweredMeanwhileIsNotTold) {
  begin();
  add("a");
  push.answer = [](const auto&, const auto&) -> Result<PushAnswer> {
    return fail(ErrorCode::unavailable, "nobody answers");
  };
  const auto run = asking("for-it");
  ASSERT_TRUE(until_sent(1));
  allow(run);
  push.answer = nullptr;
  ASSERT_TRUE(h.run_to_end(run));
  pass();
  ASSERT_EQ(push.sent.size(), 2u);
  EXPECT_EQ(title(1), "Run completed");
}

TEST_F(NotifierTest, WhatHappenedWhileTheServerWasAwayIsToldOnce) {
  begin();
  add("a");
  end();
  ASSERT_TRUE(h.run_to_end(h.start("done")));
  ASSERT_TRUE(h.run_to_end(h.start("exit 1")));
  h.shut_down();
  boot();
  notify();
  ASSERT_TRUE(until_sent(2));
  EXPECT_EQ(title(0), "Run completed");
  EXPECT_EQ(title(1), "Run failed");
  pass();
  for (int i = 0; i < 3; ++i) {
    end();
    notify();
    pass();
  }
  EXPECT_EQ(push.sent.size(), 2u);
}

TEST_F(NotifierTest, WhatWasOnItsWayAtACrashIsToldAgainAndNothingElse) {
  begin();
  add("a");
  // The service gets each message; that it did is never noted.
  bool dead = false;
  push.answer = [&](const auto&, const auto&) {
    dead = push.sent.size() == 2;
    return PushAnswer{};
  };
  h.store_faults = [&](std::string_view call, auto) -> std::optional<Error> {
    if (!dead || call != "commit") return std::nullopt;
    return Error{ErrorCode::unavailable, "the server is dead", nullptr};
  };
  ASSERT_TRUE(h.run_to_end(h.start("done")));
  ASSERT_TRUE(until_sent(1));
  ASSERT_TRUE(h.run_to_end(h.start("exit 1")));
  ASSERT_TRUE(until_sent(2));
  h.settle();
  end();
  push.answer = nullptr;
  dead = false;
  notify();
  ASSERT_TRUE(until_sent(3));
  EXPECT_EQ(title(1), "Run failed");
  EXPECT_EQ(title(2), "Run failed");
  EXPECT_EQ(push.sent[1].message.topic, push.sent[2].message.topic) << "it replaces itself";
  pass();
  EXPECT_EQ(push.sent.size(), 3u);
}

TEST_F(NotifierTest, ADeviceIsOneHoweverOftenItSubscribes) {
  begin();
  const auto id = add("a");
  EXPECT_EQ(add("a"), id);
  EXPECT_EQ(devices(), 1u);
  end_a_run();
  EXPECT_EQ(push.sent.size(), 1u);
  auto renewed = device_at("a");
  renewed.auth = base64url(std::string(16, 'b'));
  ASSERT_TRUE(h.call(notifier->add_device(renewed, "user:ann")));
  end_a_run();
  ASSERT_EQ(push.sent.size(), 2u);
  EXPECT_EQ(push.sent[1].target.auth, std::string(16, 'b'));
  // Somebody else has logged in there.
  EXPECT_EQ(add("a", "user:bob"), id);
  EXPECT_EQ(devices(), 0u);
  end_a_run();
  EXPECT_EQ(push.sent.size(), 2u);
}

TEST_F(NotifierTest, ADeviceIsToldNothingOnceItIsRemoved) {
  begin();
  const auto id = add("a");
  EXPECT_EQ(h.call(notifier->remove_device(id, {"user:bob"})).error().code, ErrorCode::not_found);
  EXPECT_TRUE(h.call(notifier->remove_device(id, {"user:ann"})));
  EXPECT_EQ(h.call(notifier->remove_device(id, {"user:ann"})).error().code, ErrorCode::not_found);
  end_a_run();
  EXPECT_TRUE(push.sent.empty());
  add("a");
  end_a_run();
  EXPECT_EQ(push.sent.size(), 1u);
}

TEST_F(NotifierTest, OnlyTheServerThatADeviceSubscribedToTellsIt) {
  begin();
  add("a");
  end();
  push.key = "the-key-of-another-server";
  notify();
  end_a_run();
  EXPECT_TRUE(push.sent.empty());
  add("a");
  end_a_run();
  EXPECT_EQ(push.sent.size(), 1u) << "from now on";
}

TEST_F(NotifierTest, RefusesWhatCannotBeToldAndMoreThanItMayHave) {
  begin();
  const auto refusal = [&](NewDevice device) {
    const auto added = h.call(notifier->add_device(std::move(device), "user:ann"));
    return added ? "" : added.error().message;
  };
  auto device = device_at("a");
  device.auth += "=";
  EXPECT_EQ(refusal(device), "keys.auth: is not base64url without padding");
  device = device_at("a");
  device.p256dh = base64url(std::string(64, 'p'));
  EXPECT_TRUE(refusal(device).starts_with("keys.p256dh: "));
  device = device_at("a");
  device.endpoint = "http://push.example.net/a";
  EXPECT_TRUE(refusal(device).starts_with("endpoint: "));
  device = device_at("a");
  device.name = std::string(kMaxDeviceName + 1, 'x');
  EXPECT_TRUE(refusal(device).starts_with("name: "));
  EXPECT_EQ(devices(), 0u);
  for (std::size_t i = 0; i < kMaxDevicesOfOne; ++i) add(std::to_string(i));
  EXPECT_EQ(refusal(device_at("one-more")),
            "20 devices of yours are told already: remove one of them first");
  EXPECT_EQ(refusal(device_at("0")), "") << "one of them again";
  for (std::size_t i = kMaxDevicesOfOne; i < kMaxDevices; ++i)
    add(std::to_string(i), "user:" + std::to_string(i / kMaxDevicesOfOne));
  const auto full = h.call(notifier->add_device(device_at("one-more"), "user:zoe"));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::conflict);
}

TEST_F(NotifierTest, AnAgentsSessionThatEndsIsTold) {
  const auto usual = h.world.act;
  h.world.act = [=](testing::FakeMachine& machine, testing::FakeProcess& process) {
    if (!process.spec.terminal) return usual(machine, process);
    if (process.input.ends_with("exit\r") || !process.signals.empty()) process.end(0);
  };
  h.agents.push_back(std::make_shared<TerminalAgent>());
  begin();
  add("a");
  const auto open = [&](std::string agent, std::vector<std::string> command) {
    NewSession asked{.git_url = "/srv/project", .agent = std::move(agent)};
    asked.command = std::move(command);
    const auto made = h.call(h.engine().sessions().create_session(asked, "user:ann"));
    EXPECT_TRUE(made) << made.error().describe();
    const auto id = *SessionId::parse(find_string(*made, {"id"}));
    EXPECT_TRUE(h.run_until([&] { return h.world.times_started("s-" + id.to_string()) == 1; }));
    h.settle();
    return id;
  };
  const auto end_it = [&](SessionId id) {
    auto* process = h.world.find_process("s-" + id.to_string());
    ASSERT_NE(process, nullptr);
    process->input += "exit\r";
    for (auto& [machine_id, machine] : h.world.machines)
      if (machine.processes.contains("s-" + id.to_string())) h.world.poke(machine, *process);
    ASSERT_TRUE(h.run_until([&] { return find_string(h.session(id), {"status"}) == "ended"; }));
  };
  end_it(open("", {"sh"}));
  pass();
  EXPECT_TRUE(push.sent.empty()) << "a shell's end is no news";
  const auto session = open("terminal", {});
  end_it(session);
  pass();
  ASSERT_EQ(push.sent.size(), 1u) << "and its run's end is not told as well";
  EXPECT_EQ(title(0), "Session ended");
  EXPECT_EQ(find_string(said(0), {"url"}), "/sessions/" + session.to_string());
  const auto stopped = open("terminal", {});
  ASSERT_TRUE(h.call(h.engine().sessions().stop_session(stopped, "enough", "user:ann")));
  ASSERT_TRUE(h.run_until([&] { return find_string(h.session(stopped), {"status"}) == "ended"; }));
  pass();
  EXPECT_EQ(push.sent.size(), 1u) << "who ended it knows";
}

}  // namespace
}  // namespace corral::engine
