// An adapter of ports::Store beside the fake, through the same random calls: both must answer
// alike. What nobody thought of as a case of the contract shows here. Needs corral_ports_fakes.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "ports/contract/run_task.h"
#include "ports/fakes/fake_clock.h"
#include "ports/fakes/fake_store.h"

namespace corral::ports::contract {

class StoreModelCheck {
 public:
  // `store` is empty and stamps by `clock`, which is advanced.
  StoreModelCheck(Store& store, fakes::FakeClock& clock, std::uint64_t seed)
      : store_(store), clock_(clock), model_(clock), random_(seed) {}

  // Stops at the first difference, which is a failure of the running test.
  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      SCOPED_TRACE(fmt::format("step {}", step));
      clock_.advance(Duration{1 + pick(1500)});
      if (pick(20) > 0) now_ = clock_.now();  // sometimes a caller's clock is behind
      one_call();
      compare_lists({.limit = 500});
      compare_counts();
    }
  }

 private:
  // Ids differ: an adapter may leave some out.
  struct Ids {
    std::uint64_t model = 0, store = 0;
    std::string owner;
  };

  std::int64_t pick(std::int64_t below) {
    return static_cast<std::int64_t>(random_.next() % static_cast<std::uint64_t>(below));
  }
  template <class... Choices>
  std::string any_of(Choices... choices) {
    const std::vector<std::string> all{choices...};
    return all[static_cast<std::size_t>(pick(static_cast<std::int64_t>(all.size())))];
  }
  std::string key() { return fmt::format("k{}", pick(14)); }
  std::string group() { return any_of("", "a", "b", "c"); }
  std::string owner() { return any_of("w0", "w1"); }
  std::string stream() { return any_of("run/1", "run/2", "project/1"); }

  static std::string describe(const Job& job) {
    std::string slots;
    for (const auto& slot : job.slots) slots += fmt::format("{}:{} ", slot.name, slot.limit);
    return fmt::format("{} {} '{}' [{}] {} p{} due {} created {} {}/{} '{}' {} {} '{}'", job.kind,
                       job.key, job.group, slots, json::serialize(job.payload), job.priority,
                       job.due.time_since_epoch().count(), job.created.time_since_epoch().count(),
                       job.attempt, job.max_attempts, job.lease_owner,
                       job.lease_until.time_since_epoch().count(), job.state, job.error);
  }
  static std::string describe(const Event& event) {
    return fmt::format("{} {} {} {} {} {} {} {} {} {}", event.position, event.stream, event.version,
                       event.type, json::serialize(event.data), event.origin.actor,
                       event.origin.cause, event.origin.correlation, event.origin.trace,
                       event.time.time_since_epoch().count());
  }
  static std::string describe(const StreamInfo& info) {
    return fmt::format("{} {}", info.name, info.version);
  }
  template <class T>
  static std::vector<std::string> describe(const std::vector<T>& all) {
    std::vector<std::string> texts;
    for (const auto& one : all) texts.push_back(describe(one));
    return texts;
  }

  template <class T>
  static std::string outcome(const Result<T>& result) {
    return result ? "ok" : fmt::format("error {}", static_cast<int>(result.error().code));
  }

  // Calls both. The same answers, or the same kind of refusal.
  template <class Ask>
  auto ask(Ask ask_one) {
    auto expected = run_task(ask_one(static_cast<Store&>(model_), true));
    auto got = run_task(ask_one(store_, false));
    EXPECT_EQ(outcome(got), outcome(expected));
    return std::pair(std::move(got), std::move(expected));
  }
  template <class Ask>
  void compare_texts(const char* what, Ask ask_one) {
    const auto [got, expected] = ask(std::move(ask_one));
    if (got && expected) {
      EXPECT_EQ(describe(*got), describe(*expected)) << what;
    }
  }

  void one_call() {
    switch (pick(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5: return commit();
      case 6:
      case 7:
      case 8:
      case 9: return pick(2) == 0 ? commit_and_claim() : claim();
      case 10: return heartbeat();
      case 11: return compare_lists(job_query());
      case 12: return read_events();
      case 13: return list_streams();
      case 14: return pick(4) == 0 ? end_leases() : claim();
      default: return pick(4) == 0 ? trim() : commit();
    }
  }

  // Of 1 to 3 changes: as the model takes them, and as the store does.
  std::pair<Transaction, Transaction> transactions() {
    std::pair<Transaction, Transaction> both;
    for (auto changes = 1 + pick(3); changes > 0; --changes) {
      auto [model, store] = change();
      both.first.changes.push_back(std::move(model));
      both.second.changes.push_back(std::move(store));
    }
    return both;
  }

  void commit() {
    const auto [for_model, for_store] = transactions();
    const auto [got, expected] =
        ask([&](Store& to, bool model) { return to.commit(model ? for_model : for_store); });
    if (got && expected) {
      EXPECT_EQ(*got, *expected);
    }
  }

  void commit_and_claim() {
    const auto [for_model, for_store] = transactions();
    const auto query = claim_query();
    const auto [got, expected] = ask([&](Store& to, bool model) {
      return to.commit_and_claim(model ? for_model : for_store, query);
    });
    if (!got || !expected) return;
    EXPECT_EQ(got->position, expected->position);
    note_claimed(got->jobs, expected->jobs, query);
  }

  static std::pair<Change, Change> same(const Change& change) { return {change, change}; }

  // As the model takes it, and as the store does.
  std::pair<Change, Change> change() {
    switch (pick(14)) {
      case 0:
      case 1:
      case 2:
      case 3: return same(new_job());
      case 4:
      case 5:
      case 6: {
        const auto job = claimed();
        return {CompleteJob{job.model, job.owner}, CompleteJob{job.store, job.owner}};
      }
      case 7:
      case 8: {
        const auto job = claimed();
        ReleaseJob release{.id = job.model,
                           .owner = job.owner,
                           .due = due(),
                           .error = "broken",
                           .keep_attempt = pick(4) == 0};
        auto other = release;
        other.id = job.store;
        return {release, other};
      }
      case 9: return same(WakeJob{key()});
      case 10: {
        const auto dead = any_job();
        return {RetryJob{dead.model}, RetryJob{dead.store}};
      }
      case 11: {
        const auto dead = any_job();
        return {DiscardJob{dead.model}, DiscardJob{dead.store}};
      }
      case 12: return same(PauseQueue{group(), pick(3) == 0});
      default: return same(append());
    }
  }

  Time due() {
    switch (pick(3)) {
      case 0: return Time{};
      case 1: return clock_.now() + Duration{pick(20'000)};
      default: return clock_.now() - Duration{pick(5'000)};
    }
  }

  NewJob new_job() {
    NewJob job{.kind = any_of("run", "run", "schedule"),
               .key = key(),
               .payload = pick(100),
               .priority = static_cast<int>(pick(3)) - 1,
               .due = due(),
               .max_attempts = static_cast<std::uint32_t>(1 + pick(2)),
               .group = group(),
               .slots = {}};
    if (pick(3) == 0) job.slots.push_back({"s0", static_cast<std::uint32_t>(1 + pick(2))});
    if (pick(4) == 0) job.slots.push_back({any_of("s1", "s2"), 1});
    return job;
  }

  Append append() {
    Append append{.stream = stream(), .expected_version = 0, .events = {}};
    append.expected_version =
        run_task(model_.read_stream(append.stream, 0, 100'000)).value().size();
    if (pick(5) == 0) ++append.expected_version;
    for (auto count = pick(4); count > 0; --count)
      append.events.push_back(
          {any_of("x", "y", "z"),
           pick(9),
           {.actor = owner(), .cause = key(), .correlation = "", .trace = "t"}});
    return append;
  }

  Ids claimed() {
    if (claimed_.empty()) return {1, 1, owner()};
    auto& job = claimed_[claimed_.size() - 1 -
                         static_cast<std::size_t>(pick(std::min<std::int64_t>(
                             8, static_cast<std::int64_t>(claimed_.size()))))];
    return pick(8) == 0 ? Ids{job.model, job.store, owner()} : job;
  }

  // Of all that there are, finished or not.
  Ids any_job() {
    const JobQuery query{.state =
                             pick(3) > 0 ? std::optional<std::string>("failed") : std::nullopt};
    const auto expected = run_task(model_.list_jobs(query)).value();
    const auto got = run_task(store_.list_jobs(query)).value();
    if (expected.empty() || got.size() != expected.size()) return {999'999, 999'999, ""};
    const auto at = static_cast<std::size_t>(pick(static_cast<std::int64_t>(expected.size())));
    return {expected[at].id, got[at].id, ""};
  }

  ClaimQuery claim_query() {
    return {.owner = owner(),
            .now = now_,
            .lease = Duration{1'000 + pick(8'000)},
            .limits = {.per_group = static_cast<std::uint32_t>(1 + pick(3)),
                       .total = static_cast<std::uint32_t>(2 + pick(6))},
            .most = static_cast<std::uint32_t>(pick(5))};
  }

  void claim() {
    const auto query = claim_query();
    const auto [got, expected] = ask([&](Store& of, bool) { return of.claim(query); });
    note_claimed(*got, *expected, query);
  }

  void note_claimed(const std::vector<Job>& got, const std::vector<Job>& expected,
                    const ClaimQuery& query) {
    ASSERT_EQ(describe(got), describe(expected));
    for (std::size_t i = 0; i < got.size(); ++i)
      claimed_.push_back({expected[i].id, got[i].id, query.owner});
  }

  void heartbeat() {
    const auto job = claimed();
    const Time until = clock_.now() + Duration{pick(9'000)};
    ask([&](Store& of, bool model) {
      return of.heartbeat(model ? job.model : job.store, job.owner, until);
    });
  }

  void end_leases() {
    const auto keep = owner();
    ask([&](Store& of, bool) { return of.release_leases(keep.substr(0, 1), keep); });
  }

  void trim() {
    ask([](Store& of, bool) { return of.trim_jobs(0, 0); });
  }

  JobQuery job_query() {
    JobQuery query{.now = now_, .limit = static_cast<std::uint32_t>(1 + pick(6))};
    if (pick(3) > 0)
      query.state = any_of("ready", "delayed", "delayed", "claimed", "completed", "failed");
    if (pick(3) == 0) query.kind = any_of("run", "schedule");
    if (pick(3) == 0) query.group = group();
    return query;
  }

  // All pages.
  void compare_lists(JobQuery query) {
    auto of_store = query;
    for (;;) {
      const auto [got, expected] =
          ask([&](Store& of, bool model) { return of.list_jobs(model ? query : of_store); });
      ASSERT_EQ(describe(*got), describe(*expected));
      if (expected->empty()) return;
      query.before_id = expected->back().id;
      of_store.before_id = got->back().id;
    }
  }

  void compare_counts() {
    const auto [got, expected] = ask([&](Store& of, bool) { return of.queue_counts(now_); });
    const auto text = [](const QueueCounts& counts) {
      std::string line =
          fmt::format("ready {} delayed {} claimed {} completed {} failed {} oldest {}",
                      counts.ready, counts.delayed, counts.claimed, counts.completed, counts.failed,
                      counts.oldest_due.value_or(Time{}).time_since_epoch().count());
      for (const auto& paused : counts.paused) line += fmt::format(" paused '{}'", paused);
      return line;
    };
    EXPECT_EQ(text(*got), text(*expected));
  }

  void read_events() {
    EventQuery query{.after_position = static_cast<std::uint64_t>(pick(100)),
                     .types = {},
                     .limit = static_cast<std::uint32_t>(pick(12))};
    for (auto types = pick(3); types > 0; --types) query.types.push_back(any_of("x", "y", "z"));
    if (pick(2) == 0) query.from = clock_.now() - Duration{pick(400'000)};
    if (pick(2) == 0) query.until = clock_.now() - Duration{pick(400'000)};
    compare_texts("events", [&](Store& of, bool) { return of.read_all(query); });
    const auto name = stream();
    compare_texts("stream", [&](Store& of, bool) { return of.read_stream(name, 2, 20); });
  }

  void list_streams() {
    const auto prefix = any_of("", "run/", "p", "x"), after = any_of("", "project/1", "run/1");
    const auto limit = static_cast<std::uint32_t>(pick(4));
    compare_texts("streams",
                  [&](Store& of, bool) { return of.list_streams(prefix, after, limit); });
  }

  Store& store_;
  fakes::FakeClock& clock_;
  fakes::FakeStore model_;
  SeededRandom random_;
  Time now_ = clock_.now();
  std::vector<Ids> claimed_;
};

}  // namespace corral::ports::contract
