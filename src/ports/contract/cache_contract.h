// The contract of ports::Cache.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "ports/cache.h"
#include "ports/contract/run_task.h"

namespace corral::ports::contract {

struct CacheUnderTest {
  std::shared_ptr<Cache> cache;
  std::function<void(Duration)> pass_time;
};
struct CacheFactory {
  std::string name;
  std::function<CacheUnderTest()> make;
};
inline void PrintTo(const CacheFactory& factory, std::ostream* out) { *out << factory.name; }
inline std::string cache_factory_name(const testing::TestParamInfo<CacheFactory>& info) {
  return info.param.name;
}

class CacheContract : public testing::TestWithParam<CacheFactory> {
 protected:
  void SetUp() override { under_test_ = GetParam().make(); }
  Cache& cache() { return *under_test_.cache; }
  void pass_time(Duration time) { under_test_.pass_time(time); }

  std::optional<std::string> value(const std::string& key) {
    return run_task(cache().get(key)).value().value;
  }
  std::uint64_t lease(const std::string& key) { return run_task(cache().get(key)).value().lease; }
  bool put(const std::string& key, std::string text, std::uint64_t with, Duration ttl = kMinute) {
    return run_task(cache().put(key, std::move(text), with, ttl)).value();
  }
  bool fill(const std::string& key, std::string text, Duration ttl = kMinute) {
    return put(key, std::move(text), lease(key), ttl);
  }
  void erase(const std::string& key) { ASSERT_TRUE(run_task(cache().erase(key))); }

  static constexpr Duration kMinute{60'000};

 private:
  CacheUnderTest under_test_;
};

TEST_P(CacheContract, AMissGivesALeaseAndWhatIsPutWithItIsThere) {
  const auto answer = run_task(cache().get("a")).value();
  EXPECT_FALSE(answer.value);
  EXPECT_NE(answer.lease, 0u);
  EXPECT_TRUE(put("a", "one", answer.lease));
  EXPECT_EQ(value("a"), "one");
  EXPECT_FALSE(value("b"));
}

TEST_P(CacheContract, ValuesAreBytes) {
  const std::string bytes("\0 \xff \n\r\0", 7);
  EXPECT_TRUE(fill("bytes", bytes));
  EXPECT_EQ(value("bytes"), bytes);
  EXPECT_TRUE(fill("empty", ""));
  EXPECT_EQ(value("empty"), "");
  const std::string strange("key \0 of \xc3\xa9 bytes", 17);
  EXPECT_TRUE(fill(strange, "x"));
  EXPECT_EQ(value(strange), "x");
  EXPECT_FALSE(value(strange.substr(0, 4)));
}

TEST_P(CacheContract, AValueEndsWithItsTime) {
  ASSERT_TRUE(fill("short", "s", Duration{2'000}));
  ASSERT_TRUE(fill("long", "l", Duration{60'000}));
  pass_time(Duration{1'000});
  EXPECT_EQ(value("short"), "s");
  pass_time(Duration{1'500});
  EXPECT_FALSE(value("short"));
  EXPECT_EQ(value("long"), "l");
  EXPECT_TRUE(fill("short", "again"));
}

TEST_P(CacheContract, ErasingIsIdempotent) {
  ASSERT_TRUE(fill("a", "one"));
  ASSERT_TRUE(fill("b", "two"));
  erase("a");
  erase("a");
  erase("never");
  EXPECT_FALSE(value("a"));
  EXPECT_EQ(value("b"), "two");
}

TEST_P(CacheContract, WhatWasReadBeforeAnEraseIsNotTakenAfterIt) {
  const auto slow = lease("a");
  erase("a");
  EXPECT_FALSE(put("a", "old", slow));
  EXPECT_FALSE(value("a"));
  // Nor beside a reader that came later, or over its value.
  const auto fresh = lease("a");
  EXPECT_NE(fresh, slow);
  EXPECT_FALSE(put("a", "old", slow));
  EXPECT_TRUE(put("a", "new", fresh));
  EXPECT_FALSE(put("a", "old", slow));
  EXPECT_EQ(value("a"), "new");
}

TEST_P(CacheContract, ReadersThatMissTogetherShareALeaseAndTheFirstFills) {
  const auto first = lease("a"), second = lease("a");
  EXPECT_EQ(first, second);
  EXPECT_TRUE(put("a", "one", first));
  EXPECT_FALSE(put("a", "two", second));
  EXPECT_EQ(value("a"), "one");
}

TEST_P(CacheContract, WithoutALeaseNothingIsTaken) {
  EXPECT_FALSE(put("a", "x", 0));
  EXPECT_FALSE(put("a", "x", 12'345));
  const auto other = lease("b");
  EXPECT_FALSE(put("a", "x", other));
  const auto mine = lease("a");
  EXPECT_FALSE(put("a", "x", other));
  EXPECT_FALSE(value("a"));
  EXPECT_TRUE(put("a", "mine", mine));
}

TEST_P(CacheContract, ALeaseEndsWithItsTime) {
  const auto slow = lease("a");
  pass_time(kLeaseTime + Duration{1'000});
  EXPECT_FALSE(put("a", "x", slow));
  EXPECT_FALSE(value("a"));
  EXPECT_TRUE(fill("a", "y"));
}

TEST_P(CacheContract, ALargeValueIsKeptUpToTheLimit) {
  const std::string most(kMaxCacheValue, 'x');
  EXPECT_TRUE(fill("most", most));
  EXPECT_TRUE(value("most") == most);
  EXPECT_FALSE(fill("more", most + "x"));
  EXPECT_FALSE(value("more"));
}

TEST_P(CacheContract, WhatIsNoKeyOrTimeIsInvalid) {
  const std::string longest(kMaxCacheKey, 'k');
  EXPECT_TRUE(fill(longest, "x"));
  EXPECT_EQ(value(longest), "x");
  for (const auto& bad : {std::string(), longest + "k"}) {
    EXPECT_EQ(run_task(cache().get(bad)).error().code, ErrorCode::invalid);
    EXPECT_EQ(run_task(cache().put(bad, "x", 1, kMinute)).error().code, ErrorCode::invalid);
    EXPECT_EQ(run_task(cache().erase(bad)).error().code, ErrorCode::invalid);
  }
  const auto mine = lease("a");
  for (const auto ttl : {Duration{0}, Duration{-1}})
    EXPECT_EQ(run_task(cache().put("a", "x", mine, ttl)).error().code, ErrorCode::invalid);
  EXPECT_TRUE(put("a", "x", mine, Duration::max()));
}

TEST_P(CacheContract, ManyAtOnceDoNotMixUp) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(fill(fmt::format("k{}", i), fmt::format("v{}", i)));
  std::vector<Task<Result<CacheAnswer>>> tasks;
  for (int i = 0; i < 50; ++i) tasks.push_back(cache().get(fmt::format("k{}", i)));
  const auto answers = run_together(std::move(tasks));
  for (std::size_t i = 0; i < answers.size(); ++i)
    EXPECT_EQ(answers[i].value().value, fmt::format("v{}", i));
}

}  // namespace corral::ports::contract
