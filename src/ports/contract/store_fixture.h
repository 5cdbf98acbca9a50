// What every part of the store's contract suite uses.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "ports/contract/run_task.h"
#include "ports/store.h"

namespace corral::ports::contract {

// One adapter: `make` gives an empty store, on the system clock, with whatever it stands on.
struct StoreFactory {
  std::string name;
  std::function<std::shared_ptr<Store>()> make;
};
inline void PrintTo(const StoreFactory& factory, std::ostream* out) { *out << factory.name; }
inline std::string factory_name(const testing::TestParamInfo<StoreFactory>& info) { return info.param.name; }

class StoreContract : public testing::TestWithParam<StoreFactory> {
 protected:
  void SetUp() override { store_ = GetParam().make(); }
  Store& store() { return *store_; }

  // One transaction of the given changes.
  template <class... Changes>
  Result<std::uint64_t> commit(Changes... changes) {
    Transaction transaction;
    (transaction.changes.emplace_back(std::move(changes)), ...);
    return run_task(store().commit(std::move(transaction)));
  }
  std::vector<Event> stream(const std::string& name) { return run_task(store().read_stream(name, 0, 1000)).value(); }
  std::optional<Document> get(const std::string& kind, const std::string& id) { return run_task(store().get(kind, id)).value(); }
  std::vector<std::string> ids(DocumentQuery query) {
    std::vector<std::string> found;
    for (const auto& document : run_task(store().list(std::move(query))).value()) found.push_back(document.id);
    return found;
  }
  std::optional<Job> claim(const std::string& owner, int now_s = 0, QueueLimits limits = {100, 100}) {
    return run_task(store().claim(owner, at(now_s), lease, limits)).value();
  }
  std::string claimed_key(int now_s = 0, QueueLimits limits = {100, 100}) {
    const auto job = claim("worker", now_s, limits);
    return job ? job->key : "";
  }
  Job job(const std::string& key) { return run_task(store().find_job(key)).value().value(); }
  QueueCounts counts(int now_s = 0) { return run_task(store().queue_counts(at(now_s))).value(); }

  // Queue tests pass their own times: seconds after a moment that is long past.
  static Time at(int seconds) { return Time{std::chrono::hours(24 * 365 * 30)} + std::chrono::seconds(seconds); }
  static constexpr Duration lease{10'000};

  static Append append(std::string name, std::uint64_t expected, int count = 1) {
    Append change{.stream = std::move(name), .expected_version = expected, .events = {}};
    for (int i = 0; i < count; ++i)
      change.events.push_back({"test.happened", json::object{{"n", expected + static_cast<std::uint64_t>(i) + 1}}, "user:test"});
    return change;
  }
  static PutDocument put(std::string kind, std::string id, std::optional<std::uint64_t> expected = std::nullopt) {
    return {.document = {.kind = std::move(kind), .id = std::move(id), .parent = "", .state = "", .name = "", .body = {}, .created = {}, .updated = {}},
            .expected_version = expected};
  }
  static NewJob new_job(std::string key, int priority = 0, Time due = {}, std::string group = "g") {
    return {.kind = "run", .key = std::move(key), .payload = {}, .priority = priority, .due = due, .group = std::move(group)};
  }
  static ErrorCode code(const auto& result) { return result ? ErrorCode::internal : result.error().code; }

 private:
  std::shared_ptr<Store> store_;
};

}  // namespace corral::ports::contract
