// Who gets in: tokens, cookies, origins, rates, and where a server may listen.
#include <gtest/gtest.h>

#include "edge/http/api.h"
#include "edge/http/auth.h"
#include "edge/http/rate_limit.h"

namespace corral::edge {
namespace {

Request request(std::string method, std::map<std::string, std::string> headers) {
  Request result;
  result.method = std::move(method);
  result.headers = std::move(headers);
  return result;
}

TEST(Auth, KnowsLoopbackNames) {
  for (const char* host :
       {"localhost", "LOCALHOST:80", "127.0.0.1:7777", "127.9.9.9", "[::1]:80", "[::1]"})
    EXPECT_TRUE(is_loopback_host(host)) << host;
  for (const char* host : {"", "example.com", "localhost.example.com", "127.0.0.1.nip.io",
                           "10.0.0.1", "[::2]", "0.0.0.0"})
    EXPECT_FALSE(is_loopback_host(host)) << host;
}

TEST(Auth, AnOpenServerAnswersOnlyToItsOwnNames) {
  const Auth open(Secret(), {"box.lan"});
  EXPECT_TRUE(open.check_origin(request("GET", {{"host", "localhost:80"}})));
  EXPECT_TRUE(open.check_origin(request("GET", {{"host", "box.lan:80"}})));
  EXPECT_EQ(open.check_origin(request("GET", {{"host", "rebound.example:80"}})).error().code,
            ErrorCode::forbidden);
  const Auth closed(Secret("t"), {});
  EXPECT_TRUE(closed.check_origin(request("GET", {{"host", "corral.example"}})));
}

TEST(Auth, OtherSitesChangeNothing) {
  for (const char* token : {"", "t"}) {
    const Auth auth{Secret(token), {}};
    const auto allowed = [&](std::string method, std::map<std::string, std::string> headers) {
      headers["host"] = "localhost:80";
      return auth.check_origin(request(std::move(method), std::move(headers))).has_value();
    };
    EXPECT_TRUE(allowed("POST", {}));
    EXPECT_TRUE(
        allowed("POST", {{"origin", "http://localhost:80"}, {"sec-fetch-site", "same-origin"}}));
    EXPECT_FALSE(allowed("POST", {{"origin", "http://localhost:81"}}));
    EXPECT_FALSE(allowed("POST", {{"origin", "null"}}));
    EXPECT_FALSE(allowed("DELETE", {{"sec-fetch-site", "cross-site"}}));
    EXPECT_FALSE(allowed("POST", {{"sec-fetch-site", "same-site"}}));
    EXPECT_TRUE(allowed("GET", {{"origin", "https://example.com"}}));
    // Browsers open WebSockets to any site, with its cookies.
    EXPECT_FALSE(allowed("GET", {{"origin", "https://example.com"}, {"upgrade", "websocket"}}));
    EXPECT_TRUE(allowed("GET", {{"origin", "http://localhost:80"}, {"upgrade", "websocket"}}));
    EXPECT_TRUE(allowed("GET", {{"upgrade", "websocket"}}));
  }
}

TEST(Auth, TakesTheTokenOrTheCookieAndNothingElse) {
  const Auth auth(Secret("correct horse"), {});
  EXPECT_EQ(auth.authenticate(request("GET", {{"authorization", "Bearer correct horse"}})).value(),
            "user:admin");
  EXPECT_EQ(auth.authenticate(request("GET", {{"authorization", "bearer correct horse"}})).value(),
            "user:admin");
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer correct hors", "Bearer correct horsee",
                            "Basic correct horse"})
    EXPECT_EQ(auth.authenticate(request("GET", {{"authorization", wrong}})).error().code,
              ErrorCode::unauthenticated)
        << wrong;

  const auto cookie = auth.login_cookie(false);
  EXPECT_NE(cookie.find("HttpOnly"), std::string::npos);
  EXPECT_NE(cookie.find("SameSite=Strict"), std::string::npos);
  EXPECT_EQ(cookie.find("horse"), std::string::npos);
  const auto pair = cookie.substr(0, cookie.find(';'));
  EXPECT_TRUE(auth.authenticate(request("GET", {{"cookie", "theme=dark; " + pair}})));
  EXPECT_FALSE(auth.authenticate(request("GET", {{"cookie", pair + "0"}})));
  EXPECT_FALSE(auth.authenticate(request("GET", {{"cookie", "corral_session="}})));
  EXPECT_FALSE(Auth(Secret("another"), {}).authenticate(request("GET", {{"cookie", pair}})));
  EXPECT_NE(auth.login_cookie(true).find("; Secure"), std::string::npos);
}

TEST(ListenPolicy, WantsATokenBeyondLoopback) {
  for (const char* address : {"127.0.0.1", "::1", "127.0.0.2"})
    EXPECT_TRUE(check_listen_policy(address, false)) << address;
  for (const char* address : {"0.0.0.0", "::", "192.168.1.5", "fe80::1"}) {
    EXPECT_EQ(check_listen_policy(address, false).error().code, ErrorCode::forbidden) << address;
    EXPECT_TRUE(check_listen_policy(address, true)) << address;
  }
}

TEST(RateLimiter, GivesABurstThenARate) {
  RateLimiter limiter(2, 3);
  Time now{};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limiter.take("a", now).allowed);
  EXPECT_TRUE(limiter.exhausted("a", now));
  const auto refused = limiter.take("a", now);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_after_s, 1u);
  EXPECT_TRUE(limiter.take("b", now).allowed);
  now += Duration(500);
  EXPECT_TRUE(limiter.take("a", now).allowed);
  EXPECT_FALSE(limiter.take("a", now).allowed);
  EXPECT_FALSE(limiter.take("a", now - Duration(10'000)).allowed);
  now += std::chrono::hours(1);
  EXPECT_EQ(limiter.take("a", now).remaining, 2u);
}

TEST(RateLimiter, RemembersABoundedNumberOfCallers) {
  RateLimiter limiter(1, 2, 2);
  EXPECT_TRUE(limiter.take("a", Time{}).allowed);
  EXPECT_TRUE(limiter.take("b", Time{}).allowed);
  EXPECT_FALSE(limiter.take("c", Time{}).allowed);
  EXPECT_TRUE(limiter.take("c", Time{} + Duration(2000)).allowed);
}

TEST(RateLimiter, ZeroIsNoLimit) {
  RateLimiter limiter(0, 0);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limiter.take("a", Time{}).allowed);
}

}  // namespace
}  // namespace corral::edge
