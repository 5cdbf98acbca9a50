#include "adapters/cache/memory/memory_cache.h"

#include "ports/contract/cache_contract.h"
#include "ports/fakes/fake_clock.h"

namespace corral::ports::contract {
namespace {

struct World {
  explicit World(adapters::cache::MemoryCacheOptions options = {})
      : cache(adapters::cache::make_memory_cache(clock, options)) {}
  bool fill(const std::string& key, std::string value) {
    const auto answer = run_task(cache->get(key)).value();
    return run_task(cache->put(key, std::move(value), answer.lease, Duration{60'000})).value();
  }
  bool has(const std::string& key) { return run_task(cache->get(key)).value().value.has_value(); }

  fakes::FakeClock clock;
  std::unique_ptr<Cache> cache;
};

CacheUnderTest make() {
  auto world = std::make_shared<World>();
  return {{world, world->cache.get()}, [world](Duration time) { world->clock.advance(time); }};
}
INSTANTIATE_TEST_SUITE_P(Memory, CacheContract, ::testing::Values(CacheFactory{"memory", make}),
                         cache_factory_name);

TEST(MemoryCache, TheLeastRecentlyUsedGoesFirst) {
  World world({.max_entries = 3});
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(world.fill(key, "x"));
  EXPECT_TRUE(world.has("a"));
  ASSERT_TRUE(world.fill("d", "x"));
  EXPECT_TRUE(world.has("a"));
  EXPECT_TRUE(world.has("c"));
  EXPECT_TRUE(world.has("d"));
  EXPECT_FALSE(world.has("b"));
}

TEST(MemoryCache, BytesAreBounded) {
  World world({.max_bytes = 100'000});
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(world.fill(fmt::format("k{}", i), std::string(10'000, 'x')));
  int kept = 0;
  for (int i = 99; i >= 90; --i) kept += world.has(fmt::format("k{}", i));
  EXPECT_EQ(kept, 9);
  EXPECT_FALSE(world.fill("huge", std::string(100'000, 'x')));
  EXPECT_TRUE(world.fill("small", "x"));
}

// What was forgotten for want of room does not let an outdated value in.
TEST(MemoryCache, AnEvictedLeaseIsVoid) {
  World world({.max_entries = 2});
  const auto slow = run_task(world.cache->get("a")).value().lease;
  ASSERT_TRUE(world.fill("b", "x"));
  ASSERT_TRUE(world.fill("c", "x"));
  EXPECT_FALSE(run_task(world.cache->put("a", "old", slow, Duration{60'000})).value());
  EXPECT_FALSE(world.has("a"));
}

}  // namespace
}  // namespace corral::ports::contract
