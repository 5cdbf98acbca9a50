// Read models, made again from events.
#include "engine/rebuild.h"

#include "engine/run_repository.h"
#include "engine/run_snapshot.h"
#include "engine/testing/three_runs.h"

namespace corral::engine {
namespace {

struct RebuildTest : testing::ThreeRuns {
  RebuildReport rebuild(Rebuild mode) {
    return h.call(rebuild_read_models(h.store, mode, [](std::uint64_t) {})).value();
  }
  void change(ports::Change change) {
    ports::Transaction transaction;
    transaction.changes.push_back(std::move(change));
    ASSERT_TRUE(h.call(h.store.commit(std::move(transaction))));
  }
};

TEST_F(RebuildTest, WhatTheEngineWritesIsWhatTheEventsAddUpTo) {
  const auto report = rebuild(Rebuild::check);
  EXPECT_EQ(report.runs, 3u);
  EXPECT_GT(report.documents, 6u);
  EXPECT_EQ(report.changed + report.removed, 0u)
      << fmt::format("{}", fmt::join(report.differences, "\n"));
}

TEST_F(RebuildTest, ACheckSaysWhatIsWrongAndARepairMendsIt) {
  const auto before = h.run(ids[0]);
  change(ports::PutDocument{{.kind = "run",
                             .id = ids[0].to_string(),
                             .state = "failed",
                             .body = json::object{{"id", "x"}}},
                            {}});
  change(ports::DeleteDocument{"run", ids[1].to_string()});
  change(ports::PutDocument{
      {.kind = "approval", .id = "ghost", .state = "open", .body = json::object{}}, {}});
  for (int i = 0; i < 2; ++i) {
    const auto report = rebuild(Rebuild::check);
    EXPECT_EQ(report.changed, 2u);
    EXPECT_EQ(report.removed, 1u);
    EXPECT_EQ(report.differences.size(), 3u);
  }
  EXPECT_EQ(rebuild(Rebuild::repair).changed, 2u);
  EXPECT_EQ(h.run(ids[0]), before);
  EXPECT_EQ(h.status(ids[1]), "failed");
  const auto clean = rebuild(Rebuild::check);
  EXPECT_EQ(clean.changed + clean.removed, 0u);
}

TEST_F(RebuildTest, ASnapshotIsWhatTheEventsAddUpToOrIsMended) {
  RunRepository runs(h.store, h.clock);
  const auto ended = h.call(runs.load(ids[0])).value();
  // Too short to have one: dropped when it is wrong, left when it is right or another program's.
  change(snapshot_of(ended));
  EXPECT_EQ(rebuild(Rebuild::check).changed, 0u);
  auto wrong = snapshot_of(ended);
  wrong.document.body.at("run").as_object()["summary"] = "a lie";
  change(wrong);
  auto ahead = snapshot_of(h.call(runs.load(ids[1])).value());
  ahead.document.body.as_object()["version"] = 1'000;
  change(ahead);
  auto foreign = snapshot_of(h.call(runs.load(ids[2])).value());
  foreign.document.body.as_object()["schema"] = "0-of-old";
  change(foreign);
  auto orphan = foreign;
  orphan.document.id = WorkspaceId::make(h.clock.now(), h.random).to_string();
  change(orphan);

  const auto found = rebuild(Rebuild::check);
  EXPECT_EQ(found.changed, 2u) << fmt::format("{}", fmt::join(found.differences, "\n"));
  EXPECT_EQ(found.removed, 1u);
  EXPECT_EQ(rebuild(Rebuild::repair).changed, 2u);
  EXPECT_TRUE(h.call(h.store.list({.kind = std::string(kSnapshotKind)})).value().empty());
  const auto clean = rebuild(Rebuild::check);
  EXPECT_EQ(clean.changed + clean.removed, 0u);
}

}  // namespace
}  // namespace corral::engine
