#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "ports/contract/blob_contract.h"
#include "ports/contract/cache_contract.h"
#include "ports/contract/http_client_contract.h"
#include "ports/contract/push_service_contract.h"
#include "ports/contract/store_contract.h"
#include "ports/fakes/fake_blobs.h"
#include "ports/fakes/fake_cache.h"
#include "ports/fakes/fake_clock.h"
#include "ports/fakes/fake_http_client.h"
#include "ports/fakes/fake_push_service.h"
#include "ports/fakes/fake_store.h"

namespace corral::ports::contract {

StoreUnderTest make_fake_store() {
  auto store = std::make_shared<fakes::FakeStore>(SystemClock::instance());
  return {store, [store] { return store; }};  // it is what it stands on
}
INSTANTIATE_TEST_SUITE_P(Fake, StoreContract,
                         testing::Values(StoreFactory{"fake", make_fake_store}), factory_name);

BlobsUnderTest make_fake_blobs() {
  auto blobs = std::make_shared<fakes::FakeBlobs>();
  return {blobs, [blobs](const std::string& hash) { blobs->damage(hash); }};
}
INSTANTIATE_TEST_SUITE_P(Fake, BlobsContract,
                         testing::Values(BlobsFactory{"fake", make_fake_blobs}),
                         blobs_factory_name);

CacheUnderTest make_fake_cache() {
  struct World {
    fakes::FakeClock clock;
    fakes::FakeCache cache{clock};
  };
  auto world = std::make_shared<World>();
  return {{world, &world->cache}, [world](Duration time) { world->clock.advance(time); }};
}
INSTANTIATE_TEST_SUITE_P(Fake, CacheContract,
                         testing::Values(CacheFactory{"fake", make_fake_cache}),
                         cache_factory_name);

HttpClientUnderTest make_fake_http_client() {
  struct World {
    fakes::FakeClock clock;
    fakes::FakeHttpClient client{clock};
  };
  const auto world = std::make_shared<World>();
  return {
      .client = {world, &world->client},
      .serve =
          [world](const std::optional<HttpResponse>& answer) {
            world->client.takes = Duration(answer ? 0 : 3'600'000);
            world->client.answer = [answer](const HttpRequest& request) -> Result<HttpResponse> {
              if (request.url.starts_with("http://server/")) return answer.value();
              return fail(ErrorCode::unavailable, "there is no {}", request.url);
            };
            return "http://server";
          },
      .asked = [world] { return world->client.requests.back(); },
      .nobody = "http://nobody",
      .pass_time = [world](Duration time) { world->clock.advance(time); }};
}
INSTANTIATE_TEST_SUITE_P(Fake, HttpClientContract,
                         testing::Values(HttpClientFactory{"fake", make_fake_http_client}),
                         http_client_factory_name);

PushServiceUnderTest make_fake_push_service() {
  struct World {
    fakes::FakeClock clock;
    fakes::FakePushService service{clock};
  };
  const auto world = std::make_shared<World>();
  return {.service = {world, &world->service},
          .target = {"https://push.example.net/a", std::string(65, 'p'), std::string(16, 'a')},
          .answers = [world](int status, const std::string& retry_after) {
            world->service.answer = [=](const PushTarget&,
                                        const PushMessage&) -> Result<PushAnswer> {
              using enum PushAnswer::Outcome;
              if (status == 0) return fail(ErrorCode::unavailable, "nobody answers");
              if (status == 404 || status == 410) return PushAnswer{.outcome = gone};
              if (status == 429 || status >= 500)
                return PushAnswer{.outcome = busy,
                                  .pause = std::chrono::seconds(std::atoi(retry_after.c_str()))};
              if (status >= 300) return fail(ErrorCode::forbidden, "refused with {}", status);
              return PushAnswer{};
            };
          }};
}
INSTANTIATE_TEST_SUITE_P(Fake, PushServiceContract,
                         testing::Values(PushServiceFactory{"fake", make_fake_push_service}),
                         push_service_factory_name);

}  // namespace corral::ports::contract

namespace corral::ports::fakes {
namespace {

Task<void> sleep_and_note(Clock& clock, Duration duration, std::vector<int>& order, int note) {
  co_await clock.sleep(duration);
  order.push_back(note);
}

TEST(FakeClock, SleepersWakeInTheOrderOfVirtualTime) {
  asio::io_context context;
  FakeClock clock;
  std::vector<int> order;
  TaskScope scope(context.get_executor());
  scope.start("third", sleep_and_note(clock, Duration{300}, order, 3));
  scope.start("first", sleep_and_note(clock, Duration{100}, order, 1));
  scope.start("second", sleep_and_note(clock, Duration{200}, order, 2));
  context.poll();
  EXPECT_TRUE(order.empty());
  const Time start = clock.now();
  EXPECT_EQ(clock.next_wake(), start + Duration{100});
  clock.advance(Duration{99});
  context.poll();
  EXPECT_TRUE(order.empty());
  clock.advance(Duration{1});
  context.poll();
  EXPECT_EQ(order, (std::vector{1}));
  clock.advance_to(start + Duration{1000});
  context.poll();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
  EXPECT_EQ(clock.sleepers(), 0u);
}

TEST(FakeClock, CancellingEndsASleepAndLeavesNothing) {
  asio::io_context context;
  FakeClock clock;
  std::vector<int> order;
  TaskScope scope(context.get_executor());
  scope.start("sleeper", sleep_and_note(clock, Duration::max(), order, 1));
  context.poll();
  EXPECT_EQ(clock.sleepers(), 1u);
  scope.cancel();
  context.restart();
  context.poll();
  EXPECT_TRUE(order.empty());
  EXPECT_EQ(clock.sleepers(), 0u);
}

Task<void> wait_for_job(Store& store, bool& woken) {
  (void)co_await store.wait_for_job(Duration{60'000});
  woken = true;
}

TEST(FakeStore, WaitsEndWhenVirtualTimePasses) {
  asio::io_context context;
  FakeClock clock;
  FakeStore store(clock);
  EXPECT_TRUE(
      contract::run_task(store.claim({.owner = "w", .now = clock.now(), .lease = Duration{1000}}))
          .value()
          .empty());
  bool woken = false;
  TaskScope scope(context.get_executor());
  scope.start("waiter", wait_for_job(store, woken));
  context.poll();
  EXPECT_FALSE(woken);
  clock.advance(Duration{60'000});
  context.poll();
  EXPECT_TRUE(woken);
}

TEST(FakeStore, AFaultBeforeDoesNothingAndAFaultAfterLosesOnlyTheAnswer) {
  FakeClock clock;
  FakeStore store(clock);
  auto moment = FakeStore::Moment::before;
  store.set_faults([&](std::string_view call, FakeStore::Moment at) -> std::optional<Error> {
    if (call != "commit" || at != moment) return std::nullopt;
    return Error{ErrorCode::unavailable, "injected", nullptr};
  });
  const auto append = [&] {
    Transaction transaction;
    transaction.changes.emplace_back(Append{"s", 0, {{"x", nullptr, {.actor = "t"}}}});
    return contract::run_task(store.commit(std::move(transaction)));
  };
  EXPECT_EQ(append().error().message, "injected");
  EXPECT_TRUE(contract::run_task(store.read_all({})).value().empty());
  moment = FakeStore::Moment::after;
  EXPECT_EQ(append().error().message, "injected");
  EXPECT_EQ(contract::run_task(store.read_all({})).value().size(), 1u);
}

}  // namespace
}  // namespace corral::ports::fakes
