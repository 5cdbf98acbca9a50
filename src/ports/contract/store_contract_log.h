// Events of all streams: where they come from, and the questions asked of them.
#pragma once

#include "base/clock.h"
#include "ports/contract/store_fixture.h"

namespace corral::ports::contract {

inline Append append_typed(std::string stream, std::uint64_t expected, std::string type) {
  return {.stream = std::move(stream),
          .expected_version = expected,
          .events = {{std::move(type), json::object{}, {.actor = "user:test"}}}};
}

inline std::vector<std::uint64_t> positions(const std::vector<Event>& events) {
  std::vector<std::uint64_t> found;
  for (const auto& event : events) found.push_back(event.position);
  return found;
}
using Positions = std::vector<std::uint64_t>;

TEST_P(StoreContract, AnEventSaysWhereItComesFrom) {
  const EventOrigin whole{.actor = "user:admin",
                          .cause = "command/key \"1\"",
                          .correlation = "0193a5b0",
                          .trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
  const EventOrigin bare{.actor = "worker", .cause = "", .correlation = "", .trace = ""};
  ASSERT_TRUE(commit(Append{"s", 0, {{"a", nullptr, whole}, {"b", nullptr, bare}}}));
  for (const auto& found : {stream("s"), events({})}) {
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].origin, whole);
    EXPECT_EQ(found[1].origin, bare);
  }
}

TEST_P(StoreContract, EventsAreFilteredByAnyOfSomeTypes) {
  for (std::uint64_t i = 0; i < 12; ++i)
    ASSERT_TRUE(
        commit(append_typed(i % 2 == 0 ? "even" : "odd", i / 2, "t" + std::to_string(i % 3))));
  EXPECT_EQ(positions(events({.types = {"t1"}})), (Positions{2, 5, 8, 11}));
  EXPECT_EQ(positions(events({.types = {"t2", "t0"}})), (Positions{1, 3, 4, 6, 7, 9, 10, 12}));
  EXPECT_EQ(positions(events({.types = {"t0", "t0", "unheard"}})), (Positions{1, 4, 7, 10}));
  EXPECT_EQ(positions(events({.types = {"t"}})), (Positions{}));
  EXPECT_EQ(positions(events({.after_position = 3, .types = {"t0", "t1"}, .limit = 3})),
            (Positions{4, 5, 7}));
  EXPECT_EQ(positions(events({.types = {"t0"}, .limit = 0})), (Positions{}));
  EXPECT_EQ(events({.types = {"t1"}})[1].stream, "even");
  EXPECT_EQ(events({.types = {"t1"}})[1].version, 3u);
}

TEST_P(StoreContract, PagesOfFilteredEventsFollowThePositionWithoutGapOrRepeat) {
  Append change = append("s", 0, 300);
  for (std::size_t i = 0; i < 300; ++i) change.events[i].type = i % 7 == 0 ? "rare" : "common";
  ASSERT_TRUE(commit(std::move(change)));
  Positions seen;
  for (std::uint64_t after = 0;;) {
    const auto page =
        positions(events({.after_position = after, .types = {"rare", "x"}, .limit = 10}));
    if (page.empty()) break;
    EXPECT_LE(page.size(), 10u);
    seen.insert(seen.end(), page.begin(), page.end());
    after = page.back();
  }
  ASSERT_EQ(seen.size(), 43u);
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], 7 * i + 1);
}

TEST_P(StoreContract, EventsAreFilteredByTheirTime) {
  std::vector<Time> times;
  for (std::uint64_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(commit(append_typed("s", 2 * i, "a"), append_typed("s", 2 * i + 1, "b")));
    times.push_back(stream("s").back().time);
    pass(times.back());
  }
  EXPECT_EQ(positions(events({.from = times[1], .until = times[3]})), (Positions{3, 4, 5, 6}));
  EXPECT_EQ(positions(events({.from = times[2]})), (Positions{5, 6, 7, 8}));
  EXPECT_EQ(positions(events({.until = times[1]})), (Positions{1, 2}));
  EXPECT_EQ(positions(events({.until = times[1] + Duration{1}})), (Positions{1, 2, 3, 4}));
  EXPECT_EQ(positions(events({.from = times[3] + Duration{1}})), (Positions{}));
  EXPECT_EQ(positions(events({.types = {"b"}, .from = times[1], .until = times[3]})),
            (Positions{4, 6}));
  EXPECT_EQ(positions(events({.after_position = 3, .from = times[1], .limit = 2})),
            (Positions{4, 5}));
}

// More events before and behind the window than a store may look at one by one.
TEST_P(StoreContract, AWindowInTheMiddleOfALongLogIsFound) {
  ASSERT_TRUE(commit(append("before", 0, 6000)));
  pass(events({.after_position = 5999, .types = {}}).front().time);
  ASSERT_TRUE(commit(append("within", 0, 3)));
  const Time within = stream("within").front().time;
  pass(within);
  ASSERT_TRUE(commit(append("behind", 0, 6000)));
  const EventQuery window{.types = {}, .from = within, .until = within + Duration{1}, .limit = 2};
  EXPECT_EQ(positions(events(window)), (Positions{6001, 6002}));
  auto next = window;
  next.after_position = 6002;
  EXPECT_EQ(positions(events(next)), (Positions{6003}));
  next.after_position = 6003;
  EXPECT_EQ(positions(events(next)), (Positions{}));
}

TEST_P(StoreContract, StreamsAreListedByNameAndPrefix) {
  ASSERT_TRUE(commit(append("run/b", 0, 2), append("run/a", 0), append("run/a/x", 0, 3),
                     append("project/1", 0), append("run", 0), append("run0", 0),
                     append("unborn", 0, 0), append("run%", 0), append("run_", 0),
                     append("run/\xc3\xa9", 0)));
  const auto list = [&](std::string prefix, std::string after, std::uint32_t limit = 100) {
    std::vector<std::string> names;
    for (const auto& info :
         run_task(store().list_streams(std::move(prefix), std::move(after), limit)).value())
      names.push_back(info.name);
    return names;
  };
  EXPECT_EQ(list("run/", ""), (Keys{"run/a", "run/a/x", "run/b", "run/\xc3\xa9"}));
  EXPECT_EQ(list("", ""), (Keys{"project/1", "run", "run%", "run/a", "run/a/x", "run/b",
                                "run/\xc3\xa9", "run0", "run_"}));
  EXPECT_EQ(list("run/", "run/a"), (Keys{"run/a/x", "run/b", "run/\xc3\xa9"}));
  EXPECT_EQ(list("run/", "", 2), (Keys{"run/a", "run/a/x"}));
  EXPECT_EQ(list("run/", "a", 1), (Keys{"run/a"})) << "a cursor before the prefix";
  EXPECT_EQ(list("run/", "z"), (Keys{}));
  EXPECT_EQ(list("run%", ""), (Keys{"run%"}));
  EXPECT_EQ(list("run_", ""), (Keys{"run_"}));
  EXPECT_EQ(list("run/\xc3", ""), (Keys{"run/\xc3\xa9"})) << "a prefix is bytes";
  EXPECT_EQ(list("unborn", ""), (Keys{})) << "a guard makes no stream";
  EXPECT_EQ(list("", "", 0), (Keys{}));
  const auto infos = run_task(store().list_streams("run/a", "", 10)).value();
  ASSERT_EQ(infos.size(), 2u);
  EXPECT_EQ(infos[0].version, 1u);
  EXPECT_EQ(infos[1].version, 3u);
}

}  // namespace corral::ports::contract
