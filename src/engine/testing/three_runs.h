// What there is to make read models of.
#pragma once

#include <vector>

#include "engine/testing/engine_fixture.h"

namespace corral::engine::testing {

// A run that completed, one that failed, and one that waits for an answer.
struct ThreeRuns : EngineTest {
  void SetUp() override {
    EngineTest::SetUp();
    boot();
    for (const char* script : {"say one\ndone", "exit 1", "ask for-it\ndone"}) {
      auto request = h.request(script);
      request.permissions = "ask";
      ids.push_back(h.start(request));
    }
    ASSERT_TRUE(h.run_to_end(ids[0]) && h.run_to_end(ids[1]));
  }
  std::vector<RunId> ids;
};

}  // namespace corral::engine::testing
