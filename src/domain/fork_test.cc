#include "domain/fork.h"

#include <gtest/gtest.h>

#include "domain/testing/story.h"

namespace corral::domain {
namespace {

const RunId kOther{Uuid::parse("01936d5e-0000-7000-8000-000000000002").value()};
const RunId kThird{Uuid::parse("01936d5e-0000-7000-8000-000000000003").value()};

std::vector<std::string> names(const Create& create) {
  std::vector<std::string> all;
  for (const auto& kept : create.kept)
    all.push_back(fmt::format("{} {}", kept.step, to_string(kept.status)));
  return all;
}

// a → b → d → end, a → c, and m, whose matrix made two.
Story ended() {
  auto request = request_of({step("a"), step("b", {"a"}), step("c", {"a"}),
                             matrix_step("m", {{"x", json::array{1, 2}}}), step("d", {"b", "m"}),
                             finally("end")});
  request.parent = kThird;
  request.parent_step = "call";
  request.depth = 2;
  request.not_before = kNow;
  Story story(request);
  story.begin();
  story.tell(ResolveSource{"main", "base"});
  const auto do_step = [&](const std::string& name, json::object outputs = {}) {
    story.now += Duration(1'000);
    story.start(name);
    story.tell(TakeSnapshot{name, "after-" + name});
    story.tell(CompleteStep{name, story.at(name).attempt, "did " + name, std::move(outputs)});
  };
  do_step("a", {{"sha", "abc"}});
  story.tell(ExpandStep{"m"});
  do_step("m.1", {{"n", 1}});
  do_step("c");
  do_step("m.2", {{"n", 2}});
  story.complete("m");
  do_step("b");
  story.break_step("d");
  do_step("end");
  story.fail_run();
  return story;
}

TEST(Fork, KeepsWhatDoesNotComeAfterTheStep) {
  const auto story = ended();
  const auto all = fork(story.run, "d", kOther).value();
  EXPECT_EQ(names(all),
            (std::vector<std::string>{"a completed", "b completed", "c completed", "m completed",
                                      "m.1 completed", "m.2 completed"}));
  EXPECT_EQ(all.snapshot, "after-b");
  EXPECT_EQ(all.base_branch, "main");
  EXPECT_EQ(all.base_commit, "base");

  const auto b = fork(story.run, "b", kOther).value();
  EXPECT_EQ(names(b), (std::vector<std::string>{"a completed", "c completed", "m completed",
                                                "m.1 completed", "m.2 completed"}));
  EXPECT_EQ(b.snapshot, "after-m.2") << "the last that had ended, not the last that is defined";

  const auto m = fork(story.run, "m", kOther).value();
  EXPECT_EQ(names(m), (std::vector<std::string>{"a completed", "b completed", "c completed"}));
  const auto a = fork(story.run, "a", kOther).value();
  EXPECT_EQ(names(a), (std::vector<std::string>{"m completed", "m.1 completed", "m.2 completed"}));
  const auto end = fork(story.run, "end", kOther).value();
  EXPECT_EQ(names(end), names(all)) << "what failed is done again";
}

TEST(Fork, OfTheWholeKeepsNothing) {
  const auto create = fork(ended().run, "", kOther).value();
  EXPECT_TRUE(create.kept.empty());
  EXPECT_EQ(create.snapshot, "");
  EXPECT_EQ(create.base_commit, "");
}

TEST(Fork, IsAFamilyMemberOfItsOwn) {
  const auto story = ended();
  auto create = fork(story.run, "d", kOther).value();
  EXPECT_EQ(create.run, kOther);
  EXPECT_EQ(create.request.forked_from, kRun);
  EXPECT_EQ(create.request.forked_step, "d");
  EXPECT_EQ(create.request.root, kRun);
  EXPECT_FALSE(create.request.parent);
  EXPECT_EQ(create.request.parent_step, "");
  EXPECT_EQ(create.request.depth, 0);
  EXPECT_EQ(create.request.not_before, Time{});
  EXPECT_EQ(create.request.prompt, story.run.request.prompt);
  const Story second(create);
  const auto third = fork(second.run, "d", kThird).value();
  EXPECT_EQ(third.request.root, kRun);
  EXPECT_EQ(third.request.forked_from, kOther);
}

TEST(Fork, WhatCannotBeChosen) {
  const auto story = ended();
  EXPECT_EQ(fork(story.run, "z", kOther).error().code, ErrorCode::not_found);
  EXPECT_EQ(fork(story.run, "m.1", kOther).error().message,
            "\"m.1\" is one of a matrix: fork from \"m\"");
}

TEST(Fork, TheNewRunGoesOnFromThere) {
  Story story(fork(ended().run, "d", kOther).value());
  EXPECT_EQ(story.run.id, kOther);
  EXPECT_EQ(story.run.snapshot, "after-b");
  EXPECT_EQ(story.status("b"), StepStatus::completed);
  EXPECT_EQ(story.at("a").outputs, (json::object{{"sha", "abc"}}));
  EXPECT_EQ(story.at("a").summary, "did a");
  EXPECT_TRUE(story.at("m").expanded);
  EXPECT_EQ(story.at("m.2").of, "m");
  EXPECT_EQ(story.at("m.2").matrix, (json::object{{"x", 2}}));
  EXPECT_EQ(story.run.steps[4].definition.name, "m.1") << "behind the step whose matrix it is";
  EXPECT_EQ(story.run.steps[5].definition.name, "m.2");
  story.begin();
  EXPECT_EQ(story.actions(), Actions{"start d"});
}

// Nothing but what the old run left says what its work tree is.
TEST(Fork, TheWorkTreeSurvivesARetryAndAnotherFork) {
  Story story(fork(ended().run, "d", kOther).value());
  story.begin();
  story.start("d");
  story.tell(TakeSnapshot{"d", "half-done"});
  story.tell(FailStep{"d", 1, {ErrorCode::conflict, "broken"}});
  story.do_step("end");
  story.fail_run();
  const auto again = fork(story.run, "d", kThird).value();
  EXPECT_EQ(again.snapshot, "after-b");
  EXPECT_EQ(fork(story.run, "b", kThird)->snapshot, "after-m.2") << "of what is kept still";
  story.tell(Retry{});
  EXPECT_EQ(story.run.snapshot, "after-b");
}

TEST(Fork, WhatIsDoneAgainBeginsWithoutWhatItLeft) {
  Story old({step("a"), step("b", {"a"})});
  old.begin();
  old.start("a");
  old.tell(TakeSnapshot{"a", "after-a"});
  old.complete("a");
  old.break_step("b");
  old.fail_run();
  Story story(fork(old.run, "b", kOther).value());
  EXPECT_EQ(story.run.snapshot, "after-a");
  EXPECT_EQ(fork(story.run, "a", kThird)->snapshot, "");
  story.begin();
  story.break_step("b");
  story.fail_run();
  story.tell(Retry{"a"});
  EXPECT_EQ(story.run.snapshot, "");
}

TEST(Fork, ASnapshotWithoutStepsIsKeptToo) {
  Story story(Create{kRun, request_of({step("a")}), {}, "main", "base", "given", {}});
  EXPECT_EQ(story.run.snapshot, "given");
  story.begin();
  story.start("a");
  story.tell(TakeSnapshot{"a", "half-done"});
  story.fail_run();
  story.tell(Retry{});
  EXPECT_EQ(story.run.snapshot, "given");
}

// 2^50 ways lead through it.
TEST(Fork, AWideGraphIsNoTrouble) {
  std::vector<StepDefinition> steps{step("first")};
  std::vector<std::string> before;
  for (int layer = 0; layer < 49; ++layer) {
    std::vector<std::string> names;
    for (const char* side : {"l", "r"}) {
      names.push_back(side + std::to_string(layer));
      steps.push_back(step(names.back(), before));
    }
    before = names;
  }
  steps.push_back(step("last", before));
  const Story story(steps);
  EXPECT_FALSE(comes_after(story.run, "last", "first"));
  EXPECT_TRUE(comes_after(story.run, "last", "l0"));
  EXPECT_TRUE(comes_after(story.run, "last", "last"));
  EXPECT_FALSE(comes_after(story.run, "nowhere", "first"));
}

}  // namespace
}  // namespace corral::domain
