// What people do with the queue: look at it, pause it, wake a job, retry or discard a dead letter.
#pragma once

#include "base/clock.h"
#include "ports/contract/store_contract_events.h"
#include "ports/contract/store_fixture.h"

namespace corral::ports::contract {

// ---- pause ----

TEST_P(StoreContract, NothingOfAPausedGroupIsClaimedUntilItIsUnpaused) {
  ASSERT_TRUE(commit(new_job("a0", 9, {}, "a"), new_job("a1", 9, {}, "a"),
                     new_job("a2", 9, at(3), "a"), new_job("b0", 0, {}, "b")));
  const auto running = claim("worker").value();
  ASSERT_TRUE(commit(PauseQueue{.group = "a"}, PauseQueue{.group = "unheard of"}));
  ASSERT_TRUE(commit(PauseQueue{.group = "a"}, new_job("a3", 9, {}, "a"),
                     new_job("u0", 9, {}, "unheard of")));
  EXPECT_EQ(counts().paused, (Keys{"a", "unheard of"}));
  EXPECT_EQ(claimed_keys(5), (Keys{"b0"}));
  EXPECT_EQ(counts(5).ready, 4u);
  ASSERT_TRUE(commit(CompleteJob{running.id, "worker"})) << "what is claimed goes on";
  EXPECT_EQ(claimed_keys(5), (Keys{}));
  ASSERT_TRUE(commit(PauseQueue{.group = "a", .paused = false}));
  EXPECT_EQ(counts().paused, (Keys{"unheard of"}));
  EXPECT_EQ(claimed_keys(5), (Keys{"a2", "a1", "a3"}));
  ASSERT_TRUE(commit(PauseQueue{.group = "a", .paused = false},
                     PauseQueue{.group = "unheard of", .paused = false}));
  EXPECT_EQ(claimed_keys(5), (Keys{"u0"}));
  EXPECT_EQ(counts().paused, (Keys{}));
}

TEST_P(StoreContract, EverythingCanBePaused) {
  ASSERT_TRUE(commit(new_job("a", 0, {}, "a"), new_job("lone", 0, {}, "")));
  ASSERT_TRUE(commit(PauseQueue{.group = ""}, PauseQueue{.group = "a"}));
  EXPECT_EQ(counts().paused, (Keys{"", "a"}));
  EXPECT_TRUE(claim_many("worker", 5).empty());
  ASSERT_TRUE(commit(new_job("b", 0, {}, "b"), PauseQueue{.group = "", .paused = false}));
  EXPECT_EQ(counts().paused, (Keys{"a"})) << "a group's own pause is another";
  EXPECT_EQ(claimed_keys(), (Keys{"lone", "b"}));
}

TEST_P(StoreContract, APauseOutlivesAReopening) {
  ASSERT_TRUE(commit(new_job("a", 0, {}, "a"), new_job("b", 0, {}, "b"), PauseQueue{.group = "a"}));
  reopen();
  EXPECT_EQ(counts().paused, (Keys{"a"}));
  EXPECT_EQ(claimed_keys(), (Keys{"b"}));
  ASSERT_TRUE(commit(PauseQueue{.group = ""}, PauseQueue{.group = "a", .paused = false}));
  reopen();
  EXPECT_EQ(counts().paused, (Keys{""}));
  EXPECT_EQ(claimed_keys(), (Keys{}));
  ASSERT_TRUE(commit(PauseQueue{.group = "", .paused = false}));
  EXPECT_EQ(claimed_keys(), (Keys{"a"}));
}

TEST_P(StoreContract, AJobWhoseLeaseRanOutInAPausedGroupWaits) {
  ASSERT_TRUE(commit(new_job("k")));
  ASSERT_TRUE(claim("lost"));
  ASSERT_TRUE(commit(PauseQueue{.group = "g"}));
  EXPECT_FALSE(claim("worker", 20));
  EXPECT_EQ(job("k").state, "ready");
  ASSERT_TRUE(commit(PauseQueue{.group = "g", .paused = false}));
  EXPECT_EQ(claim("worker", 20)->attempt, 2u);
}

TEST_P(StoreContract, APauseIsUndoneWithItsTransaction) {
  ASSERT_TRUE(commit(new_job("a", 0, {}, "a"), new_job("b", 0, {}, "b"), PauseQueue{.group = "b"}));
  EXPECT_EQ(code(commit(PauseQueue{.group = "a"}, PauseQueue{.group = "b", .paused = false},
                        append("s", 5, 0))),
            ErrorCode::conflict);
  EXPECT_EQ(counts().paused, (Keys{"b"}));
  EXPECT_EQ(claimed_keys(), (Keys{"a"}));
}

TEST_P(StoreContract, TheEndOfAPauseWakesWorkers) {
  ASSERT_TRUE(commit(new_job("k"), PauseQueue{.group = ""}));
  EXPECT_FALSE(claim("worker"));
  ASSERT_TRUE(commit(PauseQueue{.group = "", .paused = false}));
  std::vector<Task<Result<void>>> tasks;
  tasks.push_back(store().wait_for_job(Duration{30'000}));
  EXPECT_LT(time_together(std::move(tasks)), Duration{10'000});
}

// ---- wake ----

TEST_P(StoreContract, ADelayedJobCanBeWokenBehindWhatIsAlreadyWaiting) {
  const Time now = SystemClock::instance().now(), hour = now + std::chrono::hours(1);
  ASSERT_TRUE(commit(new_job("woken", 0, hour), new_job("left", 0, hour), new_job("waiting")));
  const auto claim_keys = [&](std::uint32_t most) {
    return keys(run_task(store().claim({.owner = "w",
                                        .now = SystemClock::instance().now(),
                                        .lease = std::chrono::hours(2),
                                        .limits = {100, 100},
                                        .most = most}))
                    .value());
  };
  pass(job("waiting").created);
  ASSERT_TRUE(commit(WakeJob{"woken"}));
  EXPECT_LE(job("woken").due, SystemClock::instance().now());
  EXPECT_EQ(job("left").due, hour);
  EXPECT_EQ(run_task(store().queue_counts(now)).value().delayed, 1u);
  EXPECT_EQ(claim_keys(10), (Keys{"waiting", "woken"}));
  // One that was released for later, too.
  ASSERT_TRUE(commit(ReleaseJob{job("woken").id, "w", hour, "again"}));
  EXPECT_EQ(claim_keys(10), (Keys{}));
  ASSERT_TRUE(commit(WakeJob{"woken"}));
  EXPECT_EQ(job("woken").error, "again");
  EXPECT_EQ(claim_keys(10), (Keys{"woken"}));
  EXPECT_EQ(job("woken").attempt, 2u);
}

TEST_P(StoreContract, WakingAnyOtherJobDoesNothing) {
  ASSERT_TRUE(commit(new_job("done")));
  ASSERT_TRUE(commit(CompleteJob{claim("worker")->id, "worker"}));
  ASSERT_TRUE(commit(new_job("claimed")));
  ASSERT_TRUE(claim("worker"));
  ASSERT_TRUE(commit(new_job("first"), new_job("second")));
  pass(job("second").created);
  ASSERT_TRUE(commit(WakeJob{"first"}, WakeJob{"claimed"}, WakeJob{"done"}, WakeJob{"unheard of"}));
  EXPECT_EQ(job("claimed").state, "claimed");
  EXPECT_EQ(job("done").state, "completed");
  EXPECT_EQ(claimed_keys(), (Keys{"first", "second"})) << "it keeps its place";
}

TEST_P(StoreContract, AWokenJobWakesAWorker) {
  const Time now = SystemClock::instance().now();
  ASSERT_TRUE(commit(new_job("k", 0, now + std::chrono::hours(1))));
  EXPECT_TRUE(run_task(store().claim({.owner = "w", .now = now, .lease = lease})).value().empty());
  ASSERT_TRUE(commit(WakeJob{"k"}));
  std::vector<Task<Result<void>>> tasks;
  tasks.push_back(store().wait_for_job(Duration{30'000}));
  EXPECT_LT(time_together(std::move(tasks)), Duration{10'000});
}

// ---- dead letters ----

inline NewJob hopeless(std::string key, std::string group = "g") {
  return {.kind = "run",
          .key = std::move(key),
          .payload = {},
          .max_attempts = 1,
          .group = std::move(group),
          .slots = {}};
}

TEST_P(StoreContract, ADeadLetterCanBeRetriedWithAllItsAttempts) {
  auto twice = hopeless("dead");
  twice.max_attempts = 2;
  twice.payload = json::object{{"run", "r"}};
  twice.slots = {{"s", 1}};
  ASSERT_TRUE(commit(twice));
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(commit(ReleaseJob{claim("worker")->id, "worker", {}, "broken"}));
  const auto dead = job("dead");
  ASSERT_EQ(dead.state, "failed");
  EXPECT_EQ(listed({.state = "failed"}), (Keys{"dead"}));
  ASSERT_TRUE(commit(new_job("waiting")));
  pass(job("waiting").created);
  ASSERT_TRUE(commit(RetryJob{dead.id}));
  EXPECT_EQ(job("dead").state, "ready");
  EXPECT_EQ(job("dead").attempt, 0u);
  EXPECT_EQ(job("dead").error, "broken");
  EXPECT_EQ(counts().failed, 0u);
  EXPECT_EQ(counts().ready, 2u);
  EXPECT_EQ(listed({.state = "failed"}), (Keys{}));
  ASSERT_TRUE(run_task(store().trim_jobs(0, 0)));
  EXPECT_EQ(claimed_key(), "waiting");
  const auto again = claim("worker").value();
  EXPECT_EQ(again.id, dead.id);
  EXPECT_EQ(again.attempt, 1u);
  EXPECT_EQ(again.payload, twice.payload);
  EXPECT_EQ(again.slots, twice.slots);
  ASSERT_TRUE(commit(ReleaseJob{again.id, "worker", {}, "still"}));
  EXPECT_EQ(job("dead").state, "ready") << "one attempt is left";
}

TEST_P(StoreContract, ADeadLetterCanBeDiscarded) {
  ASSERT_TRUE(commit(hopeless("dead")));
  const auto id = claim("worker")->id;
  ASSERT_TRUE(commit(ReleaseJob{id, "worker", {}, "broken"}));
  EXPECT_EQ(code(commit(DiscardJob{id}, append("s", 3, 0))), ErrorCode::conflict);
  EXPECT_EQ(job("dead").state, "failed") << "undone with its transaction";
  ASSERT_TRUE(commit(DiscardJob{id}));
  EXPECT_FALSE(run_task(store().find_job("dead")).value());
  EXPECT_EQ(counts().failed, 0u);
  EXPECT_EQ(code(commit(DiscardJob{id})), ErrorCode::not_found);
  EXPECT_EQ(code(commit(RetryJob{id})), ErrorCode::not_found);
}

TEST_P(StoreContract, OnlyDeadLettersAreRetriedOrDiscarded) {
  ASSERT_TRUE(commit(new_job("k")));
  const auto id = job("k").id;
  const auto refused = [&] {
    return code(commit(RetryJob{id})) == ErrorCode::conflict &&
           code(commit(DiscardJob{id})) == ErrorCode::conflict;
  };
  EXPECT_TRUE(refused()) << "ready";
  ASSERT_TRUE(claim("worker"));
  EXPECT_TRUE(refused()) << "claimed";
  ASSERT_TRUE(commit(CompleteJob{id, "worker"}));
  EXPECT_TRUE(refused()) << "completed";
  EXPECT_EQ(job("k").state, "completed");
}

TEST_P(StoreContract, ADeadLetterIsNotRetriedBesideAnotherJobOfItsKey) {
  ASSERT_TRUE(commit(hopeless("k")));
  const auto dead = claim("worker").value();
  ASSERT_TRUE(commit(ReleaseJob{dead.id, "worker", {}, "broken"}));
  ASSERT_TRUE(commit(hopeless("k")));
  EXPECT_EQ(code(commit(RetryJob{dead.id})), ErrorCode::conflict);
  const auto second = claim("worker").value();
  EXPECT_EQ(code(commit(RetryJob{dead.id})), ErrorCode::conflict);
  ASSERT_TRUE(commit(CompleteJob{second.id, "worker"}));
  EXPECT_TRUE(commit(RetryJob{dead.id}));
  EXPECT_EQ(code(commit(RetryJob{dead.id})), ErrorCode::conflict)
      << "it is no dead letter any more";
}

TEST_P(StoreContract, ARetriedJobWakesAWorker) {
  ASSERT_TRUE(commit(hopeless("k")));
  const auto dead = claim("worker").value();
  ASSERT_TRUE(commit(ReleaseJob{dead.id, "worker", {}, "broken"}));
  EXPECT_FALSE(claim("worker"));
  ASSERT_TRUE(commit(RetryJob{dead.id}));
  std::vector<Task<Result<void>>> tasks;
  tasks.push_back(store().wait_for_job(Duration{30'000}));
  EXPECT_LT(time_together(std::move(tasks)), Duration{10'000});
}

// ---- lists and counts ----

TEST_P(StoreContract, JobsAreListedNewestFirstAndFiltered) {
  auto schedule = new_job("schedule", 0, at(50), "b");
  schedule.kind = "schedule";
  ASSERT_TRUE(commit(new_job("done", 9, {}, "a"), hopeless("dead", "b"),
                     new_job("ready", 0, {}, "a"), new_job("later", 0, at(40), "a"), schedule,
                     new_job("held", 1, {}, "c")));
  ASSERT_TRUE(commit(CompleteJob{claim("worker")->id, "worker"}));
  ASSERT_EQ(claimed_key(), "held");
  ASSERT_EQ(claimed_key(), "dead");
  ASSERT_TRUE(commit(ReleaseJob{job("dead").id, "worker", {}, "broken"}));
  const Time now = at(45);
  EXPECT_EQ(listed({.now = now}), (Keys{"held", "schedule", "later", "ready", "dead", "done"}));
  EXPECT_EQ(listed({.state = "ready", .now = now}), (Keys{"schedule", "later", "ready"}));
  EXPECT_EQ(listed({.state = "delayed", .now = now}), (Keys{"schedule"}));
  EXPECT_EQ(listed({.state = "delayed", .now = at(0)}), (Keys{"schedule", "later"}));
  EXPECT_EQ(listed({.state = "delayed", .group = "a", .now = at(0)}), (Keys{"later"}));
  EXPECT_EQ(listed({.state = "claimed", .now = at(0)}), (Keys{"held"}));
  EXPECT_EQ(listed({.state = "completed"}), (Keys{"done"}));
  EXPECT_EQ(listed({.state = "failed"}), (Keys{"dead"}));
  EXPECT_EQ(listed({.state = "strange"}), (Keys{}));
  EXPECT_EQ(listed({.kind = "run"}), (Keys{"held", "later", "ready", "dead", "done"}));
  EXPECT_EQ(listed({.kind = "schedule"}), (Keys{"schedule"}));
  EXPECT_EQ(listed({.group = "a"}), (Keys{"later", "ready", "done"}));
  EXPECT_EQ(listed({.kind = "run", .group = "b"}), (Keys{"dead"}));
  EXPECT_EQ(listed({.state = "ready", .kind = "schedule", .group = "b"}), (Keys{"schedule"}));
  EXPECT_EQ(listed({.state = "ready", .kind = "schedule", .group = "a"}), (Keys{}));
  const auto failed = run_task(store().list_jobs({.state = "failed"})).value().at(0);
  EXPECT_EQ(failed.error, "broken");
  EXPECT_EQ(failed.group, "b");
  EXPECT_EQ(failed.attempt, 1u);
}

TEST_P(StoreContract, PagesOfJobsFollowTheIdWithoutGapOrRepeat) {
  const Time hour = SystemClock::instance().now() + std::chrono::hours(1);
  Transaction transaction;
  for (int i = 0; i < 600; ++i) {
    auto job = new_job(std::to_string(i), 0,
                       i % 2 == 0   ? at(-1)
                       : i % 4 == 1 ? at(30)
                                    : hour,
                       i % 3 == 0 ? "third" : "g");
    job.max_attempts = 1;
    transaction.changes.emplace_back(std::move(job));
  }
  ASSERT_TRUE(run_task(store().commit(std::move(transaction))));
  const auto claimed = claim_many("worker", 50);
  ASSERT_EQ(claimed.size(), 50u);
  for (std::size_t i = 0; i < 20; ++i) ASSERT_TRUE(commit(CompleteJob{claimed[i].id, "worker"}));
  for (std::size_t i = 20; i < 30; ++i)
    ASSERT_TRUE(commit(ReleaseJob{claimed[i].id, "worker", {}, "broken"}));
  const auto pages = [&](JobQuery query) {
    Keys seen;
    query.limit = 7;
    query.now = at(0);
    for (;;) {
      const auto page = run_task(store().list_jobs(query)).value();
      EXPECT_LE(page.size(), 7u);
      if (page.empty()) return seen;
      for (const auto& job : page) seen.push_back(job.key);
      query.before_id = page.back().id;
    }
  };
  const auto expect_sorted = [](const Keys& found, std::size_t count) {
    EXPECT_EQ(found.size(), count);
    for (std::size_t i = 1; i < found.size(); ++i)
      EXPECT_GT(std::stoi(found[i - 1]), std::stoi(found[i]));
  };
  expect_sorted(pages({}), 600);
  expect_sorted(pages({.state = "ready"}), 550);
  expect_sorted(pages({.state = "claimed"}), 20);
  expect_sorted(pages({.state = "completed"}), 20);
  expect_sorted(pages({.state = "failed"}), 10);
  expect_sorted(pages({.state = "failed", .kind = "run", .group = "third"}), 5);
  expect_sorted(pages({.kind = "schedule"}), 0);
  expect_sorted(pages({.kind = "run"}), 600);
  expect_sorted(pages({.state = "delayed"}), 300);
  expect_sorted(pages({.group = "third"}), 200);
  expect_sorted(pages({.state = "delayed", .kind = "run", .group = "third"}), 100);
  EXPECT_EQ(listed({.limit = 100'000}).size(), kMaxListLimit);
  EXPECT_EQ(listed({.limit = 0}).size(), 0u);
}

TEST_P(StoreContract, TheOldestReadyJobSaysHowLongTheQueueLetsWait) {
  EXPECT_FALSE(counts().oldest_due);
  ASSERT_TRUE(
      commit(new_job("a", 9, at(-7)), new_job("b", 0, at(-3)), new_job("later", 0, at(40))));
  EXPECT_EQ(counts(0).oldest_due, at(-7));
  ASSERT_EQ(claimed_key(), "a");
  EXPECT_EQ(counts(0).oldest_due, at(-3));
  ASSERT_EQ(claimed_key(), "b");
  EXPECT_FALSE(counts(0).oldest_due);
  EXPECT_EQ(counts(20).oldest_due, at(-7)) << "its lease ran out";
  ASSERT_TRUE(commit(CompleteJob{job("a").id, "worker"}, CompleteJob{job("b").id, "worker"}));
  EXPECT_FALSE(counts(39).oldest_due);
  EXPECT_EQ(counts(45).oldest_due, at(40));
  ASSERT_EQ(claimed_key(45), "later");
  const Time before = SystemClock::instance().now();
  ASSERT_TRUE(commit(new_job("now")));
  EXPECT_GE(counts(46).oldest_due.value(), before);
}

}  // namespace corral::ports::contract
