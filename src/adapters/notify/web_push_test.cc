#include "adapters/notify/web_push.h"

#include <gtest/gtest.h>

#include "adapters/notify/message.h"
#include "ports/contract/push_service_contract.h"
#include "ports/fakes/fake_clock.h"
#include "ports/fakes/fake_http_client.h"

namespace corral::adapters::notify {
namespace {

struct World {
  ports::fakes::FakeClock clock;
  ports::fakes::FakeHttpClient client{clock};
  SeededRandom random{7};
  P256Key browser = P256Key::make(random);
  std::shared_ptr<ports::PushService> service = make();

  std::shared_ptr<ports::PushService> make(std::vector<std::string> allow = {}) {
    WebPushOptions options{.seed = Secret(std::string(64, 's')), .contact = "mailto:a@b.example"};
    for (const auto& host : allow) options.allow.push_back(http::parse_allowed_host(host).value());
    return make_web_push(client, clock, random, std::move(options));
  }
  ports::PushTarget target(std::string endpoint = "https://push.example.net/send/t0ken") const {
    return {std::move(endpoint), browser.public_point(), std::string(16, 'a')};
  }
};

TEST(WebPush, SendsWhatRfc8030AsksFor) {
  World world;
  const auto answer = ports::contract::run_task(
      world.service->send(world.target(), {.payload = "hello",
                                           .ttl = std::chrono::seconds(90),
                                           .urgency = ports::PushUrgency::high,
                                           .topic = "abc"}));
  ASSERT_TRUE(answer);
  ASSERT_EQ(world.client.requests.size(), 1u);
  const auto& request = world.client.requests.front();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "https://push.example.net/send/t0ken");
  const std::map<std::string, std::string> headers(request.headers.begin(), request.headers.end());
  EXPECT_EQ(headers.at("TTL"), "90");
  EXPECT_EQ(headers.at("Urgency"), "high");
  EXPECT_EQ(headers.at("Topic"), "abc");
  EXPECT_EQ(headers.at("Content-Encoding"), "aes128gcm");
  EXPECT_TRUE(headers.at("Authorization").starts_with("vapid t="));
  EXPECT_TRUE(headers.at("Authorization").ends_with(", k=" + world.service->public_key()));
  EXPECT_EQ(request.body.size(), 16 + 4 + 1 + 65 + 5 + 1 + 16u);
  EXPECT_EQ(request.body.find("hello"), std::string::npos);
}

TEST(WebPush, EveryMessageHasAKeyAndASaltOfItsOwn) {
  World world;
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(
        ports::contract::run_task(world.service->send(world.target(), {.payload = "same"})));
  const auto& first = world.client.requests[0].body;
  const auto& second = world.client.requests[1].body;
  EXPECT_NE(first.substr(0, 16), second.substr(0, 16));
  EXPECT_NE(first.substr(21, 65), second.substr(21, 65));
}

TEST(WebPush, AnAddressInAPrivateNetworkNeedsTheOperatorsLeave) {
  World world;
  const auto code = [&](const std::string& endpoint) {
    const auto checked = world.service->check(world.target(endpoint));
    return checked ? "" : std::string(to_string(checked.error().code));
  };
  for (const char* endpoint : {"https://127.0.0.1/x", "https://localhost:8443/x",
                               "https://10.0.0.1/x", "https://[::1]/x", "https://0x7f.1/x"})
    EXPECT_EQ(code(endpoint), "forbidden") << endpoint;
  for (const char* endpoint :
       {"", "x", "http://push.example.net/x", "http://127.0.0.1:8000/x", "ftp://a/x",
        "https://u:p@push.example.net/x", "https://push.example.net/a b"})
    EXPECT_EQ(code(endpoint), "invalid") << endpoint;
  EXPECT_EQ(code("https://push.example.net/x"), "");
  world.service = world.make({"127.0.0.1:8000"});
  EXPECT_EQ(code("http://127.0.0.1:8000/x"), "");
  EXPECT_EQ(code("https://127.0.0.1:8001/x"), "forbidden");
}

TEST(WebPush, ItsErrorsNameTheServiceAndNotTheAddress) {
  World world;
  world.client.answer = [](const ports::HttpRequest&) {
    return ports::HttpResponse{.status = 403};
  };
  const auto refused =
      ports::contract::run_task(world.service->send(world.target(), {.payload = "x"}));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("https://push.example.net"), std::string::npos);
  EXPECT_EQ(refused.error().message.find("t0ken"), std::string::npos);
}

}  // namespace
}  // namespace corral::adapters::notify

namespace corral::ports::contract {
PushServiceUnderTest make_web_push_under_test() {
  const auto world = std::make_shared<adapters::notify::World>();
  return {.service = {world, world->service.get()},
          .target = world->target(),
          .answers = [world](int status, const std::string& retry_after) {
            world->client.answer = [=](const HttpRequest&) -> Result<HttpResponse> {
              if (status == 0) return fail(ErrorCode::unavailable, "nobody answers");
              HttpResponse response{.status = status};
              if (!retry_after.empty()) response.headers["retry-after"] = retry_after;
              return response;
            };
          }};
}
INSTANTIATE_TEST_SUITE_P(WebPush, PushServiceContract,
                         testing::Values(PushServiceFactory{"web_push", make_web_push_under_test}),
                         push_service_factory_name);
}  // namespace corral::ports::contract
