// Readers never get what was before a change that they could know of.
#include "engine/run_documents.h"

#include "engine/run_repository.h"
#include "engine/testing/engine_fixture.h"

namespace corral::engine {
namespace {

struct RunDocumentsTest : testing::EngineTest {
  void SetUp() override {
    EngineTest::SetUp();
    boot();
    id = h.start("hang");
    run_until_agent(id);
  }
  std::int64_t version_read() {
    return find_int(h.call(h.engine().get_run(id)).value(), {"version"});
  }
  std::int64_t version_kept() { return find_int(h.run(id), {"version"}); }
  std::pair<std::uint64_t, std::uint64_t> figures() {
    const auto text = h.call(h.engine().metrics()).value();
    const auto figure = [&](std::string_view name) {
      const auto at = text.find(fmt::format("\n{} ", name));
      return std::stoull(text.substr(at + name.size() + 2));
    };
    return {figure("corral_cache_hits_total"), figure("corral_cache_misses_total")};
  }
  // Another server's: the engine hears of it from the store alone.
  void change_elsewhere() {
    RunRepository other(h.store, h.clock);
    domain::RecordModelCall call;
    call.model = "m";
    ASSERT_TRUE(h.call(other.execute(id, call, "gateway")));
  }
  Error no_answer() { return {ErrorCode::unavailable, "no answer", nullptr}; }
  RunId id;
};

TEST_F(RunDocumentsTest, AReadRunIsReadFromTheCacheForItsTime) {
  version_read();
  const auto [hits, misses] = figures();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(version_read(), version_kept());
  EXPECT_EQ(figures(), std::pair(hits + 3, misses));
  h.clock.advance(RunDocuments::kKept);
  version_read();
  EXPECT_EQ(figures().second, misses + 1);
}

TEST_F(RunDocumentsTest, WhoWasAnsweredReadsNothingOlder) {
  for (int i = 0; i < 5; ++i) {
    version_read();
    const auto answer = h.call(i % 2 == 0 ? h.engine().pause_run(id, "", "user:ann")
                                          : h.engine().resume_run(id, "user:ann"))
                            .value();
    EXPECT_GE(version_read(), find_int(answer, {"version"}));
    EXPECT_EQ(find_bool(h.call(h.engine().get_run(id)).value(), {"paused"}), i % 2 == 0);
  }
}

// read-old, write, put-old: with the reader held at every point of its way in turn.
TEST_F(RunDocumentsTest, AReaderThatIsOvertakenPutsNothing) {
  for (int turns = 0; turns < 12; ++turns) {
    ASSERT_TRUE(h.call(h.cache->erase("run/" + id.to_string())));
    std::optional<std::int64_t> slow;
    asio::co_spawn(h.context(), h.engine().get_run(id),
                   [&](std::exception_ptr, const Result<json::value>& run) {
                     slow = find_int(run.value(), {"version"});
                   });
    h.context().restart();
    for (int i = 0; i < turns; ++i) h.context().poll_one();
    const auto answer = h.call(turns % 2 == 0 ? h.engine().pause_run(id, "", "user:ann")
                                              : h.engine().resume_run(id, "user:ann"))
                            .value();
    ASSERT_TRUE(h.run_until([&] { return slow.has_value(); }));
    EXPECT_GE(version_read(), find_int(answer, {"version"})) << turns;
  }
}

TEST_F(RunDocumentsTest, WhileItsOutcomeIsUnknownTheStoreIsAsked) {
  version_read();
  // It was written, and nobody was told.
  h.store_faults = [&](std::string_view call, ports::fakes::FakeStore::Moment moment) {
    return call == "commit" && moment == ports::fakes::FakeStore::Moment::after
               ? std::optional(no_answer())
               : std::nullopt;
  };
  EXPECT_FALSE(h.call(h.engine().pause_run(id, "", "user:ann")));
  h.store_faults = {};
  EXPECT_TRUE(find_bool(h.call(h.engine().get_run(id)).value(), {"paused"}));
  // The cache could not be told.
  h.cache_faults = [&] { return std::optional(no_answer()); };
  ASSERT_TRUE(h.call(h.engine().resume_run(id, "user:ann")));
  h.cache_faults = {};
  EXPECT_FALSE(find_bool(h.call(h.engine().get_run(id)).value(), {"paused"}));
}

TEST_F(RunDocumentsTest, WithoutACacheRunsAreRead) {
  h.cache_faults = [&] { return std::optional(no_answer()); };
  EXPECT_EQ(version_read(), version_kept());
  EXPECT_EQ(version_read(), version_kept());
}

TEST_F(RunDocumentsTest, WhatOtherServersChangeIsFollowed) {
  h.shut_down();
  h.options.store_use = StoreUse::shared;
  boot();
  h.settle();
  version_read();
  const auto hits = figures().first;
  EXPECT_EQ(version_read(), version_kept());
  EXPECT_EQ(figures().first, hits + 1);
  change_elsewhere();
  h.settle();
  EXPECT_EQ(version_read(), version_kept());
  // Who was told of an event reads nothing from before it, whether it was followed or not.
  change_elsewhere();
  const auto events =
      h.call(h.engine().run_events(id, static_cast<std::uint64_t>(version_kept()) - 1, 10, {}))
          .value();
  EXPECT_EQ(version_read(), find_int(events.back(), {"version"}));
  // Nor who was answered from it.
  change_elsewhere();
  const auto answer = h.call(h.engine().resume_run(id, "user:ann")).value();
  EXPECT_GE(version_read(), find_int(answer, {"version"}));
}

TEST_F(RunDocumentsTest, WhenOthersCannotBeFollowedTheStoreIsAsked) {
  h.shut_down();
  h.options.store_use = StoreUse::shared;
  boot();
  h.settle();
  version_read();
  h.store_faults = [&](std::string_view call, ports::fakes::FakeStore::Moment) {
    return call == "read_all" ? std::optional(no_answer()) : std::nullopt;
  };
  change_elsewhere();
  h.clock.advance(Duration{6'000});
  EXPECT_EQ(version_read(), version_kept());
  h.store_faults = {};
}

}  // namespace
}  // namespace corral::engine
