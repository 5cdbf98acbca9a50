// The contract of ports::HttpClient.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "ports/contract/run_task.h"
#include "ports/http_client.h"

namespace corral::ports::contract {

struct HttpClientUnderTest {
  std::shared_ptr<HttpClient> client;
  // A server that answers with this from now on, or never; its URL, without a slash at the end.
  std::function<std::string(std::optional<HttpResponse>)> serve;
  std::function<HttpRequest()> asked;  // what that server was sent; once, after the answer
  std::string nobody;                  // a URL at which nothing answers
  // What a clock of the client's own must be told, while a request waits.
  std::function<void(Duration)> pass_time;
};
struct HttpClientFactory {
  std::string name;
  std::function<HttpClientUnderTest()> make;
};
inline void PrintTo(const HttpClientFactory& factory, std::ostream* out) { *out << factory.name; }
inline std::string http_client_factory_name(const testing::TestParamInfo<HttpClientFactory>& info) {
  return info.param.name;
}

class HttpClientContract : public testing::TestWithParam<HttpClientFactory> {
 protected:
  void SetUp() override { under_test_ = GetParam().make(); }
  HttpClient& client() { return *under_test_.client; }
  std::string serve(std::optional<HttpResponse> answer) {
    return under_test_.serve(std::move(answer));
  }
  Result<HttpResponse> send(HttpRequest request) {
    return run_task(client().send(std::move(request)));
  }
  HttpClientUnderTest under_test_;
};

TEST_P(HttpClientContract, SendsWhatTheRequestSays) {
  for (const std::string method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    const auto url = serve(HttpResponse{.status = 200});
    const bool has_body = method != "GET" && method != "DELETE";
    ASSERT_TRUE(send({.method = method,
                      .url = url + "/a/b?c=d",
                      .headers = {{"X-Mine", "yes"}},
                      .body = has_body ? "bytes \xc3\xa9" : ""}));
    const auto asked = under_test_.asked();
    EXPECT_EQ(asked.method, method);
    EXPECT_EQ(asked.url, url + "/a/b?c=d");
    EXPECT_THAT(asked.headers,
                testing::Contains(std::pair<std::string, std::string>("X-Mine", "yes")));
    EXPECT_EQ(asked.body, has_body ? "bytes \xc3\xa9" : "");
  }
}

TEST_P(HttpClientContract, AnyAnswerIsAnAnswer) {
  for (const int status : {200, 201, 302, 404, 429, 500, 503}) {
    const auto url = serve(HttpResponse{.status = status,
                                        .headers = {{"location", "http://example.org/elsewhere"}},
                                        .body = "said"});
    const auto response = send({.url = url + "/"});
    ASSERT_TRUE(response) << status << response.error().describe();
    EXPECT_EQ(response->status, status);
    EXPECT_EQ(response->headers.at("location"), "http://example.org/elsewhere");
    EXPECT_EQ(response->body, "said");
  }
}

TEST_P(HttpClientContract, TakesNoMoreThanItShould) {
  const HttpResponse much{.status = 200, .body = std::string(50'000, 'x')};
  const auto refused = send({.url = serve(much) + "/", .max_response_bytes = 49'999});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::exhausted);
  EXPECT_EQ(send({.url = serve(much) + "/", .max_response_bytes = 50'000}).value().body.size(),
            50'000u);
}

TEST_P(HttpClientContract, GivesUpWhenItsTimeIsOver) {
  constexpr Duration kTimeout{50};
  auto& context = test_context();
  std::optional<Result<HttpResponse>> outcome;
  asio::co_spawn(context, client().send({.url = serve(std::nullopt) + "/", .timeout = kTimeout}),
                 [&](const std::exception_ptr& thrown, Result<HttpResponse> response) {
                   if (thrown) std::rethrow_exception(thrown);
                   outcome.emplace(std::move(response));
                 });
  context.restart();
  context.poll();
  EXPECT_FALSE(outcome);
  under_test_.pass_time(kTimeout);
  run_context(context);
  ASSERT_TRUE(outcome && !*outcome);
  EXPECT_EQ(outcome->error().code, ErrorCode::deadline) << outcome->error().describe();
}

TEST_P(HttpClientContract, SaysWhoCannotBeReached) {
  serve(HttpResponse{.status = 200});
  const auto refused = send({.url = under_test_.nobody + "/"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable) << refused.error().describe();
}

// Whether the time was over first.
inline Task<bool> cancelled_after(HttpClient& client, HttpRequest request,
                                  std::chrono::milliseconds wait) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(co_await asio::this_coro::executor, wait);
  const auto first =
      co_await (client.send(std::move(request)) || timer.async_wait(asio::use_awaitable));
  co_return first.index() == 1;
}

TEST_P(HttpClientContract, EndsTheRequestWhenCancelled) {
  EXPECT_TRUE(run_task(cancelled_after(client(), {.url = serve(std::nullopt) + "/"},
                                       std::chrono::milliseconds(30))));
}

}  // namespace corral::ports::contract
