// Steps that ask an HTTP server: what is sent, what an answer means, and what survives a crash.
#include "domain/workflow.h"
#include "engine/outgoing.h"
#include "engine/testing/engine_fixture.h"

namespace corral::engine {
namespace {

using ports::HttpRequest;
using ports::HttpResponse;

struct HttpKindTest : testing::EngineTest {
  void SetUp() override {
    EngineTest::SetUp();
    boot();
  }
  RunId start(std::string step, std::string more = {}) {
    auto request = h.request("");
    request.definition = "name: w\nsteps:\n  - {name: call, kind: http, " + step + "}\n" + more;
    return h.start(std::move(request));
  }
  RunId finish(std::string step, std::string more = {}) {
    const auto id = start(std::move(step), std::move(more));
    EXPECT_TRUE(h.run_to_end(id));
    return id;
  }
  json::value step(RunId id) { return h.run(id).at("steps").at(0); }
  std::string refusal(std::string step) {
    auto request = h.request("");
    request.definition = "name: w\nsteps:\n  - {name: call, kind: http, " + step + "}\n";
    const auto refused = h.call(h.engine().start_run(request, {"user:ann"}));
    return refused ? "" : refused.error().message;
  }
  static std::string header(const HttpRequest& request, std::string_view name) {
    for (const auto& [key, value] : request.headers)
      if (key == name) return value;
    return "(none)";
  }
};

TEST_F(HttpKindTest, AsksAndGivesTheAnswer) {
  h.http.answer = [](const HttpRequest&) -> Result<HttpResponse> {
    return HttpResponse{.status = 201,
                        .headers = {{"content-type", "application/problem+json; charset=utf-8"},
                                    {"set-cookie", "session=secret"},
                                    {"x-id", "7\xff"}},
                        .body = R"({"n": 3})"};
  };
  const auto id =
      finish("url: \"https://example.org/hook?token=abc\", method: post, json: {a: [1]}");
  ASSERT_EQ(h.status(id), "completed") << error_message(id);
  ASSERT_EQ(h.http.requests.size(), 1u);
  const auto& sent = h.http.requests[0];
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.url, "https://example.org/hook?token=abc");
  EXPECT_EQ(sent.body, R"({"a":[1]})");
  EXPECT_EQ(header(sent, "Content-Type"), "application/json");
  EXPECT_EQ(header(sent, "Idempotency-Key").size(), 36u);
  EXPECT_EQ(sent.timeout, Duration(60'000));
  const auto outputs = step(id).at("outputs").as_object();
  EXPECT_EQ(outputs.at("status"), json::value(201));
  EXPECT_EQ(outputs.at("json"), (json::value{{"n", 3}}));
  EXPECT_EQ(outputs.at("body"), json::value(R"({"n": 3})"));
  EXPECT_EQ(outputs.at("headers").at("x-id"), json::value("7\xef\xbf\xbd"));
  EXPECT_FALSE(outputs.at("headers").as_object().contains("set-cookie"));
  const auto log = h.log(id);
  EXPECT_TRUE(log.contains("POST https://example.org/hook?…\n201, 8 bytes, ")) << log;
  EXPECT_FALSE(log.contains("abc"));
}

TEST_F(HttpKindTest, TakesUrlBodyAndHeadersFromInputsAndNeverLogsAHeader) {
  auto request = h.request("");
  request.definition = R"(name: w
inputs: {host: string, key: string, text: string}
steps:
  - name: call
    kind: http
    url: "https://${{ inputs.host }}/x"
    method: PUT
    body: "said: ${{ inputs.text }}"
    headers: {Authorization: "Bearer ${{ inputs.key }}", content-type: text/markdown, X-Count: 3}
    timeout: 5s
)";
  request.inputs = {{"host", "example.org"}, {"key", "s3cret"}, {"text", "héllo"}};
  const auto id = h.start(request);
  ASSERT_TRUE(h.run_to_end(id));
  ASSERT_EQ(h.status(id), "completed") << error_message(id);
  const auto& sent = h.http.requests.at(0);
  EXPECT_EQ(sent.url, "https://example.org/x");
  EXPECT_EQ(sent.body, "said: héllo");
  EXPECT_EQ(header(sent, "Authorization"), "Bearer s3cret");
  EXPECT_EQ(header(sent, "content-type"), "text/markdown");
  EXPECT_EQ(header(sent, "X-Count"), "3");
  EXPECT_EQ(sent.timeout, Duration(5'000));
  EXPECT_FALSE(h.log(id).contains("s3cret"));
}

TEST_F(HttpKindTest, AnInputCannotSmuggleAHeaderIn) {
  auto request = h.request("");
  request.definition = R"(name: w
inputs: {v: string}
steps:
  - {name: call, kind: http, url: "https://example.org", headers: {X-A: "${{ inputs.v }}"}}
)";
  request.inputs = {{"v", "a\r\nX-B: b"}};
  const auto id = h.start(request);
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(error_code(id), "invalid");
  EXPECT_TRUE(h.http.requests.empty());
}

TEST_F(HttpKindTest, ExpectSaysWhatIsASuccess) {
  h.http.answer = [](const HttpRequest&) -> Result<HttpResponse> {
    return HttpResponse{.status = 404, .body = "no such\nthing"};
  };
  const auto failed = finish("url: \"https://example.org/x\"");
  EXPECT_EQ(error_code(failed), "not_found");
  EXPECT_TRUE(error_message(failed).contains(
      "GET https://example.org/x was answered with 404: no such thing"))
      << error_message(failed);
  EXPECT_EQ(h.status(finish("url: \"https://example.org\", expect: [2xx, 404]")), "completed");
  EXPECT_EQ(h.status(finish("url: \"https://example.org\", expect: 4xx")), "completed");
  EXPECT_EQ(h.status(finish("url: \"https://example.org\", expect: 200")), "failed");
}

TEST_F(HttpKindTest, ABusyServerIsAskedAgainWhenItSays) {
  h.http.answer = [&](const HttpRequest&) -> Result<HttpResponse> {
    if (h.http.requests.size() == 1)
      return HttpResponse{.status = 429, .headers = {{"retry-after", "120"}}};
    return HttpResponse{.status = 200};
  };
  const auto begin = h.clock.now();
  const auto id = finish("url: \"https://example.org\"");
  EXPECT_EQ(h.status(id), "completed");
  ASSERT_EQ(h.http.requests.size(), 2u);
  EXPECT_GE(h.clock.now() - begin, Duration(120'000));
  EXPECT_NE(header(h.http.requests[0], "Idempotency-Key"),
            header(h.http.requests[1], "Idempotency-Key"))
      << "another attempt is another request";
}

TEST_F(HttpKindTest, RetryOnNamesWhatIsTriedAgain) {
  h.http.answer = [](const HttpRequest&) -> Result<HttpResponse> {
    return HttpResponse{.status = 409};
  };
  const auto id = finish("url: \"https://example.org\", retry: {attempts: 3, on: [conflict]}");
  EXPECT_EQ(error_code(id), "conflict");
  EXPECT_EQ(h.http.requests.size(), 3u);
  h.http.requests.clear();
  h.http.takes = Duration(10'000);
  const auto slow = finish("url: \"https://example.org\", timeout: 2s");
  EXPECT_EQ(error_code(slow), "deadline");
  EXPECT_EQ(h.http.requests.size(), 1u);
}

TEST_F(HttpKindTest, ACrashSendsTheSameRequestAgain) {
  h.http.takes = Duration(20'000);
  const auto id = start("url: \"https://example.org\", method: POST");
  ASSERT_TRUE(h.run_until([&] { return h.http.requests.size() == 1; }));
  h.crash();
  boot();
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed");
  ASSERT_EQ(h.http.requests.size(), 2u);
  EXPECT_EQ(header(h.http.requests[0], "Idempotency-Key"),
            header(h.http.requests[1], "Idempotency-Key"));
  EXPECT_EQ(h.count(id, "run.step.started", "call"), 1);
  EXPECT_TRUE(h.logs.mismatches.empty());
}

TEST_F(HttpKindTest, CancellingTheRunEndsTheRequest) {
  h.http.takes = Duration(50'000);
  const auto id = start("url: \"https://example.org\"");
  ASSERT_TRUE(h.run_until([&] { return h.http.requests.size() == 1; }));
  const auto begin = h.clock.now();
  ASSERT_TRUE(h.call(h.engine().cancel_run(id, "enough", {"user:ann"})));
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "cancelled");
  EXPECT_LT(h.clock.now() - begin, Duration(10'000));
}

TEST_F(HttpKindTest, NeedsNoWorkspace) {
  const auto id = finish("url: \"https://example.org\"");
  EXPECT_EQ(h.status(id), "completed");
  EXPECT_TRUE(h.world.machines.empty());
}

TEST_F(HttpKindTest, ADefinitionIsCheckedAtItsPlace) {
  EXPECT_TRUE(refusal("url: \"ftp://x\"").contains(":3:30: `url:` of step \"call\""))
      << refusal("url: \"ftp://x\"");
  for (const char* wrong :
       {"method: GET", "url: \"https://x\", method: FETCH", "url: \"https://x\", body: b",
        "url: \"https://x\", method: POST, body: b, json: 1", "url: \"https://x\", expect: 2xy",
        "url: \"https://x\", expect: []", "url: \"https://x\", headers: {Host: y}",
        "url: \"https://x\", headers: {\"a b\": y}", "url: \"https://x\", headers: {a: [1]}",
        "url: \"https://x\", headers: no", "url: \"https://x\", verb: GET"})
    EXPECT_FALSE(refusal(wrong).empty()) << wrong;
}

TEST(Outgoing, APauseIsReadFromWhatServersSend) {
  const Time now = *time_from_rfc3339("2026-11-21T10:00:00Z");
  const auto pause = [&](int status, AnswerHeaders headers) {
    return pause_of(status, headers, now).count() / 1000;
  };
  EXPECT_EQ(pause(429, {{"retry-after", "7"}}), 7);
  EXPECT_EQ(pause(503, {{"retry-after", "Sat, 21 Nov 2026 10:01:30 GMT"}}), 90);
  EXPECT_EQ(pause(503, {{"retry-after", "Sat, 21 Nov 2026 09:00:00 GMT"}}), 0);
  EXPECT_EQ(pause(429, {{"retry-after", "99999999999999"}}), 86'400);
  EXPECT_EQ(pause(429, {{"retry-after", "soon"}}), 0);
  EXPECT_EQ(pause(500, {{"retry-after", "7"}}), 0);
  EXPECT_EQ(pause(529, {{"anthropic-ratelimit-tokens-remaining", "0"},
                        {"anthropic-ratelimit-tokens-reset", "2026-11-21T10:00:30Z"},
                        {"anthropic-ratelimit-requests-remaining", "5"},
                        {"anthropic-ratelimit-requests-reset", "2026-11-21T11:00:00Z"}}),
            30);
}

}  // namespace
}  // namespace corral::engine
