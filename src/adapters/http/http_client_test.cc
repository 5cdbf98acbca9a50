// The client against a real server on loopback.
#include "adapters/http/http_client.h"

#include <stdlib.h>

#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "ports/contract/http_client_contract.h"

namespace corral::adapters::http {
namespace {

using asio::ip::tcp;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Answers every request with the same bytes; keeps what came. An empty answer: never answers.
class LoopbackServer {
 public:
  LoopbackServer(asio::io_context& context, std::string answer)
      : acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        answer_(std::move(answer)) {
    asio::co_spawn(context, serve(), [](const std::exception_ptr&) {});
  }
  std::string host() const { return fmt::format("127.0.0.1:{}", port()); }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  int connections = 0;
  std::string seen;

 private:
  asio::awaitable<void> serve() {
    for (;;) {
      auto socket = co_await acceptor_.async_accept(asio::use_awaitable);
      ++connections;
      const auto size = co_await asio::async_read_until(socket, asio::dynamic_buffer(seen),
                                                        "\r\n\r\n", asio::use_awaitable);
      const auto length = seen.find("Content-Length: ");
      if (length != std::string::npos) {
        const auto whole = size + std::stoul(seen.substr(length + 16));
        while (seen.size() < whole) {
          std::string more(whole - seen.size(), '\0');
          more.resize(co_await socket.async_read_some(asio::buffer(more), asio::use_awaitable));
          seen += more;
        }
      }
      if (!answer_.empty())
        co_await asio::async_write(socket, asio::buffer(answer_), asio::use_awaitable);
      if (answer_.empty()) kept_.push_back(std::move(socket));
    }
  }

  tcp::acceptor acceptor_;
  std::string answer_;
  std::vector<tcp::socket> kept_;
};

struct HttpClientTest : ::testing::Test {
  asio::io_context context;
  std::unique_ptr<LoopbackServer> server;
  HttpClientOptions options;

  LoopbackServer& serving(std::string answer) {
    server = std::make_unique<LoopbackServer>(context, std::move(answer));
    options.allow = {parse_allowed_host(server->host()).value()};
    return *server;
  }
  Result<ports::HttpResponse> send(ports::HttpRequest request) {
    const auto client = make_http_client(options);
    std::optional<Result<ports::HttpResponse>> outcome;
    asio::co_spawn(context, client->send(std::move(request)),
                   [&](const std::exception_ptr& thrown, Result<ports::HttpResponse> response) {
                     if (thrown) std::rethrow_exception(thrown);
                     outcome.emplace(std::move(response));
                   });
    context.restart();
    while (!outcome) context.run_one();
    return std::move(*outcome);
  }
};

TEST_F(HttpClientTest, SendsWhatTheRequestSaysAndNothingElse) {
  auto& peer = serving(
      "HTTP/1.1 201 Created\r\nContent-Length: 5\r\nX-A: 1\r\nx-a: 2\r\nConnection: "
      "close\r\n\r\nhello");
  const auto response = send({.method = "PUT",
                              .url = fmt::format("http://{}/a/b?c=d", peer.host()),
                              .headers = {{"X-Mine", "yes"}, {"X-Empty", ""}},
                              .body = "body"});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "hello");
  EXPECT_EQ(response->headers.at("x-a"), "1, 2");
  EXPECT_THAT(peer.seen, ::testing::StartsWith("PUT /a/b?c=d HTTP/1.1\r\nHost: " + peer.host()));
  EXPECT_THAT(peer.seen, AllOf(HasSubstr("\r\nX-Mine: yes\r\n"), HasSubstr("\r\nX-Empty:"),
                               ::testing::EndsWith("\r\n\r\nbody")));
  EXPECT_THAT(peer.seen, AllOf(Not(HasSubstr("Authorization")), Not(HasSubstr("Cookie"))));
}

TEST_F(HttpClientTest, KnowsEveryMethod) {
  for (const std::string method : {"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"}) {
    auto& peer = serving("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    const auto response = send({.method = method, .url = fmt::format("http://{}/", peer.host())});
    ASSERT_TRUE(response) << method << response.error().message;
    EXPECT_THAT(peer.seen, ::testing::StartsWith(method + " / HTTP/1.1\r\n"));
  }
}

TEST_F(HttpClientTest, CallsNoPrivateAddressThatNobodyAllowed) {
  auto& peer = serving("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  for (const auto& allow :
       {std::string(), fmt::format("127.0.0.1:{}", peer.port() ^ 1), std::string("example.org")}) {
    options.allow.clear();
    if (!allow.empty()) options.allow.push_back(parse_allowed_host(allow).value());
    // The last three are other ways to write 127.0.0.1.
    for (const char* host : {"127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]",
                             "2130706433", "0x7f.1", "127.1"}) {
      const auto refused = send({.url = fmt::format("http://{}:{}/", host, peer.port())});
      ASSERT_FALSE(refused) << host;
      EXPECT_EQ(refused.error().code, ErrorCode::forbidden) << host << refused.error().message;
      EXPECT_THAT(refused.error().message, HasSubstr("--http-allow"));
    }
  }
  EXPECT_EQ(peer.connections, 0);
}

TEST_F(HttpClientTest, AnAllowedNameMayBeAnywhere) {
  auto& peer = serving("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
  options.allow = {parse_allowed_host("LOCALHOST").value()};
  const auto response = send({.url = fmt::format("http://localhost:{}/", peer.port())});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 204);
}

TEST_F(HttpClientTest, FollowsNoRedirect) {
  auto& peer = serving(
      "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n");
  const auto response = send({.url = fmt::format("http://{}/", peer.host())});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(response->headers.at("location"), "http://169.254.169.254/latest");
  EXPECT_EQ(peer.connections, 1);
}

TEST_F(HttpClientTest, SaysWhoCannotBeReachedButNotWhatWasAsked) {
  options.allow = {parse_allowed_host("127.0.0.1").value()};
  const auto refused = send({.url = "http://127.0.0.1:1/path?token=secret"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_THAT(refused.error().message,
              AllOf(HasSubstr("http://127.0.0.1:1 did not"), Not(HasSubstr("secret"))));
}

TEST_F(HttpClientTest, SaysWhenTheAnswerBreaksOff) {
  auto& peer = serving("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  const auto broken = send({.url = fmt::format("http://{}/", peer.host())});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::unavailable);
}

TEST_F(HttpClientTest, RefusesUrlsThatDoNotDo) {
  for (const std::string url :
       {"", "example.org", "/x", "ftp://example.org", "file:///etc/passwd", "gopher://127.0.0.1:1",
        "http://", "http://me:pw@example.org/", "http://me@example.org/", "http://a b/",
        "http://x:99999/", "http://x/\r\nX-Evil: 1"}) {
    const auto refused = send({.url = url});
    ASSERT_FALSE(refused) << url;
    EXPECT_EQ(refused.error().code, ErrorCode::invalid) << url << refused.error().message;
  }
  EXPECT_FALSE(send({.url = "http://example.org/" + std::string(9'000, 'x')}));
}

TEST_F(HttpClientTest, IgnoresProxies) {
  auto& proxy = serving("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  ::setenv("http_proxy", fmt::format("http://{}", proxy.host()).c_str(), 1);
  options.allow = {parse_allowed_host("127.0.0.1").value()};
  const auto direct = send({.url = "http://127.0.0.1:1/"});
  ::unsetenv("http_proxy");
  ASSERT_FALSE(direct);
  EXPECT_EQ(direct.error().code, ErrorCode::unavailable);
  EXPECT_EQ(proxy.connections, 0);
}

// A server on a thread of its own, until it is asked what it was sent.
class ServerThread {
 public:
  explicit ServerThread(std::string answer)
      : server_(context_, std::move(answer)), thread_([this] { context_.run(); }) {}
  ~ServerThread() { end(); }
  ServerThread(const ServerThread&) = delete;
  ServerThread& operator=(const ServerThread&) = delete;
  std::string host() const { return host_; }
  std::string end() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
    return server_.seen;
  }

 private:
  asio::io_context context_;
  LoopbackServer server_;
  const std::string host_ = server_.host();
  std::thread thread_;
};

std::string on_the_wire(const std::optional<ports::HttpResponse>& answer) {
  if (!answer) return "";
  auto text = fmt::format("HTTP/1.1 {} X\r\nConnection: close\r\nContent-Length: {}\r\n",
                          answer->status, answer->body.size());
  for (const auto& [name, value] : answer->headers) text += fmt::format("{}: {}\r\n", name, value);
  return text + "\r\n" + answer->body;
}

ports::HttpRequest from_the_wire(const std::string& host, const std::string& seen) {
  std::istringstream lines(seen);
  ports::HttpRequest request;
  std::string path, line;
  lines >> request.method >> path;
  request.url = fmt::format("http://{}{}", host, path);
  std::getline(lines, line);
  while (std::getline(lines, line) && line != "\r") {
    const auto colon = line.find(": ");
    request.headers.emplace_back(line.substr(0, colon),
                                 line.substr(colon + 2, line.size() - colon - 3));
  }
  request.body.assign(std::istreambuf_iterator<char>(lines), {});
  return request;
}

ports::contract::HttpClientUnderTest make_curl_client() {
  HttpClientOptions options;
  options.allow = {parse_allowed_host("127.0.0.1").value()};
  const auto server = std::make_shared<std::unique_ptr<ServerThread>>();
  return {.client = make_http_client(options),
          .serve =
              [server](const std::optional<ports::HttpResponse>& answer) {
                *server = std::make_unique<ServerThread>(on_the_wire(answer));
                return "http://" + (*server)->host();
              },
          .asked =
              [server] {
                const auto seen = (*server)->end();
                return from_the_wire((*server)->host(), seen);
              },
          .nobody = "http://127.0.0.1:1",
          .pass_time = [](Duration) {}};  // it passes by itself
}

}  // namespace
}  // namespace corral::adapters::http

namespace corral::ports::contract {
INSTANTIATE_TEST_SUITE_P(Curl, HttpClientContract,
                         testing::Values(HttpClientFactory{"curl",
                                                           adapters::http::make_curl_client}),
                         http_client_factory_name);
}  // namespace corral::ports::contract
