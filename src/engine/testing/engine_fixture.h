// A test with an engine in a harness, quiet but for errors, which fail it.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/log.h"
#include "engine/testing/harness.h"

namespace corral::engine::testing {

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
    ASSERT_TRUE(h.run_until([&] {
      return h.step_status(id, "agent") == "running" && h.world.find_process("agent-1") != nullptr;
    }));
    h.settle();
  }
  std::string error_code(RunId id) {
    return std::string(find_string(h.run(id), {"error", "code"}));
  }
  std::string error_message(RunId id) {
    return std::string(find_string(h.run(id), {"error", "message"}));
  }
};

}  // namespace corral::engine::testing
