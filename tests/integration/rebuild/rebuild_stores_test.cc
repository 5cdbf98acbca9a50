// What is derived from events is found wrong, and mended, alike on every store.
#include "adapters/store/postgres/testing/test_server.h"
#include "adapters/store/sqlite/sqlite_store.h"
#include "base/testing/temporary_folder.h"
#include "engine/projection.h"
#include "engine/rebuild.h"
#include "engine/run_repository.h"
#include "engine/run_snapshot.h"
#include "engine/testing/three_runs.h"
#include "ports/contract/run_task.h"

namespace corral::engine {
namespace {

using ports::contract::run_task;
namespace postgres = adapters::store::postgres::testing;

constexpr std::string_view kKinds[] = {kRunKind, kApprovalKind, kArtifactKind, kSnapshotKind};

void commit(ports::Store& store, ports::Change change) {
  ports::Transaction transaction;
  transaction.changes.push_back(std::move(change));
  ASSERT_TRUE(run_task(store.commit(std::move(transaction))));
}

// All events, and the documents that are made of them.
void copy(ports::Store& from, ports::Store& to) {
  ports::EventQuery query{.limit = 500};
  for (;;) {
    const auto events = run_task(from.read_all(query)).value();
    for (const auto& event : events)
      commit(to, ports::Append{
                     event.stream, event.version - 1, {{event.type, event.data, event.origin}}});
    if (events.size() < query.limit) break;
    query.after_position = events.back().position;
  }
  for (const auto kind : kKinds)
    for (auto& document : run_task(from.list({.kind = std::string(kind), .limit = 500})).value())
      commit(to, ports::PutDocument{std::move(document), {}});
}

struct RebuildStores : testing::ThreeRuns {
  void SetUp() override {
    ThreeRuns::SetUp();
    if (!HasFatalFailure()) make_long(ids[2]);
  }
  void make_long(RunId run) {
    ports::Append past{.stream = run_stream(run), .expected_version = h.events(run).size()};
    const domain::Event called{h.clock.now(), domain::ModelCalled{.model = "m"}};
    while (past.expected_version + past.events.size() < kSnapshotEvery - 1)
      past.events.push_back(
          {std::string(domain::type_of(called.body)), domain::data_of(called), {.actor = "g"}});
    commit(h.store, std::move(past));
    for (int i = 0; i < 5; ++i)
      ASSERT_TRUE(h.call(h.engine().record_model_call(run, {.model = "m", .input_tokens = 1})));
  }
  void damage(ports::Store& store) {
    commit(store, ports::PutDocument{{.kind = "run",
                                      .id = ids[0].to_string(),
                                      .state = "failed",
                                      .body = json::object{{"id", "x"}}},
                                     {}});
    commit(store, ports::DeleteDocument{"run", ids[1].to_string()});
    commit(store,
           ports::PutDocument{
               {.kind = "approval", .id = "ghost", .state = "open", .body = json::object{}}, {}});
    auto snapshot = *run_task(store.get(std::string(kSnapshotKind), ids[2].to_string())).value();
    snapshot.body.at("run").as_object()["summary"] = "a lie";
    commit(store, ports::PutDocument{std::move(snapshot), {}});
  }
  // What it says, as text, before and after each thing that is done to the store.
  std::string story(ports::Store& store) {
    std::string out;
    const auto rebuild = [&](Rebuild mode) {
      const auto report = run_task(rebuild_read_models(store, mode, [](std::uint64_t) {})).value();
      out += fmt::format("{} runs, {} events, {} documents, {} changed, {} removed: {}\n",
                         report.runs, report.events, report.documents, report.changed,
                         report.removed, fmt::join(report.differences, "; "));
      return report.changed + report.removed;
    };
    EXPECT_EQ(rebuild(Rebuild::check), 0u) << out;
    damage(store);
    EXPECT_EQ(rebuild(Rebuild::check), 4u) << out;
    EXPECT_EQ(rebuild(Rebuild::repair), 4u) << out;
    EXPECT_EQ(rebuild(Rebuild::check), 0u) << out;
    return out;
  }
};

TEST_F(RebuildStores, SqliteTellsWhatTheMemoryTells) {
  const TemporaryFolder folder;
  const auto store = adapters::store::open_sqlite_store(folder / "corral.db", {}).value();
  copy(h.store, *store);
  EXPECT_EQ(story(*store), story(h.store));
}

TEST_F(RebuildStores, PostgresTellsWhatTheMemoryTells) {
  if (postgres::shared_server() == nullptr)
    GTEST_SKIP() << "no PostgreSQL server here: install the package postgresql";
  const postgres::TestDatabase database(*postgres::shared_server());
  const auto store = database.open();
  copy(h.store, *store);
  EXPECT_EQ(story(*store), story(h.store));
}

}  // namespace
}  // namespace corral::engine
