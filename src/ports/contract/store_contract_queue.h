// The queue.
#pragma once

#include "ports/contract/store_contract_events.h"
#include "ports/contract/store_fixture.h"

namespace corral::ports::contract {

TEST_P(StoreContract, AClaimedJobCarriesEverythingAndCountsItsAttempt) {
  auto change = new_job("k", 7, at(0), "project");
  change.payload = json::object{{"run", "r"}};
  change.max_attempts = 5;
  change.slots = {{"concurrency/deploy", 2}, {"a \"quoted\" é", 1}};
  const Time before = SystemClock::instance().now();
  ASSERT_TRUE(commit(change));
  const auto job = claim("worker", 1).value();
  EXPECT_NE(job.id, 0u);
  EXPECT_EQ(job.kind, "run");
  EXPECT_EQ(job.key, "k");
  EXPECT_EQ(job.group, "project");
  EXPECT_EQ(job.payload, change.payload);
  EXPECT_EQ(job.slots, change.slots);
  EXPECT_EQ(job.priority, 7);
  EXPECT_EQ(job.due, at(0));
  EXPECT_GE(job.created, before);
  EXPECT_LE(job.created, SystemClock::instance().now());
  EXPECT_EQ(job.attempt, 1u);
  EXPECT_EQ(job.max_attempts, 5u);
  EXPECT_EQ(job.lease_owner, "worker");
  EXPECT_EQ(job.lease_until, at(11));
  EXPECT_EQ(job.state, "claimed");
  EXPECT_FALSE(claim("worker", 1)) << "no job is claimed twice";
}

TEST_P(StoreContract, HigherPriorityGoesFirstThenDueTimeThenOrderOfEntry) {
  ASSERT_TRUE(commit(new_job("late", 0, at(-1)), new_job("early", 0, at(-5)),
                     new_job("first", 1, at(-3)), new_job("second", 1, at(-3)),
                     new_job("urgent", 9), new_job("least", -4, at(-9))));
  EXPECT_EQ(claimed_keys(), (Keys{"urgent", "first", "second", "early", "late", "least"}));
}

TEST_P(StoreContract, JobsDueAtOnceGoInOrderOfEntryBehindTheOnesThatAlreadyWait) {
  ASSERT_TRUE(commit(new_job("a")));
  ASSERT_TRUE(commit(new_job("waiting", 0, at(-1))));
  ASSERT_TRUE(commit(new_job("b"), new_job("c")));
  EXPECT_EQ(claimed_key(), "waiting");
  EXPECT_EQ(claimed_key(), "a");
  EXPECT_EQ(claimed_key(), "b");
  EXPECT_EQ(claimed_key(), "c");
}

TEST_P(StoreContract, ADelayedJobIsClaimedWhenItIsDueAndNotBefore) {
  ASSERT_TRUE(commit(new_job("later", 9, at(5)), new_job("now")));
  EXPECT_EQ(counts(0).delayed, 1u);
  EXPECT_EQ(job("later").state, "ready");
  EXPECT_EQ(claimed_key(0), "now");
  EXPECT_EQ(claimed_key(4), "");
  EXPECT_EQ(counts(5).ready, 1u);
  EXPECT_EQ(claimed_key(5), "later");
}

TEST_P(StoreContract, AKeyIsUniqueUntilItsJobIsFinished) {
  ASSERT_TRUE(commit(new_job("k", 1)));
  ASSERT_TRUE(commit(new_job("k", 5)));
  const auto job = claim("worker").value();
  EXPECT_EQ(job.priority, 1);
  ASSERT_TRUE(commit(new_job("k", 5)));
  EXPECT_FALSE(claim("worker"));
  ASSERT_TRUE(commit(CompleteJob{job.id, "worker"}, new_job("k", 5)))
      << "in one transaction with its end";
  const auto next = claim("worker").value();
  EXPECT_GT(next.id, job.id);
  EXPECT_EQ(next.priority, 5);
}

TEST_P(StoreContract, AJobNeedsAKindAKeyAndAnAttempt) {
  EXPECT_EQ(code(commit(new_job(""))), ErrorCode::invalid);
  auto kindless = new_job("k");
  kindless.kind.clear();
  EXPECT_EQ(code(commit(kindless)), ErrorCode::invalid);
  auto hopeless = new_job("k");
  hopeless.max_attempts = 0;
  EXPECT_EQ(code(commit(hopeless)), ErrorCode::invalid);
  EXPECT_EQ(code(commit(job_with_slots("k", {{"", 1}}))), ErrorCode::invalid);
  EXPECT_EQ(code(commit(job_with_slots("k", {{"never", 0}}))), ErrorCode::invalid);
  EXPECT_EQ(code(commit(job_with_slots("k", {{"twice", 1}, {"twice", 2}}))), ErrorCode::invalid);
  EXPECT_EQ(code(commit(job_with_slots("k", {{"1", 1}, {"2", 1}, {"3", 1}, {"4", 1}, {"5", 1}}))),
            ErrorCode::invalid);
  EXPECT_TRUE(commit(job_with_slots("k", {{"1", 1}, {"2", 1}, {"3", 1}, {"4", 1}})));
}

TEST_P(StoreContract, ACompletedJobIsFinishedForGood) {
  ASSERT_TRUE(commit(new_job("k")));
  const auto claimed = claim("worker").value();
  ASSERT_TRUE(commit(CompleteJob{claimed.id, "worker"}));
  EXPECT_EQ(job("k").state, "completed");
  EXPECT_EQ(job("k").lease_owner, "");
  EXPECT_EQ(code(commit(CompleteJob{claimed.id, "worker"})), ErrorCode::conflict);
  EXPECT_EQ(code(run_task(store().heartbeat(claimed.id, "worker", at(99)))), ErrorCode::conflict);
  EXPECT_EQ(code(commit(CompleteJob{claimed.id + 1000, "worker"})), ErrorCode::conflict);
  EXPECT_FALSE(claim("worker", 1000));
  EXPECT_EQ(counts().completed, 1u);
}

TEST_P(StoreContract, ALeaseThatRanOutPassesToTheNextAndTheStaleOwnerIsRefusedWhole) {
  ASSERT_TRUE(commit(new_job("k")));
  const auto first = claim("slow", 0).value();
  EXPECT_FALSE(claim("other", 9));
  const auto second = claim("other", 10).value();
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.attempt, 2u);
  EXPECT_EQ(code(commit(append("s", 0), CompleteJob{first.id, "slow"})), ErrorCode::conflict);
  EXPECT_EQ(code(commit(append("s", 0), ReleaseJob{first.id, "slow", {}, "late"})),
            ErrorCode::conflict);
  EXPECT_TRUE(stream("s").empty());
  EXPECT_EQ(code(run_task(store().heartbeat(first.id, "slow", at(99)))), ErrorCode::conflict);
  EXPECT_TRUE(commit(append("s", 0), CompleteJob{first.id, "other"}));
}

TEST_P(StoreContract, ALeaseThatRanOutUnnoticedIsStillItsOwners) {
  ASSERT_TRUE(commit(new_job("k")));
  const auto job = claim("slow", 0).value();
  ASSERT_TRUE(run_task(store().heartbeat(job.id, "slow", at(60))));
  EXPECT_TRUE(commit(CompleteJob{job.id, "slow"}));
}

TEST_P(StoreContract, AHeartbeatKeepsTheLease) {
  ASSERT_TRUE(commit(new_job("k")));
  const auto job = claim("worker", 0).value();
  ASSERT_TRUE(run_task(store().heartbeat(job.id, "worker", at(50))));
  EXPECT_FALSE(claim("other", 49));
  EXPECT_EQ(code(run_task(store().heartbeat(job.id, "other", at(99)))), ErrorCode::conflict);
  EXPECT_TRUE(claim("other", 50));
}

TEST_P(StoreContract, AReleasedJobComesBackWhenItIsDueWithItsAttemptAndError) {
  ASSERT_TRUE(commit(new_job("k")));
  const auto first = claim("worker", 0).value();
  ASSERT_TRUE(commit(ReleaseJob{first.id, "worker", at(30), "no network"}));
  EXPECT_EQ(job("k").state, "ready");
  EXPECT_EQ(job("k").lease_owner, "");
  EXPECT_EQ(job("k").error, "no network");
  EXPECT_EQ(counts(29).delayed, 1u);
  EXPECT_FALSE(claim("worker", 29));
  EXPECT_EQ(claim("worker", 30)->attempt, 2u);
}

TEST_P(StoreContract, AReleaseThatKeepsTheAttemptKeepsItsPlaceToo) {
  ASSERT_TRUE(commit(new_job("first")));
  ASSERT_TRUE(commit(new_job("second")));
  for (int i = 0; i < 5; ++i) {
    const auto job = claim("worker").value();
    EXPECT_EQ(job.key, "first");
    EXPECT_EQ(job.attempt, 1u);
    ASSERT_TRUE(commit(ReleaseJob{.id = job.id, .owner = "worker", .keep_attempt = true}));
  }
}

TEST_P(StoreContract, TheLastAttemptEndsInTheDeadLetters) {
  ASSERT_TRUE(commit(new_job("k")));
  for (int attempt = 1; attempt <= 3; ++attempt) {
    const auto job = claim("worker").value();
    EXPECT_EQ(job.attempt, static_cast<std::uint32_t>(attempt));
    ASSERT_TRUE(commit(ReleaseJob{job.id, "worker", {}, "broken " + std::to_string(attempt)}));
  }
  EXPECT_FALSE(claim("worker", 1000));
  EXPECT_EQ(job("k").state, "failed");
  EXPECT_EQ(job("k").error, "broken 3");
  EXPECT_EQ(counts().failed, 1u);
  ASSERT_TRUE(commit(new_job("k"))) << "a dead letter may be enqueued again";
  EXPECT_EQ(claim("worker")->attempt, 1u);
}

TEST_P(StoreContract, AnOwnerThatVanishesOnTheLastAttemptLeavesADeadLetter) {
  auto once = new_job("k");
  once.max_attempts = 1;
  ASSERT_TRUE(commit(once));
  ASSERT_TRUE(claim("worker", 0));
  EXPECT_FALSE(claim("other", 60));
  EXPECT_EQ(job("k").state, "failed");
  EXPECT_EQ(job("k").error, kLeaseRanOut);
}

TEST_P(StoreContract, TheTotalLimitHolds) {
  ASSERT_TRUE(commit(new_job("a", 0, {}, "1"), new_job("b", 0, {}, "2"), new_job("c", 0, {}, "3")));
  const QueueLimits limits{.per_group = 5, .total = 2};
  const auto first = claim("worker", 0, limits).value();
  ASSERT_TRUE(claim("worker", 0, limits));
  EXPECT_FALSE(claim("worker", 0, limits));
  ASSERT_TRUE(commit(CompleteJob{first.id, "worker"}));
  EXPECT_TRUE(claim("worker", 0, limits));
}

TEST_P(StoreContract, AFullGroupStepsAsideForOthers) {
  for (int i = 0; i < 200; ++i)
    ASSERT_TRUE(commit(new_job("busy-" + std::to_string(i), 5, {}, "busy")));
  ASSERT_TRUE(commit(new_job("calm-1", 0, {}, "calm"), new_job("calm-2", 1, {}, "quiet"),
                     new_job("lone", 0, {}, "")));
  const QueueLimits limits{.per_group = 2, .total = 100};
  EXPECT_EQ(claimed_key(0, limits), "busy-0");
  EXPECT_EQ(claimed_key(0, limits), "busy-1");
  EXPECT_EQ(claimed_key(0, limits), "calm-2");
  EXPECT_EQ(claimed_key(0, limits), "calm-1");
  EXPECT_EQ(claimed_key(0, limits), "lone");
  EXPECT_EQ(claimed_key(0, limits), "");
  ASSERT_TRUE(commit(CompleteJob{job("busy-0").id, "worker"}));
  EXPECT_EQ(claimed_key(0, limits), "busy-2");
  EXPECT_EQ(claimed_key(0, limits), "");
  EXPECT_EQ(claimed_key(10, limits), "busy-1")
      << "leases that ran out do not count, and go by their old place";
}

TEST_P(StoreContract, LeasesOfEarlierLivesCanBeEndedAtStart) {
  ASSERT_TRUE(commit(new_job("a"), new_job("b"), new_job("c")));
  ASSERT_TRUE(claim("a%_/old", 0));
  ASSERT_TRUE(claim("a%_/new", 0));
  ASSERT_TRUE(claim("a%_b/other", 0)) << "another server's, whose name is similar";
  ASSERT_TRUE(run_task(store().release_leases("a%_/", "a%_/new")));
  EXPECT_EQ(this->job("c").state, "claimed");
  const auto job = claim("a%_/new", 0).value();
  EXPECT_EQ(job.key, "a");
  EXPECT_EQ(job.attempt, 1u) << "a server that died is not the job's fault";
  EXPECT_EQ(this->job("b").state, "claimed");
  EXPECT_TRUE(run_task(store().release_leases("a%_/", "a%_/new"))) << "may be repeated";
  ASSERT_TRUE(run_task(store().release_leases("", "a%_/new")));
  EXPECT_EQ(claim("a%_/new", 0).value().key, "c") << "everybody else's";
}

TEST_P(StoreContract, FindsTheNewestJobOfAKey) {
  EXPECT_FALSE(run_task(store().find_job("k")).value());
  ASSERT_TRUE(commit(new_job("k", 1)));
  ASSERT_TRUE(commit(CompleteJob{claim("worker")->id, "worker"}));
  ASSERT_TRUE(commit(new_job("k", 2)));
  EXPECT_EQ(job("k").priority, 2);
}

TEST_P(StoreContract, CountsJobsByWhatTheyAreAtThatTime) {
  ASSERT_TRUE(commit(new_job("a"), new_job("b", -1), new_job("later", 0, at(100))));
  ASSERT_TRUE(claim("worker", 0));
  const auto now = counts(0);
  EXPECT_EQ(now.ready, 1u);
  EXPECT_EQ(now.delayed, 1u);
  EXPECT_EQ(now.claimed, 1u);
  const auto then = counts(200);
  EXPECT_EQ(then.ready, 3u);
  EXPECT_EQ(then.delayed, 0u);
  EXPECT_EQ(then.claimed, 0u);
}

TEST_P(StoreContract, TrimmingKeepsTheNewestFinishedJobs) {
  for (int i = 0; i < 6; ++i) {
    auto change = new_job("k" + std::to_string(i));
    change.max_attempts = 1;
    ASSERT_TRUE(commit(change));
    const auto job = claim("worker").value();
    if (i % 2 == 0)
      ASSERT_TRUE(commit(CompleteJob{job.id, "worker"}));
    else
      ASSERT_TRUE(commit(ReleaseJob{job.id, "worker", {}, "no"}));
  }
  ASSERT_TRUE(commit(new_job("open")));
  ASSERT_TRUE(run_task(store().trim_jobs(1, 2)));
  EXPECT_EQ(counts().completed, 1u);
  EXPECT_EQ(counts().failed, 2u);
  EXPECT_EQ(counts().ready, 1u);
  EXPECT_EQ(job("k4").state, "completed");
  EXPECT_EQ(job("k3").state, "failed");
  EXPECT_FALSE(run_task(store().find_job("k0")).value());
  EXPECT_FALSE(run_task(store().find_job("k1")).value());
}

TEST_P(StoreContract, IdsAreNotUsedAgainAfterTrimming) {
  ASSERT_TRUE(commit(new_job("a")));
  const auto first = claim("worker").value();
  ASSERT_TRUE(commit(CompleteJob{first.id, "worker"}));
  ASSERT_TRUE(run_task(store().trim_jobs(0, 0)));
  ASSERT_TRUE(commit(new_job("b")));
  EXPECT_GT(claim("worker")->id, first.id);
}

inline Task<Result<void>> enqueue_after(Store& store, Duration delay, NewJob job) {
  co_await SystemClock::instance().sleep(delay);
  Transaction transaction;
  transaction.changes.emplace_back(std::move(job));
  const auto done = co_await store.commit(std::move(transaction));
  if (!done) co_return std::unexpected(done.error());
  co_return Result<void>{};
}

TEST_P(StoreContract, AWorkerWaitsUntilAJobComes) {
  EXPECT_FALSE(claim("worker"));
  std::vector<Task<Result<void>>> tasks;
  tasks.push_back(store().wait_for_job(Duration{30'000}));
  tasks.push_back(enqueue_after(store(), Duration{20}, new_job("k")));
  EXPECT_LT(time_together(std::move(tasks)), Duration{10'000});
}

TEST_P(StoreContract, AJobThatCameBetweenAnEmptyClaimAndTheWaitIsNotMissed) {
  EXPECT_FALSE(claim("worker"));
  ASSERT_TRUE(commit(new_job("k")));
  std::vector<Task<Result<void>>> tasks;
  tasks.push_back(store().wait_for_job(Duration{30'000}));
  EXPECT_LT(time_together(std::move(tasks)), Duration{10'000});
}

TEST_P(StoreContract, AWaitForAJobEndsAtItsTimeout) {
  EXPECT_FALSE(claim("worker"));
  std::vector<Task<Result<void>>> tasks;
  tasks.push_back(store().wait_for_job(Duration{30}));
  EXPECT_GE(time_together(std::move(tasks)), Duration{29});
}

TEST_P(StoreContract, AWaitEndsWhenADelayOrALeaseRunsOut) {
  const Time now = SystemClock::instance().now();
  ASSERT_TRUE(commit(new_job("delayed", 0, now + Duration{60})));
  const auto claim_at = [&](Time when, Duration how_long) {
    return run_task(store().claim({.owner = "worker", .now = when, .lease = how_long}))
        .value()
        .size();
  };
  EXPECT_EQ(claim_at(now, lease), 0u);
  std::vector<Task<Result<void>>> tasks;
  tasks.push_back(store().wait_for_job(Duration{30'000}));
  EXPECT_LT(time_together(std::move(tasks)), Duration{10'000});

  const Time later = std::max(SystemClock::instance().now(), now + Duration{60});
  ASSERT_EQ(claim_at(later, Duration{60}), 1u);
  EXPECT_EQ(claim_at(later, lease), 0u);
  tasks.clear();
  tasks.push_back(store().wait_for_job(Duration{30'000}));
  EXPECT_LT(time_together(std::move(tasks)), Duration{10'000});
}

TEST_P(StoreContract, AFinishedJobWakesTheWorkerThatTheLimitHeldBack) {
  ASSERT_TRUE(commit(new_job("a"), new_job("b")));
  const auto job = claim("worker", 0, {.per_group = 1, .total = 1}).value();
  EXPECT_FALSE(claim("worker", 0, {.per_group = 1, .total = 1}));
  ASSERT_TRUE(commit(CompleteJob{job.id, "worker"}));
  std::vector<Task<Result<void>>> tasks;
  tasks.push_back(store().wait_for_job(Duration{30'000}));
  EXPECT_LT(time_together(std::move(tasks)), Duration{10'000});
}

}  // namespace corral::ports::contract
