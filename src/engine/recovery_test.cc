// The server dies at any moment; the next one finishes what it was at, and nothing happens twice
// that must happen once.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "engine/testing/harness.h"

namespace corral::engine {
namespace {

using testing::Harness;

constexpr std::string_view kScript =
    "say one\n"
    "say two, a longer line than one delivery of output takes\n"
    "ask write-it\n"
    "say three\n"
    "ask write-more\n"
    "say four\n"
    "err a warning\n"
    "done finished well";

constexpr std::string_view kExpectedText =
    "the agent starts\n"
    "one\n"
    "two, a longer line than one delivery of output takes\n"
    "asks write-it\n"
    "answered write-it: allowed fine\n"
    "three\n"
    "asks write-more\n"
    "answered write-more: allowed fine\n"
    "four\n";

struct RecoveryTest : ::testing::Test {
  void SetUp() override { log::set_level(log::Level::error); }
  void TearDown() override { EXPECT_EQ(log::take_error_count(), 0); }

  static StartRun request(Harness& h) {
    auto request = h.request(std::string(kScript));
    request.checks = "make test";
    request.permissions = "ask";
    return request;
  }

  // A person who allows whatever is asked, as soon as it is.
  static void allow_all(Harness& h, RunId id) {
    const auto document = h.run(id);
    for (const auto& approval : document.at("approvals").as_array())
      (void)h.call(h.engine().decide_approval(std::string(find_string(approval, {"id"})), true,
                                              "fine", "", "user:ann"));
  }

  static bool finish(Harness& h, RunId id) {
    return h.run_until([&] {
      if (find_bool(h.run(id), {"waiting"})) allow_all(h, id);
      return h.ended(id);
    });
  }

  static void expect_whole(Harness& h, RunId id, std::string_view when) {
    SCOPED_TRACE(when);
    ASSERT_EQ(h.status(id), "completed") << json::serialize(h.run(id)) << h.log(id);
    for (const char* step : {"prepare", "agent", "checks", "commit", "artifacts"}) {
      EXPECT_EQ(h.count(id, "run.step.completed", step), 1) << step;
      EXPECT_EQ(h.count(id, "run.step.started", step), 1) << step;
      EXPECT_EQ(h.count(id, "run.step.failed", step), 0) << step;
    }
    for (const char* process : {"prepare-1", "agent-1", "agent-1.snapshot", "checks-1", "commit-1"})
      EXPECT_EQ(h.world.times_started(process), 1) << process;
    // The agent was told everything once, in order.
    const auto* agent = h.world.find_process("agent-1");
    ASSERT_NE(agent, nullptr);
    EXPECT_EQ(agent->input_ids,
              (std::vector<std::string>{"prompt", "answer-write-it", "answer-write-more"}));
    // No gap, no repeat.
    EXPECT_TRUE(h.logs.mismatches.empty()) << h.logs.mismatches.front();
    const auto& sources = h.logs.logs.at("runs/" + id.to_string() + "/log")->sources;
    EXPECT_EQ(sources.at("agent/agent-1"), kExpectedText);
    EXPECT_EQ(sources.at("checks-1"), "output of checks-1\n");
    std::vector<std::string> kinds;
    for (std::size_t at = 0; at < h.timeline(id).size();) {
      const auto text = h.timeline(id);
      const auto end = text.find('\n', at);
      kinds.emplace_back(
          find_string(parse_json(text.substr(at, end - at), "line").value(), {"kind"}));
      at = end + 1;
    }
    EXPECT_EQ(kinds,
              (std::vector<std::string>{"started", "message", "message", "permission_request",
                                        "permission_answer", "message", "permission_request",
                                        "permission_answer", "message", "finished"}));
    EXPECT_EQ(h.world.living_processes(), 0u);
    EXPECT_EQ(h.count(id, "run.completed"), 1);
    EXPECT_EQ(h.run(id).at("version").to_number<std::size_t>(), h.events(id).size());
  }
};

TEST_F(RecoveryTest, KilledAfterAnyNumberOfStepsEveryRunEndsRight) {
  int whole_life = 0;
  {
    Harness h;
    h.boot();
    ASSERT_TRUE(h.call(h.engine().start()));
    const auto id = h.start(request(h));
    for (; !h.ended(id); ++whole_life) {
      if (find_bool(h.run(id), {"waiting"})) allow_all(h, id);
      ASSERT_TRUE(h.step());
      ASSERT_LT(whole_life, 20'000);
    }
    expect_whole(h, id, "never killed");
  }
  ASSERT_GT(whole_life, 300);
  for (int killed_after = 0; killed_after < whole_life; ++killed_after) {
    Harness h(static_cast<std::uint64_t>(killed_after));
    h.boot();
    ASSERT_TRUE(h.call(h.engine().start()));
    const auto id = h.start(request(h));
    for (int i = 0; i < killed_after && !h.ended(id); ++i) {
      if (find_bool(h.run(id), {"waiting"})) allow_all(h, id);
      h.step();
    }
    h.crash();
    h.boot();
    ASSERT_TRUE(h.call(h.engine().start()));
    ASSERT_TRUE(finish(h, id)) << "killed after " << killed_after << "\n"
                               << json::serialize(h.run(id)) << h.log(id);
    h.shut_down();
    // What the run left is gone at the latest after the next start.
    h.boot();
    ASSERT_TRUE(h.call(h.engine().start()));
    expect_whole(h, id, fmt::format("killed after {}", killed_after));
    EXPECT_EQ(h.world.destroyed.size(), h.world.machines.size());
    if (HasFailure()) return;
  }
}

TEST_F(RecoveryTest, KilledAgainAndAgainEveryRunEndsRight) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Harness h(seed);
    SeededRandom random(seed);
    h.boot();
    ASSERT_TRUE(h.call(h.engine().start()));
    const auto id = h.start(request(h));
    for (int kills = 0; kills < 12 && !h.ended(id); ++kills) {
      const int steps = static_cast<int>(random.unit() * 120);
      for (int i = 0; i < steps && !h.ended(id); ++i) {
        if (find_bool(h.run(id), {"waiting"})) allow_all(h, id);
        h.step();
      }
      if (random.unit() < 0.5)
        h.crash();
      else
        h.shut_down();
      h.boot();
      ASSERT_TRUE(h.call(h.engine().start()));
    }
    ASSERT_TRUE(finish(h, id)) << "seed " << seed;
    h.settle();
    expect_whole(h, id, fmt::format("seed {}", seed));
    if (HasFailure()) return;
  }
}

// Here the agent does not wait for the answer, so that it may fall into the middle of a line of its
// output, or between pieces of one delivery: a replay must give it at the same byte.
TEST_F(RecoveryTest, AnswersThatComeWhileTheAgentTalksAreRepeatedAtTheSamePlace) {
  std::set<std::string> texts;
  for (std::uint64_t seed = 0; seed < 80; ++seed) {
    Harness h(seed);
    SeededRandom random(seed);
    h.boot();
    ASSERT_TRUE(h.call(h.engine().start()));
    auto asked = h.request(
        "request a\nrequest b\nsay a line that takes several deliveries of output\nsay and yet "
        "another one of them\nawait a\nawait b\ndone well");
    asked.permissions = "ask";
    const auto id = h.start(asked);
    for (int kills = 0; kills < 6 && !h.ended(id); ++kills) {
      const int steps = 20 + static_cast<int>(random.unit() * 60);
      for (int i = 0; i < steps && !h.ended(id); ++i) {
        if (find_bool(h.run(id), {"waiting"}) && random.unit() < 0.1) allow_all(h, id);
        h.step();
      }
      h.crash();
      h.boot();
      ASSERT_TRUE(h.call(h.engine().start()));
    }
    ASSERT_TRUE(finish(h, id)) << "seed " << seed;
    EXPECT_EQ(h.status(id), "completed") << h.log(id);
    EXPECT_TRUE(h.logs.mismatches.empty()) << "seed " << seed << ": " << h.logs.mismatches.front();
    const auto& text =
        h.logs.logs.at("runs/" + id.to_string() + "/log")->sources.at("agent/agent-1");
    texts.insert(text);
    for (const char* line :
         {"asks a\n", "answered a: allowed fine\n", "asks b\n", "answered b: allowed fine\n",
          "deliveries of output\n", "another one of them\n"})
      EXPECT_EQ(text.find(line), text.rfind(line)) << line << text;
    if (HasFailure()) return;
  }
  // The answers did come at different places.
  EXPECT_GT(texts.size(), 2u);
}

}  // namespace
}  // namespace corral::engine
