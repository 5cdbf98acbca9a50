// Runs from their start to their end, in a world without faults.
#include <gtest/gtest.h>

#include "engine/testing/harness.h"

namespace corral::engine {
namespace {

using testing::Harness;

struct EngineTest : ::testing::Test {
  Harness h;
  void boot() {
    h.boot();
    ASSERT_TRUE(h.call(h.engine().start()));
  }
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

}  // namespace
}  // namespace corral::engine
