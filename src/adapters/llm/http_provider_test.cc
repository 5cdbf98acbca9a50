#include <curl/curl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "adapters/llm/providers.h"
#include "adapters/llm/testing/support.h"

namespace corral::adapters::llm {
namespace {

using namespace testing;
using ::testing::HasSubstr;

std::vector<Upstream> one(std::string url, std::string key = "real-key",
                          ports::LlmVendor vendor = ports::LlmVendor::anthropic) {
  std::vector<Upstream> upstreams;
  upstreams.push_back({vendor, std::move(url), Secret(std::move(key))});
  return upstreams;
}

std::unique_ptr<ports::LlmProvider> provider(std::string url) {
  return make_http_provider(one(std::move(url))).value();
}

TEST(HttpProvider, StreamsTheAnswer) {
  ModelServer server;
  CollectingSink sink;
  ASSERT_TRUE(run_task(
      provider(server.url)
          ->exchange(
              request(R"([{"text":"one two three four five six seven eight nine","delay_ms":5}])"),
              sink)));
  EXPECT_EQ(sink.answer.status, 200);
  EXPECT_THAT(sink.answer.headers.at("content-type"), HasSubstr("text/event-stream"));
  EXPECT_THAT(sink.answer.headers.at("request-id"), HasSubstr("req_"));
  EXPECT_FALSE(sink.answer.headers.contains("server"));
  EXPECT_GT(sink.pieces, 1u);
  EXPECT_THAT(sink.text, HasSubstr("message_stop"));
}

TEST(HttpProvider, GivesTheProvidersOwnErrorAsAnAnswer) {
  ModelServer server;
  CollectingSink sink;
  ASSERT_TRUE(run_task(provider(server.url)->exchange(request(R"([{"status":529}])"), sink)));
  EXPECT_EQ(sink.answer.status, 529);
  EXPECT_THAT(sink.text, HasSubstr("overloaded_error"));
}

TEST(HttpProvider, SaysWhenTheAnswerBreaksOff) {
  ModelServer server;
  CollectingSink sink;
  const auto broken =
      run_task(provider(server.url)
                   ->exchange(request(R"([{"text":"one two three","disconnect_after":3}])"), sink));
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::unavailable);
  EXPECT_EQ(sink.answer.status, 200);
}

TEST(HttpProvider, SaysWhichProviderCannotBeReached) {
  CollectingSink sink;
  const auto refused = run_task(provider("http://127.0.0.1:1")->exchange(request("[]"), sink));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("http://127.0.0.1:1"));
}

TEST(HttpProvider, NeedsAKeyForAnthropicItself) {
  CollectingSink sink;
  auto keyless = make_http_provider(one("", "")).value();
  EXPECT_EQ(run_task(keyless->exchange(request("[]"), sink)).error().code,
            ErrorCode::unauthenticated);
}

TEST(HttpProvider, GivesEachVendorItsOwnKeyInItsOwnHeader) {
  ModelServer server;
  struct Case {
    ports::LlmVendor vendor;
    const char *path, *body, *answer;
  };
  for (const auto& [vendor, path, body, answer] :
       {Case{ports::LlmVendor::openai, "/v1/responses",
             R"({"model":"m","input":"x","tools":[{"name":"x"}]})", "output_text"},
        Case{ports::LlmVendor::openai, "/v1/chat/completions",
             R"({"model":"m","messages":[{"role":"user","content":"x"}]})", "chat.completion"},
        Case{ports::LlmVendor::google, "/v1beta/models/m:generateContent",
             R"({"contents":[{"role":"user","parts":[{"text":"x"}]}]})", "usageMetadata"}}) {
    CollectingSink sink;
    auto upstreams = one("http://127.0.0.1:1");
    // A version at the end, as clients' settings have it, is not sent twice.
    upstreams.push_back(std::move(one(server.url + "/v1/", "key-of-this", vendor).front()));
    auto both = make_http_provider(std::move(upstreams)).value();
    ASSERT_TRUE(run_task(both->exchange(
        {.run = {}, .path = path, .headers = {{"content-type", "application/json"}}, .body = body},
        sink)))
        << path;
    EXPECT_EQ(sink.answer.status, 200) << path;
    EXPECT_THAT(sink.text, HasSubstr(answer));
  }
}

TEST(HttpProvider, RefusesAPathOfNoProtocolAndOfAVendorThatIsNotSetUp) {
  auto model = provider("http://127.0.0.1:1");
  CollectingSink sink;
  for (const char* path : {"/v1/models", "/v1/responses", "/v1beta/models/../x:generateContent"})
    EXPECT_EQ(
        run_task(model->exchange({.run = {}, .path = path, .headers = {}, .body = "{}"}, sink))
            .error()
            .code,
        ErrorCode::not_found)
        << path;
}

TEST(HttpProvider, RefusesUrlsThatDoNotDo) {
  for (const char* url :
       {"api.anthropic.com", "ftp://x", "http://", "https://me:secret@x", "http://x?y"}) {
    const auto refused = make_http_provider(one(url));
    ASSERT_FALSE(refused) << url;
    EXPECT_THAT(refused.error().message, Not(HasSubstr("secret")));
  }
  EXPECT_TRUE(make_http_provider(one("http://[::1]:80/prefix/")));
}

Task<bool> cancelled_after(ports::LlmProvider& model, ports::LlmRequest asked, CollectingSink& sink,
                           std::chrono::milliseconds wait) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(co_await asio::this_coro::executor, wait);
  const auto first =
      co_await (model.exchange(std::move(asked), sink) || timer.async_wait(asio::use_awaitable));
  co_return first.index() == 1;
}

TEST(HttpProvider, EndsTheExchangeWhenCancelled) {
  ModelServer server;
  auto model = provider(server.url);
  CollectingSink sink;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(run_task(cancelled_after(*model, request(R"([{"first_ms":20000,"text":"late"}])"),
                                       sink, std::chrono::milliseconds(50))));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(sink.answer.status, 0);
}

// Takes a moment for its first piece, while the provider sends on.
struct SlowSink final : ports::LlmSink {
  std::string text;
  std::size_t largest = 0;
  Task<Result<void>> head(ports::LlmResponseHead) override { co_return Result<void>{}; }
  Task<Result<void>> body(std::string bytes) override {
    if (text.empty()) {
      asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(100));
      co_await timer.async_wait(asio::use_awaitable);
    }
    largest = std::max(largest, bytes.size());
    text += bytes;
    co_return Result<void>{};
  }
};

TEST(HttpProvider, HoldsNoMoreThanItsReaderTakes) {
  ModelServer server;
  auto model = make_http_provider(one(server.url), {.max_buffered_bytes = 20'000}).value();
  SlowSink sink;
  const std::string script = fmt::format(R"([{{"text":"{}"}}])", std::string(300'000, 'x'));
  ASSERT_TRUE(run_task(model->exchange(request(script), sink)));
  EXPECT_LE(sink.largest, 20'000u + CURL_MAX_WRITE_SIZE);
  EXPECT_THAT(sink.text, HasSubstr("message_stop"));
  EXPECT_GT(sink.text.size(), 300'000u);
}

TEST(HttpProvider, EndsExchangesUnderWayWhenItIsDestroyed) {
  ModelServer server;
  auto model = provider(server.url);
  asio::io_context context;
  std::optional<Result<void>> outcome;
  CollectingSink sink;
  asio::co_spawn(context, model->exchange(request(R"([{"first_ms":20000,"text":"late"}])"), sink),
                 [&](std::exception_ptr, Result<void> result) { outcome = std::move(result); });
  context.run_for(std::chrono::milliseconds(50));
  // The coroutine outlives the provider here only to take its last news; in the program the server
  // is stopped first.
  context.restart();
  model.reset();
  context.run_for(std::chrono::milliseconds(500));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace corral::adapters::llm
