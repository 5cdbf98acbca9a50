// Who is served next: fairness between groups, named limits, several jobs at once.
#pragma once

#include "ports/contract/store_contract_events.h"
#include "ports/contract/store_fixture.h"

namespace corral::ports::contract {

TEST_P(StoreContract, ALongBacklogTakesTurnsWithOtherGroups) {
  for (int i = 0; i < 30; ++i)
    ASSERT_TRUE(commit(new_job("long-" + std::to_string(i), 0, {}, "long")));
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(commit(new_job("short-" + std::to_string(i), 0, {}, "short")));
  // One worker, one job at a time.
  Keys order;
  for (int i = 0; i < 8; ++i) {
    const auto job = claim("worker").value();
    order.push_back(job.key);
    ASSERT_TRUE(commit(CompleteJob{job.id, "worker"}));
  }
  EXPECT_EQ(order, (Keys{"long-0", "short-0", "long-1", "short-1", "long-2", "short-2", "long-3",
                         "long-4"}));
}

TEST_P(StoreContract, TheGroupWithTheFewestClaimedJobsGoesFirst) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(commit(new_job("a" + std::to_string(i), 0, {}, "a")));
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(commit(new_job("b" + std::to_string(i), 0, {}, "b")));
  EXPECT_EQ(claimed_key(), "a0");
  EXPECT_EQ(claimed_key(), "b0");
  EXPECT_EQ(claimed_key(), "a1");
  EXPECT_EQ(claimed_key(), "b1");
  ASSERT_TRUE(
      commit(CompleteJob{job("b0").id, "worker"}, ReleaseJob{job("b1").id, "worker", at(50), ""}));
  EXPECT_EQ(claimed_key(), "b2") << "although b was served last";
  EXPECT_EQ(claimed_key(), "b3");
  EXPECT_EQ(claimed_key(), "a2");
}

TEST_P(StoreContract, PriorityStandsAboveFairness) {
  ASSERT_TRUE(commit(new_job("a0", 5, {}, "a"), new_job("a1", 5, {}, "a"),
                     new_job("b-", -1, {}, "b"), new_job("b0", 0, {}, "b"),
                     new_job("a2", 0, {}, "a"), new_job("c0", -1, {}, "c")));
  EXPECT_EQ(claimed_keys(), (Keys{"a0", "a1", "b0", "a2", "c0", "b-"}));
}

TEST_P(StoreContract, GroupsNeverServedGoByTheirOldestJob) {
  ASSERT_TRUE(commit(new_job("x", 0, at(-1), "x"), new_job("y", 0, at(-5), "y"),
                     new_job("z", 0, at(-3), "z"), new_job("now", 0, {}, "")));
  EXPECT_EQ(claimed_keys(), (Keys{"y", "z", "x", "now"}));
}

TEST_P(StoreContract, TurnsOutliveAReopening) {
  ASSERT_TRUE(commit(new_job("a0", 0, {}, "a"), new_job("a1", 0, {}, "a"),
                     new_job("b0", 0, {}, "b"), new_job("b1", 0, {}, "b")));
  ASSERT_TRUE(commit(CompleteJob{claim("worker")->id, "worker"}));
  reopen();
  EXPECT_EQ(claimed_keys(), (Keys{"b0", "a1", "b1"}));
}

TEST_P(StoreContract, AGroupThatWaitsForADelayJoinsWhenItIsDue) {
  ASSERT_TRUE(commit(new_job("a0", 0, {}, "a"), new_job("a1", 0, {}, "a"),
                     new_job("later", 3, at(5), "b"), new_job("latest", 9, at(7), "a")));
  EXPECT_EQ(claimed_key(4), "a0");
  EXPECT_EQ(claimed_key(5), "later");
  EXPECT_EQ(claimed_key(8), "latest");
  EXPECT_EQ(claimed_key(8), "a1");
}

TEST_P(StoreContract, AJobIsNotDueAgainForAClockThatWentBack) {
  ASSERT_TRUE(commit(new_job("a", 0, at(5)), new_job("b", 9, at(6)), new_job("c", -1, at(2))));
  EXPECT_EQ(claimed_key(6), "b");
  EXPECT_EQ(claimed_key(4), "c");
  EXPECT_EQ(claimed_key(4), "");
  EXPECT_EQ(counts(4).delayed, 1u);
  EXPECT_EQ(counts(4).ready, 0u);
  EXPECT_EQ(listed({.state = "delayed", .now = at(4)}), (Keys{"a"}));
  EXPECT_EQ(claimed_key(5), "a");
}

TEST_P(StoreContract, SeveralJobsAreClaimedAtOnceInTheSameOrderWithinTheLimits) {
  for (const std::string group : {"a", "b", "c"})
    for (int i = 0; i < 4; ++i)
      ASSERT_TRUE(commit(new_job(group + std::to_string(i), 0, {}, group)));
  const auto first = claim_many("worker", 10, 0, {.per_group = 2, .total = 5});
  EXPECT_EQ(keys(first), (Keys{"a0", "b0", "c0", "a1", "b1"}));
  for (const auto& job : first) {
    EXPECT_EQ(job.state, "claimed");
    EXPECT_EQ(job.attempt, 1u);
    EXPECT_EQ(job.lease_owner, "worker");
    EXPECT_EQ(job.lease_until, at(10));
  }
  EXPECT_EQ(keys(claim_many("worker", 10, 0, {.per_group = 2, .total = 10})), (Keys{"c1"}));
  EXPECT_EQ(keys(claim_many("worker", 3, 0, {.per_group = 4, .total = 100})),
            (Keys{"a2", "b2", "c2"}));
  EXPECT_EQ(keys(claim_many("worker", 50)), (Keys{"a3", "b3", "c3"}));
  EXPECT_EQ(counts().claimed, 12u);
}

TEST_P(StoreContract, NoneAtOnceIsNone) {
  ASSERT_TRUE(commit(new_job("k")));
  EXPECT_TRUE(claim_many("worker", 0).empty());
  EXPECT_EQ(job("k").state, "ready");
}

// ---- slots ----

TEST_P(StoreContract, ASlotIsLimitedOverAllGroups) {
  ASSERT_TRUE(commit(job_with_slots("a", {{"deploy", 1}}, "1"),
                     job_with_slots("b", {{"deploy", 1}}, "2"),
                     job_with_slots("c", {{"deploy", 1}}, "1"), job_with_slots("free", {}, "2"),
                     job_with_slots("other", {{"build", 1}}, "1")));
  EXPECT_EQ(claimed_keys(), (Keys{"a", "free", "other"}));
  ASSERT_TRUE(commit(CompleteJob{job("a").id, "worker"}));
  EXPECT_EQ(claimed_keys(), (Keys{"b"})) << "group 2 was served before 1";
  ASSERT_TRUE(commit(CompleteJob{job("b").id, "worker"}));
  EXPECT_EQ(claimed_keys(), (Keys{"c"}));
}

TEST_P(StoreContract, WhereJobsDifferAboutALimitEachCountsByItsOwn) {
  ASSERT_TRUE(commit(job_with_slots("one", {{"s", 1}}), job_with_slots("two", {{"s", 2}}),
                     job_with_slots("also two", {{"s", 2}}),
                     job_with_slots("again one", {{"s", 1}}), job_with_slots("three", {{"s", 3}})));
  EXPECT_EQ(claimed_keys(), (Keys{"one", "two", "three"}));
  ASSERT_TRUE(commit(CompleteJob{job("one").id, "worker"}));
  EXPECT_EQ(claimed_keys(), (Keys{}));
  ASSERT_TRUE(commit(CompleteJob{job("three").id, "worker"}));
  EXPECT_EQ(claimed_keys(), (Keys{"also two"}));
  ASSERT_TRUE(
      commit(CompleteJob{job("two").id, "worker"}, CompleteJob{job("also two").id, "worker"}));
  EXPECT_EQ(claimed_keys(), (Keys{"again one"}));
}

TEST_P(StoreContract, AJobNeedsRoomInAllItsSlots) {
  ASSERT_TRUE(commit(job_with_slots("x", {{"x", 1}}), job_with_slots("both", {{"x", 1}, {"y", 1}}),
                     job_with_slots("y", {{"y", 1}})));
  EXPECT_EQ(claimed_keys(), (Keys{"x", "y"}));
  ASSERT_TRUE(commit(CompleteJob{job("y").id, "worker"}));
  EXPECT_EQ(claimed_keys(), (Keys{}));
  ASSERT_TRUE(commit(CompleteJob{job("x").id, "worker"}));
  EXPECT_EQ(claimed_keys(), (Keys{"both"}));
}

TEST_P(StoreContract, WithinOneCallASlotIsFullForTheNextJob) {
  ASSERT_TRUE(commit(job_with_slots("a0", {{"s", 2}}, "a"), job_with_slots("a1", {{"s", 2}}, "a"),
                     job_with_slots("b0", {{"s", 2}}, "b"), job_with_slots("b1", {}, "b")));
  EXPECT_EQ(keys(claim_many("worker", 10)), (Keys{"a0", "b0", "b1"}));
}

TEST_P(StoreContract, JobsWhoseSlotsAreFullStepAsideForThoseBehindThem) {
  Transaction transaction;
  for (int i = 0; i < 100; ++i)
    transaction.changes.emplace_back(
        job_with_slots(fmt::format("s{}", i), {{i % 2 == 0 ? "even" : "odd", 1}}));
  for (int i = 0; i < 40; ++i)
    transaction.changes.emplace_back(
        job_with_slots(fmt::format("t{}", i), {{fmt::format("own {}", i), 1}, {"odd", 1}}));
  auto urgent = job_with_slots("urgent", {{"own 7", 1}});
  urgent.priority = 1;
  transaction.changes.emplace_back(job_with_slots("free", {}));
  transaction.changes.emplace_back(job_with_slots("even again", {{"even", 2}}));
  transaction.changes.emplace_back(job_with_slots("own", {{"own 7", 1}}));
  transaction.changes.emplace_back(urgent);
  ASSERT_TRUE(run_task(store().commit(std::move(transaction))));
  EXPECT_EQ(claimed_keys(), (Keys{"urgent", "s0", "s1", "free", "even again"}));
  ASSERT_TRUE(commit(CompleteJob{job("s1").id, "worker"}, CompleteJob{job("urgent").id, "worker"}));
  EXPECT_EQ(claimed_keys(), (Keys{"s3", "own"}));
}

TEST_P(StoreContract, ASlotIsFreeHoweverTheClaimEnds) {
  const auto enqueue = [&](std::string key) {
    auto change = job_with_slots(std::move(key), {{"s", 1}});
    change.max_attempts = 1;
    return commit(change);
  };
  ASSERT_TRUE(enqueue("released"));
  const auto released = claim("worker").value();
  ASSERT_TRUE(enqueue("next"));
  EXPECT_EQ(claimed_key(), "");
  ASSERT_TRUE(commit(ReleaseJob{released.id, "worker", {}, "broken"})) << "its last attempt";
  EXPECT_EQ(claimed_key(), "next");
  ASSERT_TRUE(enqueue("third"));
  EXPECT_EQ(claimed_key(9), "");
  EXPECT_EQ(claimed_key(10), "third") << "the lease ran out";
  ASSERT_TRUE(enqueue("fourth"));
  ASSERT_TRUE(run_task(store().release_leases("", "nobody")));
  EXPECT_EQ(claimed_keys(10), (Keys{"third"}));
  ASSERT_TRUE(commit(
      ReleaseJob{.id = job("third").id, .owner = "worker", .due = at(99), .keep_attempt = true}));
  EXPECT_EQ(claimed_keys(10), (Keys{"fourth"}));
  // And is taken whatever the store went through.
  reopen();
  ASSERT_TRUE(enqueue("fifth"));
  EXPECT_EQ(claimed_keys(11), (Keys{}));
  ASSERT_TRUE(commit(CompleteJob{job("fourth").id, "worker"}));
  EXPECT_EQ(claimed_keys(11), (Keys{"fifth"}));
}

TEST_P(StoreContract, AClaimUndoneByARefusalKeepsItsSlot) {
  ASSERT_TRUE(commit(job_with_slots("a", {{"s", 1}}), job_with_slots("b", {{"s", 1}})));
  const auto job = claim("worker").value();
  EXPECT_EQ(code(commit(CompleteJob{job.id, "worker"}, append("s", 7, 0))), ErrorCode::conflict);
  EXPECT_EQ(claimed_key(), "");
  EXPECT_EQ(counts().claimed, 1u);
}

TEST_P(StoreContract, AFreeSlotWakesTheWorkerThatItHeldBack) {
  ASSERT_TRUE(commit(job_with_slots("a", {{"s", 1}}), job_with_slots("b", {{"s", 1}})));
  const auto job = claim("worker").value();
  EXPECT_FALSE(claim("worker"));
  ASSERT_TRUE(commit(CompleteJob{job.id, "worker"}));
  std::vector<Task<Result<void>>> tasks;
  tasks.push_back(store().wait_for_job(Duration{30'000}));
  EXPECT_LT(time_together(std::move(tasks)), Duration{10'000});
}

// ---- leases that were lost ----

TEST_P(StoreContract, JobsOfALostLeaseMakeRoomAndTakeTheirTurn) {
  ASSERT_TRUE(
      commit(new_job("a0", 0, {}, "a"), new_job("a1", 0, {}, "a"), new_job("b0", 0, {}, "b")));
  ASSERT_EQ(keys(claim_many("lost", 2)), (Keys{"a0", "b0"}));
  EXPECT_EQ(claimed_key(9, {.per_group = 1, .total = 2}), "");
  EXPECT_EQ(counts(10).ready, 3u);
  EXPECT_EQ(counts(10).claimed, 0u);
  EXPECT_EQ(listed({.state = "claimed", .now = at(10)}), (Keys{"b0", "a0"}))
      << "until a claim notices";
  const auto again = claim_many("other", 5, 10, {.per_group = 1, .total = 2});
  EXPECT_EQ(keys(again), (Keys{"a0", "b0"}));
  EXPECT_EQ(again[0].attempt, 2u);
  EXPECT_EQ(again[1].lease_owner, "other");
  EXPECT_EQ(counts(10).claimed, 2u);
  EXPECT_EQ(counts(10).ready, 1u);
  EXPECT_EQ(code(commit(CompleteJob{again[0].id, "lost"})), ErrorCode::conflict);
}

// ---- a claim that goes with a commit ----

TEST_P(StoreContract, TheEndOfAJobAndTheClaimOfTheNextAreOneCall) {
  ASSERT_TRUE(commit(new_job("a"), new_job("b")));
  const auto first = claim("worker").value();
  const auto before = commit().value();
  const auto done = commit_and_claim({append("s", 0, 2), CompleteJob{first.id, "worker"}}).value();
  EXPECT_EQ(done.position, before + 2);
  ASSERT_EQ(keys(done.jobs), Keys{"b"});
  EXPECT_EQ(done.jobs[0].attempt, 1u);
  EXPECT_EQ(done.jobs[0].lease_owner, "worker");
  EXPECT_EQ(done.jobs[0].lease_until, at(10));
  EXPECT_EQ(done.jobs[0].state, "claimed");
  EXPECT_EQ(job("a").state, "completed");
  EXPECT_EQ(job("b").lease_owner, "worker");
  EXPECT_EQ(stream("s").size(), 2u);
}

TEST_P(StoreContract, AClaimSeesWhatItsOwnTransactionChanged) {
  const QueueLimits one{.per_group = 1, .total = 1};
  ASSERT_TRUE(commit(job_with_slots("a", {{"deploy", 1}}), job_with_slots("b", {{"deploy", 1}})));
  const auto first = claim("worker", 0, one).value();
  EXPECT_FALSE(claim("worker", 0, one));
  const auto second = commit_and_claim({CompleteJob{first.id, "worker"}}, one).value();
  ASSERT_EQ(keys(second.jobs), Keys{"b"}) << "the place and the slot that the first left";
  const auto third =
      commit_and_claim({CompleteJob{second.jobs[0].id, "worker"}, new_job("c", 5)}, one).value();
  EXPECT_EQ(keys(third.jobs), Keys{"c"}) << "a job of the same transaction";
}

TEST_P(StoreContract, ARefusedTransactionClaimsNothing) {
  ASSERT_TRUE(commit(new_job("a"), append("s", 0)));
  EXPECT_EQ(code(commit_and_claim({append("s", 0), new_job("b")})), ErrorCode::conflict);
  EXPECT_EQ(code(commit_and_claim({CompleteJob{job("a").id, "worker"}})), ErrorCode::conflict);
  EXPECT_EQ(job("a").attempt, 0u);
  EXPECT_EQ(claimed_keys(), Keys{"a"});
}

TEST_P(StoreContract, ACommitThatFindsNoJobIsCommitted) {
  ASSERT_TRUE(commit(new_job("a")));
  const auto only = claim("worker").value();
  const auto done = commit_and_claim({append("s", 0), CompleteJob{only.id, "worker"}}).value();
  EXPECT_TRUE(done.jobs.empty());
  EXPECT_EQ(job("a").state, "completed");
  EXPECT_EQ(stream("s").size(), 1u);
  ASSERT_TRUE(commit(new_job("b")));
  EXPECT_TRUE(run_task(store().wait_for_job(std::chrono::minutes(1))));
  EXPECT_EQ(claimed_key(), "b");
  reopen();
  EXPECT_EQ(job("a").state, "completed");
}

}  // namespace corral::ports::contract
