// What every part of the store's contract suite uses.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "ports/contract/run_task.h"
#include "ports/store.h"

namespace corral::ports::contract {

struct StoreUnderTest {
  std::shared_ptr<Store> store;
  std::function<std::shared_ptr<Store>()>
      reopen;  // what the first one stood on, after that one is gone
};
// One adapter: `make` gives an empty store, on the system clock, with whatever it stands on.
struct StoreFactory {
  std::string name;
  std::function<StoreUnderTest()> make;
};
inline void PrintTo(const StoreFactory& factory, std::ostream* out) { *out << factory.name; }
inline std::string factory_name(const testing::TestParamInfo<StoreFactory>& info) {
  return info.param.name;
}

// Returns once the clock shows a later time than `time`: places in the queue are told apart by the
// millisecond.
inline void pass(Time time) {
  while (SystemClock::instance().now() <= time) std::this_thread::yield();
}

class StoreContract : public testing::TestWithParam<StoreFactory> {
 protected:
  void SetUp() override { made_ = GetParam().make(); }
  Store& store() { return *made_.store; }
  void reopen() {
    made_.store.reset();
    made_.store = made_.reopen();
  }

  // One transaction of the given changes.
  template <class... Changes>
  Result<std::uint64_t> commit(Changes... changes) {
    Transaction transaction;
    (transaction.changes.emplace_back(std::move(changes)), ...);
    return run_task(store().commit(std::move(transaction)));
  }
  Result<CommitAndClaim> commit_and_claim(std::vector<Change> changes,
                                          QueueLimits limits = {100, 100}) {
    return run_task(store().commit_and_claim(
        {std::move(changes)},
        {.owner = "worker", .now = at(0), .lease = lease, .limits = limits, .most = 1}));
  }
  std::vector<Event> stream(const std::string& name) {
    return run_task(store().read_stream(name, 0, 1000)).value();
  }
  std::optional<Document> get(const std::string& kind, const std::string& id) {
    return run_task(store().get(kind, id)).value();
  }
  std::vector<std::string> ids(DocumentQuery query) {
    std::vector<std::string> found;
    for (const auto& document : run_task(store().list(std::move(query))).value())
      found.push_back(document.id);
    return found;
  }
  std::vector<Job> claim_many(const std::string& owner, std::uint32_t most, int now_s = 0,
                              QueueLimits limits = {100, 100}) {
    return run_task(store().claim({.owner = owner,
                                   .now = at(now_s),
                                   .lease = lease,
                                   .limits = limits,
                                   .most = most}))
        .value();
  }
  std::optional<Job> claim(const std::string& owner, int now_s = 0,
                           QueueLimits limits = {100, 100}) {
    const auto jobs = claim_many(owner, 1, now_s, limits);
    EXPECT_LE(jobs.size(), 1u);
    return jobs.empty() ? std::nullopt : std::optional(jobs.front());
  }
  std::string claimed_key(int now_s = 0, QueueLimits limits = {100, 100}) {
    const auto job = claim("worker", now_s, limits);
    return job ? job->key : "";
  }
  using Keys = std::vector<std::string>;
  static Keys keys(const std::vector<Job>& jobs) {
    Keys found;
    for (const auto& job : jobs) found.push_back(job.key);
    return found;
  }
  // In the order in which they are claimed, each by a call of its own.
  Keys claimed_keys(int now_s = 0, QueueLimits limits = {100, 100}) {
    Keys order;
    for (auto key = claimed_key(now_s, limits); !key.empty(); key = claimed_key(now_s, limits))
      order.push_back(key);
    return order;
  }
  Keys listed(JobQuery query) {
    return keys(run_task(store().list_jobs(std::move(query))).value());
  }
  std::vector<Event> events(EventQuery query) {
    return run_task(store().read_all(std::move(query))).value();
  }
  Job job(const std::string& key) { return run_task(store().find_job(key)).value().value(); }
  QueueCounts counts(int now_s = 0) { return run_task(store().queue_counts(at(now_s))).value(); }

  // Queue tests pass their own times: seconds after a moment that is long past.
  static Time at(int seconds) {
    return Time{std::chrono::hours(24 * 365 * 30)} + std::chrono::seconds(seconds);
  }
  static constexpr Duration lease{10'000};

  static Append append(std::string name, std::uint64_t expected, int count = 1) {
    Append change{.stream = std::move(name), .expected_version = expected, .events = {}};
    for (int i = 0; i < count; ++i)
      change.events.push_back({"test.happened",
                               json::object{{"n", expected + static_cast<std::uint64_t>(i) + 1}},
                               {.actor = "user:test"}});
    return change;
  }
  static PutDocument put(std::string kind, std::string id,
                         std::optional<std::uint64_t> expected = std::nullopt) {
    return {.document = {.kind = std::move(kind),
                         .id = std::move(id),
                         .parent = "",
                         .state = "",
                         .name = "",
                         .body = {},
                         .created = {},
                         .updated = {}},
            .expected_version = expected};
  }
  static NewJob new_job(std::string key, int priority = 0, Time due = {}, std::string group = "g") {
    return {.kind = "run",
            .key = std::move(key),
            .payload = {},
            .priority = priority,
            .due = due,
            .group = std::move(group),
            .slots = {}};
  }
  static NewJob job_with_slots(std::string key, std::vector<Slot> slots, std::string group = "g") {
    auto job = new_job(std::move(key), 0, {}, std::move(group));
    job.slots = std::move(slots);
    return job;
  }
  static ErrorCode code(const auto& result) {
    return result ? ErrorCode::internal : result.error().code;
  }

 private:
  StoreUnderTest made_;
};

}  // namespace corral::ports::contract
