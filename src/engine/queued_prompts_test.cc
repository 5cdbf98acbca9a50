// Prompts that people queue for an agent whose process then ends for a quota: the process that goes
// on is given those which that one was not, once, in order, after the turn that it resumes.
#include "engine/testing/engine_fixture.h"

namespace corral::engine {
namespace {

using domain::SteeringKind;
using testing::FakeMachine;
using testing::FakeProcess;
using testing::Harness;

constexpr Duration kReset = std::chrono::seconds(20);

using Words = std::vector<std::string>;

// A run of a patient agent, whose processes print what they are to at each of their turns: at their
// task, and at each further prompt that they are given.
struct Patient {
  Harness& h;
  std::map<std::string, Words, std::less<>> turns;
  RunId id{};

  explicit Patient(Harness& harness) : h(harness) {
    h.agents.push_back(
        testing::make_fake_agent({.name = "patient", .resumes = true, .queues = true}));
    h.agents.push_back(testing::make_fake_agent({.name = "forgetful", .queues = true}));
    h.world.act = [this](FakeMachine&, FakeProcess& process) {
      if (process.spec.argv.front() != testing::kFakeAgentProgram)
        return testing::act_as_git(h.world, process);
      const auto& lines = turns[process.spec.id];
      for (; process.line < given(process).size(); ++process.line)
        if (process.line < lines.size()) process.print(lines[process.line]);
      if (process.input_closed && !process.answered.contains("lingers")) process.end(0);
    };
  }
  void start(const std::string& agent = "patient") {
    auto request = h.request("Mend it.");
    request.agent = agent;
    id = h.start(request);
  }
  void refuse() {
    ASSERT_TRUE(h.call(h.engine().record_model_call(
        id, {.model = "m", .status = 429, .retry_at = h.clock.now() + kReset})));
  }
  void steer(std::string text, SteeringKind what = SteeringKind::prompt) {
    ASSERT_TRUE(h.call(h.engine().steer_run(id, "agent", what, std::move(text), "user:ann")));
  }
  void queue(const Words& prompts) {
    for (const auto& prompt : prompts) steer(prompt);
    h.settle();
  }
  void print(std::string_view process, std::string_view text) {
    for (auto& [workspace, machine] : h.world.machines)
      if (const auto found = machine.processes.find(std::string(process));
          found != machine.processes.end()) {
        found->second.print(text);
        h.world.poke(machine, found->second);
      }
  }
  // The first of its processes ends for it.
  void spend_quota() {
    refuse();
    print("agent-1", "failure 429\n");
  }
  bool waits(int round) {
    return h.run_until([&] { return h.step_status(id, "agent") == "waiting"; }) &&
           h.count(id, "run.step.waiting", "agent") == round;
  }
  // What a process was given, one a turn.
  static Words given(const FakeProcess& process) {
    Words all;
    std::string_view text = process.input;
    if (const auto end = text.find("\n\x04\n"); end != std::string_view::npos) {
      all.emplace_back(text.substr(0, end));
      text.remove_prefix(end + 3);
    }
    while (!text.empty()) {
      const auto end = text.find('\n');
      all.emplace_back(text.substr(0, end));
      text.remove_prefix(end + 1);
    }
    return all;
  }
  Words given(std::string_view process) {
    const auto* found = h.world.find_process(process);
    return found == nullptr ? Words{} : given(*found);
  }
  int shown(std::string_view kind, std::string_view text) {
    const auto wanted = fmt::format(R"("kind":"{}","id":"prompt-)", kind);
    int count = 0;
    for (const auto& line : lines(h.timeline(id)))
      count += line.find(wanted) != std::string::npos &&
               line.find(fmt::format(R"("text":"{}")", text)) != std::string::npos;
    return count;
  }
  static Words lines(std::string_view text) {
    Words all;
    for (; !text.empty(); text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1))
      all.emplace_back(text.substr(0, text.find('\n')));
    return all;
  }
  void expect_completed() {
    ASSERT_TRUE(h.run_to_end(id));
    EXPECT_EQ(h.status(id), "completed") << h.log(id);
    EXPECT_EQ(h.count(id, "run.step.started", "agent"), 1) << "the same attempt";
    EXPECT_TRUE(h.logs.mismatches.empty()) << h.logs.mismatches.front();
  }
};

constexpr const char* kGoOn =
    "The model could not be reached for a while, and can be again. Go on with the task where you "
    "stopped.";

class QueuedPromptsTest : public testing::EngineTest {
 protected:
  Patient agent{h};

  void work(const std::string& name = "patient") {
    boot();
    agent.start(name);
    run_until_agent(agent.id);
  }
};

TEST_F(QueuedPromptsTest, AreGivenAfterTheTurnThatIsResumed) {
  agent.turns["agent-1.1"] = {"result one\n", "result two\n", "result three\n"};
  work();
  agent.queue({"Test it.", "Push it."});
  agent.spend_quota();
  ASSERT_TRUE(agent.waits(1)) << h.log(agent.id);
  agent.expect_completed();
  EXPECT_EQ(agent.given("agent-1"), Words{"Mend it."});
  EXPECT_EQ(agent.given("agent-1.1"), (Words{kGoOn, "prompt Test it.", "prompt Push it."}));
  for (const char* text : {"Test it.", "Push it."}) {
    EXPECT_EQ(agent.shown("prompt", text), 2) << "queued in each process";
    EXPECT_EQ(agent.shown("prompt_given", text), 1) << h.timeline(agent.id);
  }
}

TEST_F(QueuedPromptsTest, WhoDecidesStaysAsAPersonHasSetIt) {
  agent.turns["agent-1.1"] = {"ask a\n", "result done\n"};
  work();
  agent.steer("ask", SteeringKind::mode);
  h.settle();
  agent.spend_quota();
  ASSERT_TRUE(agent.waits(1)) << h.log(agent.id);
  const auto asks = [&] {
    return h.count(agent.id, "run.approval.requested", "agent") == 1 &&
           h.step_status(agent.id, "agent") == "waiting";
  };
  ASSERT_TRUE(h.run_until(asks)) << h.log(agent.id);
  h.crash();
  boot();
  h.settle();
  EXPECT_TRUE(asks()) << "also for a server that takes over";
  agent.steer("workspace", SteeringKind::mode);
  agent.expect_completed();
  EXPECT_EQ(agent.given("agent-1.1"), (Words{kGoOn, "answer a allow"}));
}

TEST_F(QueuedPromptsTest, OneThatWasGivenIsNotGivenAgain) {
  agent.turns["agent-1.1"] = {"result two\n", "result three\n"};
  work();
  agent.queue({"Test it.", "Push it."});
  agent.print("agent-1", "result one\n");
  h.settle();
  ASSERT_EQ(agent.given("agent-1"), (Words{"Mend it.", "prompt Test it."}));
  agent.spend_quota();
  ASSERT_TRUE(agent.waits(1)) << h.log(agent.id);
  agent.expect_completed();
  EXPECT_EQ(agent.given("agent-1.1"), (Words{kGoOn, "prompt Push it."}));
}

TEST_F(QueuedPromptsTest, WaitThroughSeveralQuotas) {
  agent.turns["agent-1.1"] = {"failure 429\n"};
  agent.turns["agent-1.2"] = {"result one\n", "failure 429\n"};
  agent.turns["agent-1.3"] = {"result two\n", "result three\n"};
  work();
  agent.queue({"Test it.", "Push it."});
  agent.spend_quota();
  agent.expect_completed();
  EXPECT_EQ(h.count(agent.id, "run.step.waiting", "agent"), 3);
  EXPECT_EQ(agent.given("agent-1.1"), Words{kGoOn});
  EXPECT_EQ(agent.given("agent-1.2"), (Words{kGoOn, "prompt Test it."}));
  EXPECT_EQ(agent.given("agent-1.3"), (Words{kGoOn, "prompt Push it."}));
}

TEST_F(QueuedPromptsTest, ComeBeforeThoseOfTheWait) {
  agent.turns["agent-1.1"] = {"result one\n", "result two\n", "result three\n"};
  work();
  agent.queue({"Test it."});
  agent.spend_quota();
  ASSERT_TRUE(agent.waits(1));
  agent.steer("Push it.");
  h.settle();
  EXPECT_EQ(h.step_status(agent.id, "agent"), "waiting");
  agent.expect_completed();
  EXPECT_EQ(agent.given("agent-1.1"), (Words{kGoOn, "prompt Test it.", "prompt Push it."}));
}

TEST_F(QueuedPromptsTest, AreNotLostOnAnAgentThatHasGivenUpAndNotYetEnded) {
  agent.turns["agent-1.1"] = {"result one\n", "result two\n"};
  work();
  h.world.find_process("agent-1")->answered.insert("lingers");
  agent.spend_quota();
  h.settle();
  ASSERT_FALSE(h.world.find_process("agent-1")->ended);
  agent.steer("Test it.");
  h.settle();
  ASSERT_FALSE(h.world.find_process("agent-1")->ended);
  agent.expect_completed();
  EXPECT_EQ(agent.given("agent-1.1"), (Words{kGoOn, "prompt Test it."}));
  EXPECT_EQ(agent.shown("prompt", "Test it."), 1);
}

TEST_F(QueuedPromptsTest, FollowTheTaskOfAnAgentThatCannotTakeUpItsSession) {
  agent.turns["agent-1.1"] = {"result one\n", "result two\n"};
  work("forgetful");
  agent.queue({"Test it."});
  agent.spend_quota();
  agent.expect_completed();
  EXPECT_EQ(agent.given("agent-1.1"), (Words{"Mend it.", "prompt Test it."}));
}

TEST_F(QueuedPromptsTest, OfAnAgentThatTakesThemAtOnceAreTakenOnce) {
  agent.turns["agent-1.1"] = {"result one\n"};
  work("fake");
  agent.queue({"Test it."});
  ASSERT_EQ(agent.given("agent-1"), (Words{"Mend it.", "prompt Test it."}));
  agent.spend_quota();
  agent.expect_completed();
  EXPECT_EQ(agent.given("agent-1.1"), Words{"Mend it."});
}

TEST_F(QueuedPromptsTest, AreTakenBeforeTheOutputOfATimeWithoutAServer) {
  agent.turns["agent-1"] = {"", "result two\n"};
  work();
  // Committed, and the server dies before the agent's driver hears of it. Then the turn ends.
  agent.steer("Test it.");
  ASSERT_EQ(h.count(agent.id, "run.step.steering_applied"), 0);
  h.crash();
  agent.print("agent-1", "result one\n");
  boot();
  agent.expect_completed();
  EXPECT_EQ(agent.given("agent-1"), (Words{"Mend it.", "prompt Test it."}));
}

// A life of a server ends after any number of steps, up to so many; the next one does what is left.
void survive(bool settled, int most) {
  bool over = false;
  int steps = 0;
  for (; !over && steps < most; ++steps) {
    SCOPED_TRACE(fmt::format("killed after {} steps", steps));
    Harness h;
    Patient agent(h);
    agent.turns["agent-1.1"] = {"result one\n", "failure 429\n"};
    agent.turns["agent-1.2"] = {"result two\n", "result three\n"};
    h.boot();
    ASSERT_TRUE(h.call(h.engine().start()));
    agent.start();
    ASSERT_TRUE(h.run_until([&] { return h.world.find_process("agent-1") != nullptr; }));
    h.settle();
    agent.refuse();
    agent.steer("Test it.");
    agent.steer("Push it.");
    if (settled) h.settle();
    agent.print("agent-1", "failure 429\n");
    for (int i = 0; i < steps && !over; ++i) over = h.ended(agent.id) || !h.step();
    h.crash();
    h.boot();
    ASSERT_TRUE(h.call(h.engine().start()));
    agent.expect_completed();
    ASSERT_EQ(agent.given("agent-1"), Words{"Mend it."});
    ASSERT_EQ(agent.given("agent-1.1"), (Words{kGoOn, "prompt Test it."}));
    ASSERT_EQ(agent.given("agent-1.2"), (Words{kGoOn, "prompt Push it."}));
    for (const char* text : {"Test it.", "Push it."})
      ASSERT_EQ(agent.shown("prompt_given", text), 1) << h.timeline(agent.id);
    for (const char* process : {"agent-1", "agent-1.1", "agent-1.2"})
      ASSERT_EQ(h.world.times_started(process), 1) << process;
  }
  EXPECT_GT(steps, 50) << "it was killed in the midst of things";
}

TEST_F(QueuedPromptsTest, AreGivenOnceWhereverTheServerIsKilled) { survive(true, 10'000); }
// What comes later is as above.
TEST_F(QueuedPromptsTest, AreGivenOnceWhereverTheServerIsKilledAsTheyAreQueued) {
  survive(false, 100);
}

}  // namespace
}  // namespace corral::engine
