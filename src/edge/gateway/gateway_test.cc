#include "edge/gateway/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/json.h"
#include "edge/gateway/testing/fake_service.h"

namespace corral::edge {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kAnswer =
    "data: "
    "{\"type\":\"message_start\",\"message\":{\"model\":\"claude-x\",\"usage\":{\"input_tokens\":"
    "10,\"output_tokens\":1}}}\n\n"
    "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":20}}\n\n";

// A client on a connection of its own: takes `takes` pieces and then hangs up.
class FakeClient final : public Responder {
 public:
  explicit FakeClient(const Executor& executor) : closed_(executor) {
    closed_.expires_at(asio::steady_timer::time_point::max());
  }

  Task<Result<void>> send(int code, Headers given, std::string text) override {
    if (gone_) co_return fail(ErrorCode::cancelled, "gone");
    status = code;
    headers = std::move(given);
    body = std::move(text);
    co_return Result<void>{};
  }
  Task<Result<void>> start(int code, Headers given) override {
    status = code;
    headers = std::move(given);
    started_ = true;
    co_return Result<void>{};
  }
  Task<Result<void>> write(std::string bytes) override {
    if (takes-- <= 0) hang_up();
    if (gone_) co_return fail(ErrorCode::cancelled, "gone");
    body += bytes;
    co_return Result<void>{};
  }
  bool started() const override { return started_; }
  bool gone() const override { return gone_; }
  Task<void> wait_gone() override {
    boost::system::error_code ignored;
    if (!gone_) co_await closed_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  void abort() override { aborted = true; }
  void hang_up() {
    gone_ = true;
    closed_.cancel();
  }

  int status = 0, takes = 1000;
  Headers headers;
  std::string body;
  bool aborted = false;

 private:
  bool started_ = false, gone_ = false;
  asio::steady_timer closed_;
};

// Answers with kAnswer in small pieces, or as told.
struct FakeProvider final : ports::LlmProvider {
  ports::LlmRequest last;
  Result<void> before{}, after{};
  Duration think{0};
  int status = 200, asked = 0;
  bool ended = false;
  std::map<std::string, std::string> headers{{"content-type", "text/event-stream"}};
  std::string answer{kAnswer};

  Task<Result<void>> exchange(ports::LlmRequest request, ports::LlmSink& sink) override {
    ++asked;
    last = std::move(request);
    if (think.count() > 0) co_await SystemClock::instance().sleep(think);
    if (!before) co_return before;
    CORRAL_CO_CHECK(co_await sink.head({.status = status, .headers = headers}));
    for (std::size_t at = 0; at < answer.size(); at += 40)
      CORRAL_CO_CHECK(co_await sink.body(answer.substr(at, 40)));
    ended = true;
    co_return after;
  }
};

class GatewayTest : public ::testing::Test {
 protected:
  Request request(std::string body = R"({"model":"claude-x","messages":[]})") {
    return {.method = "POST",
            .target = "",
            .path = "/v1/messages",
            .query = {},
            .headers = {{"x-api-key", service.token}},
            .body = std::move(body),
            .peer = "",
            .params = {}};
  }
  void serve(Request asked, FakeClient& who) {
    asio::co_spawn(context, handler(std::move(asked), who), [](std::exception_ptr thrown) {
      if (thrown) std::rethrow_exception(thrown);
    });
  }
  // Serves one request to its end.
  FakeClient& ask(Request asked) {
    serve(std::move(asked), client);
    context.run();
    context.restart();
    return client;
  }
  std::string header(std::string_view name) const {
    for (const auto& [key, value] : client.headers)
      if (key == name) return value;
    return "";
  }
  std::string error_type() const {
    return std::string(find_string(parse_json(client.body, "answer").value(), {"error", "type"}));
  }

  asio::io_context context;
  testing::FakeService service;
  FakeProvider provider;
  FakeClient client{context.get_executor()};
  GatewayOptions options;
  Handler handler = make_gateway_handler(service, provider, SystemClock::instance());
};

TEST_F(GatewayTest, PassesAStreamOnAndCountsWhatItUsed) {
  EXPECT_EQ(ask(request()).body, kAnswer);
  EXPECT_EQ(client.status, 200);
  EXPECT_FALSE(client.aborted);
  ASSERT_EQ(service.calls.size(), 1u);
  EXPECT_EQ(service.calls[0].model, "claude-x");
  EXPECT_EQ(service.calls[0].input_tokens, 10);
  EXPECT_EQ(service.calls[0].output_tokens, 20);
  EXPECT_EQ(service.calls[0].status, 200);
}

TEST_F(GatewayTest, SendsNoCredentialOfTheSandboxOn) {
  auto asked =
      request(R"({"messages":[{"role":"user","content":"env says run-token-0123456789"}]})");
  asked.headers.insert({{"authorization", "Bearer " + service.token},
                        {"cookie", "a"},
                        {"x-forwarded-for", "b"},
                        {"anthropic-version", "2023-06-01"}});
  ask(std::move(asked));
  EXPECT_EQ(provider.last.headers,
            (std::map<std::string, std::string>{{"anthropic-version", "2023-06-01"}}));
  EXPECT_THAT(provider.last.body, Not(HasSubstr(service.token)));
}

TEST_F(GatewayTest, TakesTheTokenAsBearerToo) {
  auto asked = request();
  asked.headers = {{"authorization", "Bearer " + service.token}};
  EXPECT_EQ(ask(std::move(asked)).status, 200);
}

TEST_F(GatewayTest, RefusesWhoHasNoTokenOrAWrongOne) {
  auto asked = request();
  asked.headers.clear();
  EXPECT_EQ(ask(asked).status, 401);
  asked.headers = {{"x-api-key", "sk-ant-guess"}};
  EXPECT_EQ(ask(asked).status, 401);
  EXPECT_EQ(error_type(), "authentication_error");
  EXPECT_EQ(header("x-should-retry"), "false");
  service.ended = true;
  EXPECT_EQ(ask(request()).status, 403);
  EXPECT_EQ(provider.asked, 0);
}

TEST_F(GatewayTest, RefusesAnotherRunsTokenOnThisWorkspacesConnection) {
  options.run_of_peer = [](std::string_view peer) -> std::optional<RunId> {
    if (peer == "workspace-2") return RunId{Uuid{{2}}};
    return std::nullopt;
  };
  handler = make_gateway_handler(service, provider, SystemClock::instance(), options);
  auto asked = request();
  asked.peer = "workspace-2";
  EXPECT_EQ(ask(asked).status, 403);
  asked.peer = "workspace-unknown";
  EXPECT_EQ(ask(asked).status, 200);
}

TEST_F(GatewayTest, RefusesWhenTheBudgetIsSpentSoThatTheAgentDoesNotRetry) {
  service.budget_spent = true;
  EXPECT_EQ(ask(request()).status, 402);
  EXPECT_EQ(error_type(), "billing_error");
  EXPECT_EQ(header("x-should-retry"), "false");
  EXPECT_THAT(client.body, HasSubstr("the run's budget of $1.00 is spent"));
  EXPECT_EQ(provider.asked, 0);
}

TEST_F(GatewayTest, RefusesWhatWouldReachTheNetworkThroughTheProvider) {
  for (
      const char* body :
      {R"({"tools":[{"type":"web_search_20250305","name":"web_search"}],"messages":[]})",
       R"({"tools":[{"name":"Bash"},{"type":"code_execution_20250825","name":"c"}],"messages":[]})",
       R"({"mcp_servers":[{"type":"url","url":"https://x"}],"messages":[]})",
       R"({"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://x"}}]}]})",
       R"({"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"document","source":{"type":"url"}}]}]}]})"}) {
    EXPECT_EQ(ask(request(body)).status, 403) << body;
    EXPECT_EQ(error_type(), "permission_error");
  }
  EXPECT_EQ(provider.asked, 0);
  EXPECT_EQ(
      ask(request(R"({"tools":[{"type":"custom","name":"x"},{"type":"bash_20250124","name":"bash"}],
                            "messages":[{"role":"assistant","content":[{"type":"tool_use","input":{"source":{"type":"url"}}}]}]})"))
          .status,
      200);
}

TEST_F(GatewayTest, RefusesABodyThatIsNoJson) {
  EXPECT_EQ(ask(request("{")).status, 400);
  EXPECT_EQ(ask(request("[]")).status, 400);
  EXPECT_EQ(ask(request(std::string(100'000, '['))).status, 400);
}

TEST_F(GatewayTest, GivesTheProvidersOwnErrorOn) {
  provider.status = 529;
  EXPECT_EQ(ask(request()).status, 529);
  EXPECT_EQ(service.calls.at(0).status, 529);
  EXPECT_EQ(header("x-should-retry"), "");
  provider.status = 401;  // of the server's own key
  EXPECT_EQ(ask(request()).status, 401);
  EXPECT_EQ(header("x-should-retry"), "false");
}

TEST_F(GatewayTest, SaysThatTheProviderCannotBeReachedAndLetsTheAgentRetry) {
  provider.before = fail(ErrorCode::unavailable, "no route");
  EXPECT_EQ(ask(request()).status, 502);
  EXPECT_EQ(header("x-should-retry"), "true");
  EXPECT_EQ(service.calls.at(0).input_tokens, 0);
}

TEST_F(GatewayTest, SaysWhatDoesNotFitTheCassetteAndDoesNotLetTheAgentRetry) {
  provider.before = fail(ErrorCode::invalid, "the cassette does not fit at turn 2: …");
  EXPECT_EQ(ask(request()).status, 400);
  EXPECT_THAT(client.body, HasSubstr("turn 2"));
  EXPECT_EQ(header("x-should-retry"), "false");
}

TEST_F(GatewayTest, ShowsTheClientThatAnAnswerBrokeOff) {
  provider.after = fail(ErrorCode::unavailable, "reset");
  EXPECT_TRUE(ask(request()).aborted);
  EXPECT_EQ(service.calls.at(0).input_tokens, 10);
}

TEST_F(GatewayTest, CountsWhatWasUsedWhenTheClientGoesMidway) {
  client.takes = 4;  // the first event and a little
  ask(request());
  ASSERT_EQ(service.calls.size(), 1u);
  EXPECT_EQ(service.calls[0].status, 499);
  EXPECT_EQ(service.calls[0].input_tokens, 10);
  EXPECT_FALSE(provider.ended);
}

TEST_F(GatewayTest, EndsTheExchangeWhenTheClientGoesBeforeTheAnswer) {
  provider.think = Duration(60'000);
  serve(request(R"({"messages":[{"role":"user","content":"a question of some length"}]})"), client);
  context.poll();
  client.hang_up();
  context.run();
  ASSERT_EQ(service.calls.size(), 1u);
  EXPECT_EQ(service.calls[0].status, 499);
  EXPECT_GT(service.calls[0].input_tokens, 10);  // the provider has the request: an estimate
}

TEST_F(GatewayTest, BoundsTheCallsOfOneRunAtATime) {
  provider.think = Duration(50);
  std::vector<std::unique_ptr<FakeClient>> clients;
  for (int i = 0; i < 9; ++i) {
    clients.push_back(std::make_unique<FakeClient>(context.get_executor()));
    serve(request(), *clients.back());
  }
  context.run();
  context.restart();
  for (int i = 0; i < 8; ++i) EXPECT_EQ(clients[i]->status, 200);
  EXPECT_EQ(clients[8]->status, 429);
  EXPECT_EQ(ask(request()).status, 200);  // there is room again
}

TEST_F(GatewayTest, CountsTokensWithoutCharging) {
  service.budget_spent = true;
  auto asked = request();
  asked.path = "/v1/messages/count_tokens";
  EXPECT_EQ(ask(std::move(asked)).status, 200);
  EXPECT_TRUE(service.calls.empty());
}

// ---- the other protocols ----

struct Spoken {
  const char *path, *target, *header, *prefix, *body, *answer;
};

const Spoken kSpoken[] = {
    {"/v1/responses", "/v1/responses", "authorization", "Bearer ",
     R"({"model":"gpt-5","input":"x"})",
     R"(data: {"type":"response.completed","response":{"model":"gpt-5","usage":{"input_tokens":10,"output_tokens":20}}})"},
    {"/v1/chat/completions", "/v1/chat/completions", "authorization", "Bearer ",
     R"({"model":"gpt-5","messages":[]})",
     R"(data: {"model":"gpt-5","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":20}})"},
    {"/v1beta/models/gemini-2.5-pro:streamGenerateContent",
     "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse", "x-goog-api-key", "",
     R"({"contents":[]})",
     R"(data: {"modelVersion":"gemini-2.5-pro","usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":20}})"}};

TEST_F(GatewayTest, SpeaksEveryProtocolWithTheRunsTokenInPlaceOfTheKey) {
  for (const auto& spoken : kSpoken) {
    auto asked = request(spoken.body);
    asked.path = spoken.path;
    asked.query = {{"alt", "sse"}};
    asked.headers = {{spoken.header, spoken.prefix + service.token}};
    provider.answer = std::string(spoken.answer) + "\n\n";
    EXPECT_EQ(ask(asked).status, 200) << spoken.path;
    EXPECT_EQ(provider.last.path, spoken.target);
    EXPECT_TRUE(provider.last.headers.empty());
    EXPECT_EQ(service.calls.back().input_tokens, 10) << spoken.path;
    EXPECT_EQ(service.calls.back().output_tokens, 20) << spoken.path;
    asked.headers = {{spoken.header, std::string(spoken.prefix) + "sk-guess"}};
    EXPECT_EQ(ask(asked).status, 401) << spoken.path;
    EXPECT_THAT(client.body, HasSubstr("\"error\":{"));
  }
  EXPECT_EQ(service.calls.size(), std::size(kSpoken));
  EXPECT_EQ(service.calls.back().model, "gemini-2.5-pro");
}

TEST_F(GatewayTest, TakesTheTokenOutOfTheQuery) {
  auto asked = request(R"({"contents":[]})");
  asked.path = "/v1beta/models/m:generateContent";
  asked.headers.clear();
  asked.query = {{"key", service.token}};
  EXPECT_EQ(ask(asked).status, 200);
  EXPECT_EQ(provider.last.path, "/v1beta/models/m:generateContent");
}

TEST_F(GatewayTest, SaysErrorsInTheProtocolsOwnForm) {
  service.budget_spent = true;
  auto asked = request(R"({"contents":[]})");
  asked.path = "/v1beta/models/m:generateContent";
  EXPECT_EQ(ask(asked).status, 402);
  EXPECT_EQ(find_string(parse_json(client.body, "answer").value(), {"error", "status"}),
            "PERMISSION_DENIED");
  asked.path = "/v1/responses";
  EXPECT_EQ(ask(asked).status, 402);
  EXPECT_EQ(find_string(parse_json(client.body, "answer").value(), {"error", "code"}),
            "billing_error");
}

TEST_F(GatewayTest, RefusesWhatWouldReachTheNetworkInEveryProtocol) {
  const std::pair<const char*, const char*> requests[] = {
      {"/v1/responses", R"({"tools":[{"type":"web_search"}]})"},
      {"/v1/responses",
       R"({"tools":[{"type":"function"},{"type":"mcp","server_url":"https://x"}]})"},
      {"/v1/responses",
       R"({"tools":[{"type":"namespace","tools":[{"type":"code_interpreter"}]}]})"},
      {"/v1/responses", R"({"tools":[{"type":"shell","environment":{"type":"container_auto"}}]})"},
      {"/v1/responses", R"({"previous_response_id":"resp_1"})"},
      {"/v1/responses",
       R"({"input":[{"role":"user","content":[{"type":"input_image","image_url":"https://x"}]}]})"},
      {"/v1/responses",
       R"({"input":[{"type":"function_call_output","output":[{"type":"input_file","file_url":"http://x"}]}]})"},
      {"/v1/chat/completions", R"({"web_search_options":{}})"},
      {"/v1/chat/completions",
       R"({"messages":[{"content":[{"type":"image_url","image_url":{"url":"https://x"}}]}]})"},
      {"/v1beta/models/m:generateContent", R"({"tools":[{"googleSearch":{}}]})"},
      {"/v1beta/models/m:generateContent",
       R"({"tools":[{"functionDeclarations":[]},{"urlContext":{}}]})"},
      {"/v1beta/models/m:generateContent",
       R"({"contents":[{"parts":[{"fileData":{"fileUri":"https://x"}}]}]})"}};
  for (const auto& [path, body] : requests) {
    auto asked = request(body);
    asked.path = path;
    EXPECT_EQ(ask(asked).status, 403) << body;
  }
  EXPECT_EQ(provider.asked, 0);
  const std::pair<const char*, const char*> fine[] = {
      {"/v1/responses",
       R"({"tools":[{"type":"function"},{"type":"namespace","tools":[{"type":"function"}]}],
           "input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,AA"}]}]})"},
      {"/v1/chat/completions", R"({"tools":[{"type":"function"}],"messages":[]})"},
      {"/v1beta/models/m:generateContent", R"({"tools":[{"functionDeclarations":[]}]})"}};
  for (const auto& [path, body] : fine) {
    auto asked = request(body);
    asked.path = path;
    EXPECT_EQ(ask(asked).status, 200) << body;
    EXPECT_EQ(provider.last.body, body);
  }
}

TEST_F(GatewayTest, HasAStreamedChatTellWhatItUsed) {
  auto asked = request(R"({"model":"m","stream":true,"stream_options":{"x":1},"messages":[]})");
  asked.path = "/v1/chat/completions";
  ask(asked);
  const auto sent = parse_json(provider.last.body, "body").value();
  EXPECT_TRUE(find_bool(sent, {"stream_options", "include_usage"}));
  EXPECT_EQ(find_int(sent, {"stream_options", "x"}), 1);
}

TEST_F(GatewayTest, ForwardsNoPathThatOnlyLooksLikeAModel) {
  for (const char* path :
       {"/v1beta/models/a/b:generateContent", "/v1beta/models/..:generateContent",
        "/v1beta/models/a%2e:generateContent", "/v1beta/models/:generateContent", "/v1/messagesx",
        "/v1/responses/resp_1"}) {
    auto asked = request();
    asked.path = path;
    EXPECT_EQ(ask(asked).status, 404) << path;
  }
}

TEST_F(GatewayTest, TellsUntilWhenTheProviderRefuses) {
  provider.status = 429;
  provider.headers = {{"content-type", "application/json"}, {"retry-after", "3600"}};
  provider.answer = "{}";
  const Time before = SystemClock::instance().now();
  EXPECT_EQ(ask(request()).status, 429);
  EXPECT_EQ(header("x-should-retry"), "false");
  ASSERT_TRUE(service.calls.at(0).retry_at);
  EXPECT_GE(*service.calls[0].retry_at, before + std::chrono::hours(1));

  provider.headers["retry-after"] = "5";  // the agent sits that out
  EXPECT_EQ(ask(request()).status, 429);
  EXPECT_EQ(header("x-should-retry"), "");

  provider.headers.erase("retry-after");
  provider.answer =
      R"({"error":{"status":"RESOURCE_EXHAUSTED","details":[{"@type":"google.rpc.RetryInfo","retryDelay":"60s"}]}})";
  ask(request());
  EXPECT_TRUE(service.calls.at(2).retry_at);
  provider.status = 200;
  ask(request());
  EXPECT_FALSE(service.calls.at(3).retry_at);
}

TEST_F(GatewayTest, AnswersTheProbeForLifeAndNothingElse) {
  auto asked = request();
  asked.method = "HEAD";
  asked.path = "/";
  asked.headers.clear();
  EXPECT_EQ(ask(asked).status, 200);
  asked.method = "GET";
  asked.path = "/v1/models";
  EXPECT_EQ(ask(asked).status, 404);
  EXPECT_EQ(error_type(), "not_found_error");
}

}  // namespace
}  // namespace corral::edge
