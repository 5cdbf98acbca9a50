// Loading a long run reads its last snapshot and what came after it.
#include "engine/run_snapshot.h"

#include "engine/rebuild.h"
#include "engine/run_repository.h"
#include "engine/testing/engine_fixture.h"

namespace corral::engine {
namespace {

// Counts the events that are read of streams.
class CountingStore final : public ports::Store {
 public:
  explicit CountingStore(ports::Store& store) : store_(store) {}
  std::uint64_t events_read = 0;

  Task<Result<std::vector<ports::Event>>> read_stream(std::string stream, std::uint64_t after,
                                                      std::uint32_t limit) override {
    auto events = co_await store_.read_stream(std::move(stream), after, limit);
    if (events) events_read += events->size();
    co_return events;
  }
  Task<Result<std::uint64_t>> commit(ports::Transaction transaction) override {
    return store_.commit(std::move(transaction));
  }
  Task<Result<std::vector<ports::Event>>> read_all(ports::EventQuery query) override {
    return store_.read_all(std::move(query));
  }
  Task<Result<std::vector<ports::StreamInfo>>> list_streams(std::string prefix, std::string after,
                                                            std::uint32_t limit) override {
    return store_.list_streams(std::move(prefix), std::move(after), limit);
  }
  Task<Result<void>> wait_after(std::uint64_t position, Duration timeout) override {
    return store_.wait_after(position, timeout);
  }
  Task<Result<std::optional<ports::Document>>> get(std::string kind, std::string id) override {
    return store_.get(std::move(kind), std::move(id));
  }
  Task<Result<std::vector<ports::Document>>> list(ports::DocumentQuery query) override {
    return store_.list(std::move(query));
  }
  Task<Result<std::vector<ports::Job>>> claim(ports::ClaimQuery query) override {
    return store_.claim(std::move(query));
  }
  Task<Result<void>> heartbeat(std::uint64_t job, std::string owner, Time until) override {
    return store_.heartbeat(job, std::move(owner), until);
  }
  Task<Result<ports::CommitAndClaim>> commit_and_claim(ports::Transaction transaction,
                                                       ports::ClaimQuery query) override {
    return store_.commit_and_claim(std::move(transaction), std::move(query));
  }
  Task<Result<void>> release_leases(std::string family, std::string except) override {
    return store_.release_leases(std::move(family), std::move(except));
  }
  Task<Result<std::optional<ports::Job>>> find_job(std::string key) override {
    return store_.find_job(std::move(key));
  }
  Task<Result<std::vector<ports::Job>>> list_jobs(ports::JobQuery query) override {
    return store_.list_jobs(std::move(query));
  }
  Task<Result<ports::QueueCounts>> queue_counts(Time now) override {
    return store_.queue_counts(now);
  }
  Task<Result<void>> trim_jobs(std::uint32_t completed, std::uint32_t failed) override {
    return store_.trim_jobs(completed, failed);
  }
  Task<Result<void>> wait_for_job(Duration timeout) override {
    return store_.wait_for_job(timeout);
  }

 private:
  ports::Store& store_;
};

struct SnapshotTest : testing::EngineTest {
  void SetUp() override {
    EngineTest::SetUp();
    boot();
    id = h.start("hang");
    run_until_agent(id);
    // Events up to the last one before a snapshot is due, at once; the engine does the rest.
    ports::Append past{.stream = run_stream(id), .expected_version = h.events(id).size()};
    const domain::Event called{h.clock.now(), domain::ModelCalled{.model = "m"}};
    while (past.expected_version + past.events.size() < 2 * kSnapshotEvery - 1)
      past.events.push_back({std::string(domain::type_of(called.body)),
                             domain::data_of(called),
                             {.actor = "gateway"}});
    ports::Transaction transaction;
    transaction.changes.emplace_back(std::move(past));
    ASSERT_TRUE(h.call(h.store.commit(std::move(transaction))));
    for (int i = 0; i < 10; ++i)
      ASSERT_TRUE(h.call(h.engine().record_model_call(id, {.model = "m", .input_tokens = 1})));
  }
  std::uint64_t snapshot_version() {
    const auto kept = h.call(h.store.get(std::string(kSnapshotKind), id.to_string())).value();
    return kept ? static_cast<std::uint64_t>(find_int(kept->body, {"version"})) : 0;
  }
  void change_snapshot(std::function<void(json::object&)> how) {
    auto kept = *h.call(h.store.get(std::string(kSnapshotKind), id.to_string())).value();
    how(kept.body.as_object());
    ports::Transaction transaction;
    transaction.changes.emplace_back(ports::PutDocument{std::move(kept), {}});
    ASSERT_TRUE(h.call(h.store.commit(std::move(transaction))));
  }
  // By a process that knows nothing of the run.
  domain::Run load() {
    RunRepository fresh(counting, h.clock);
    counting.events_read = 0;
    return h.call(fresh.load(id)).value();
  }
  std::string folded() {
    RunRepository fresh(h.store, h.clock);
    return json::serialize(domain::to_json(h.call(fresh.fold(id)).value()));
  }
  CountingStore counting{h.store};
  RunId id;
};

TEST_F(SnapshotTest, OnlyEventsAfterTheLastOneAreRead) {
  ASSERT_EQ(snapshot_version(), 2 * kSnapshotEvery);
  const auto run = load();
  EXPECT_GT(run.version, snapshot_version());
  EXPECT_EQ(counting.events_read, run.version - snapshot_version());
  EXPECT_LT(counting.events_read, kSnapshotEvery);
  EXPECT_EQ(json::serialize(domain::to_json(run)), folded());
}

TEST_F(SnapshotTest, TimeTravelBeginsAtOneBelowAndFoldsWhatIsBefore) {
  RunRepository fresh(counting, h.clock);
  for (const auto version : {snapshot_version() + 3, snapshot_version() - 1}) {
    counting.events_read = 0;
    const auto then = h.call(fresh.load_at(id, version)).value();
    EXPECT_EQ(then.version, version);
    EXPECT_EQ(counting.events_read, version > snapshot_version() ? 3 : version);
    EXPECT_EQ(json::serialize(domain::to_json(then)),
              json::serialize(domain::to_json(h.call(fresh.fold(id, version)).value())));
  }
  EXPECT_EQ(h.call(fresh.load_at(id, 10'000)).error().code, ErrorCode::invalid);
}

TEST_F(SnapshotTest, OneThatCannotBeUsedIsIgnored) {
  const auto expected = folded();
  const std::vector<std::function<void(json::object&)>> damages{
      [](json::object& body) { body["schema"] = "0-of-another-program"; },
      [](json::object& body) {
        body["schema"] = domain::state_schema();
        body["run"].as_object()["status"] = 7;
      },
      [](json::object& body) { body["run"] = "gone"; }, [](json::object& body) { body.clear(); }};
  for (const auto& damage : damages) {
    change_snapshot(damage);
    const auto run = load();
    EXPECT_EQ(counting.events_read, run.version);
    EXPECT_EQ(json::serialize(domain::to_json(run)), expected);
  }
}

TEST_F(SnapshotTest, ARepairWritesOneOfALongRunAnew) {
  change_snapshot([](json::object& body) { body["run"].as_object()["summary"] = "never said"; });
  const auto rebuild = [&](Rebuild mode) {
    return h.call(rebuild_read_models(h.store, mode, [](std::uint64_t) {})).value();
  };
  EXPECT_EQ(rebuild(Rebuild::check).changed, 1u);
  EXPECT_EQ(rebuild(Rebuild::repair).changed, 1u);
  EXPECT_EQ(rebuild(Rebuild::check).changed, 0u);
  const auto run = load();
  EXPECT_EQ(counting.events_read, 0u);
  EXPECT_EQ(json::serialize(domain::to_json(run)), folded());
}

}  // namespace
}  // namespace corral::engine
