// The state of a run as JSON: all of it.
#include <gtest/gtest.h>

#include "domain/testing/story.h"

namespace corral::domain {
namespace {

struct Counter {
  int fields = 0;
  void operator()(std::string_view, const auto&) { ++fields; }
};
template <class T>
int fields_of(const T& value) {
  Counter counter;
  T::fields(value, counter);
  return counter.fields;
}

// A member more does not compile here; then it belongs into fields(), and into the number.
TEST(RunState, EveryMemberIsKept) {
  const domain::Run run;
  [[maybe_unused]] const auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15,
                                a16, a17, a18, a19, a20, a21, a22, a23, a24, a25, a26, a27, a28,
                                a29, a30, a31, a32, a33] = run;
  EXPECT_EQ(fields_of(run), 33);
  const Step step;
  [[maybe_unused]] const auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15,
                                b16, b17, b18] = step;
  EXPECT_EQ(fields_of(step), 18);
  const Approval approval;
  [[maybe_unused]] const auto& [c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14] =
      approval;
  EXPECT_EQ(fields_of(approval), 14);
  const Approval::Decision decision;
  [[maybe_unused]] const auto& [d1, d2, d3, d4] = decision;
  EXPECT_EQ(fields_of(decision), 4);
  const Steering steering;
  [[maybe_unused]] const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9] = steering;
  EXPECT_EQ(fields_of(steering), 9);
  const Artifact artifact;
  [[maybe_unused]] const auto& [e1, e2, e3, e4, e5] = artifact;
  EXPECT_EQ(fields_of(artifact), 5);
}

domain::Run full_run() {
  Story story(request_of({step("a")}));
  auto run = story.run;
  run.approvals.push_back({.id = "x",
                           .step = "a",
                           .input = json::array{1, "two"},
                           .requested_at = kNow,
                           .decision = Approval::Decision{true, "yes", "user:ann", "both"},
                           .choices = {"one", "both"},
                           .approvers = {"user:ann"},
                           .until = kNow,
                           .applied_at = 0,
                           .applied_version = 7,
                           .closed = true});
  run.artifacts.push_back({"diff", "text/plain", "00", 12, kNow});
  run.steerings.push_back({.number = 1,
                           .step = "a",
                           .what = SteeringKind::mode,
                           .text = "ask",
                           .by = "user:ann",
                           .applied_at = 9,
                           .process = "a-1.1"});
  run.quota_reset = kNow;
  run.steps[0].round = 2;
  run.cancel_reason = "";
  run.error = Failure{ErrorCode::exhausted, "spent"};
  run.diff_stat = DiffStat{1, 2, 3};
  run.commit = "c0";
  run.usage = {.calls = 1, .cache_write_tokens = 5};
  run.cost.nano_usd = 12'345'678'901;
  run.workspace = WorkspaceId{kRun.uuid};
  run.request.parent = kRun;
  run.request.budget = Money{1};
  run.steps[0].outputs = {{"n", 1.5}, {"deep", json::object{{"x", nullptr}}}};
  run.steps[0].matrix = {{"x", 3}};
  run.steps[0].wakes_at = kNow;
  return run;
}

TEST(RunState, ComesBackAsItWas) {
  const auto run = full_run();
  const auto text = json::serialize(to_json(run));
  domain::Run back;
  ASSERT_TRUE(from_json(json::parse(text), back));
  EXPECT_EQ(json::serialize(to_json(back)), text);
  EXPECT_EQ(back.cancel_reason, "");
  EXPECT_EQ(back.approvals[0].applied_at, 0u);
  EXPECT_EQ(back.approvals[0].decision->choice, "both");
  EXPECT_EQ(back.cost.nano_usd, 12'345'678'901);
  EXPECT_EQ(back.steerings[0].what, SteeringKind::mode);
  EXPECT_EQ(back.quota_reset, kNow);
  EXPECT_EQ(back.steps[0].process_id(), "a-0.2");
  EXPECT_EQ(back.steps[0].definition.with, run.steps[0].definition.with);
  EXPECT_FALSE(back.started_at);
}

TEST(RunState, OfTheWrongShapeIsNone) {
  auto state = to_json(full_run());
  state.as_object()["steps"].as_array()[0].as_object()["status"] = "dancing";
  domain::Run run;
  EXPECT_FALSE(from_json(state, run));
  EXPECT_FALSE(from_json(json::value("text"), run));
}

// What was kept under another name is not read. When this fails because a field has come or gone,
// all is well: put the new name here. When apply() has come to mean something else, kStateMeaning
// must grow.
TEST(RunState, ItsSchemaIsNamedAfterItsFields) { EXPECT_EQ(state_schema(), "2-40f07482b32091ae"); }

}  // namespace
}  // namespace corral::domain
