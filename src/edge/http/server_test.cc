#include "edge/http/server.h"

#include <gtest/gtest.h>

#include <atomic>

#include <sys/socket.h>

#include "base/log.h"
#include "edge/http/request_parser.h"
#include "edge/http/testing/raw_client.h"
#include "edge/http/testing/server_thread.h"

namespace corral::edge {
namespace {

using std::chrono::milliseconds;
using testing::RawClient;
using testing::ServerThread;

std::atomic<int> g_gone{0}, g_writes{0};

// /echo gives method, path and body back; /stream writes until the client goes; /wait waits for it
// to go.
Task<void> serve(Request request, Responder& responder) {
  if (request.path == "/throw") throw std::runtime_error("on purpose");
  if (request.path == "/nothing") co_return;
  if (request.path == "/big") {
    co_await responder.send(200, {}, std::string(8u << 20, 'x'));
  } else if (request.path == "/chunks") {
    co_await responder.start(200, {{"Content-Type", "text/plain"}});
    for (const char* part : {"one ", "", "two ", "three"}) co_await responder.write(part);
  } else if (request.path == "/cut") {
    co_await responder.start(200, {});
    co_await responder.write("half");
    responder.abort();
  } else if (request.path == "/stream") {
    co_await responder.start(200, {});
    while (co_await responder.write(std::string(64u << 10, 'y'))) ++g_writes;
    ++g_gone;
  } else if (request.path == "/never") {
    co_await responder.wait_gone();
    ++g_gone;
  } else if (request.path == "/wait") {
    co_await responder.start(200, {});
    co_await responder.write("waiting");
    co_await responder.wait_gone();
    ++g_gone;
  } else {
    co_await responder.send(200, {{"X-Test", "a\r\nX-Forged: yes"}},
                            fmt::format("{} {} [{}] {}", request.method, request.path,
                                        request.query_value("q").value_or("-"), request.body));
  }
}

Handler handler() {
  return [](Request request, Responder& responder) { return serve(std::move(request), responder); };
}
ServerThread start(ServerOptions options = {}) {
  return ServerThread([](Executor) { return handler(); }, options);
}

TEST(HttpServer, AnswersManyRequestsOnOneConnection) {
  auto server = start();
  RawClient client(server.port());
  EXPECT_EQ(client.request("GET", "/a%20b?q=1%2B1+2&r").body, "GET /a b [1+1 2] ");
  EXPECT_EQ(client.request("POST", "/echo", "hello").body, "POST /echo [-] hello");
  const auto head = client.request("HEAD", "/echo");
  EXPECT_EQ(head.header("content-length"), "15");
  EXPECT_EQ(client.request("GET", "/echo").status, 200);
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  auto server = start();
  RawClient client(server.port());
  client.send(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
      "\r\nGET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.receive().body, "GET /1 [-] ");
  EXPECT_EQ(client.receive().body, "POST /2 [-] abc");
  const auto last = client.receive();
  EXPECT_EQ(last.body, "GET /3 [-] ");
  EXPECT_EQ(last.header("connection"), "close");
  EXPECT_TRUE(client.closed_by_server());
}

TEST(HttpServer, KeepsLineBreaksOutOfHeaderFields) {
  auto server = start();
  const auto response = RawClient(server.port()).request("GET", "/");
  EXPECT_EQ(response.header("x-forged"), "");
  EXPECT_EQ(response.header("x-test"), "a  X-Forged: yes");
}

TEST(HttpServer, StreamsChunksAndMarksAnIncompleteAnswer) {
  auto server = start();
  RawClient client(server.port());
  const auto whole = client.request("GET", "/chunks");
  EXPECT_EQ(whole.body, "one two three");
  EXPECT_TRUE(whole.complete);
  const auto cut = client.request("GET", "/cut");
  EXPECT_EQ(cut.body, "half");
  EXPECT_FALSE(cut.complete);
}

TEST(HttpServer, AnswersHttp10WithoutChunks) {
  auto server = start();
  RawClient client(server.port());
  client.send("GET /chunks HTTP/1.0\r\n\r\n");
  const auto response = client.receive();
  EXPECT_EQ(response.header("transfer-encoding"), "");
  EXPECT_EQ(response.body, "one two three");
}

TEST(HttpServer, SendsContinueOnlyWhenTheBodyIsWanted) {
  auto server = start({.max_body_bytes = 100});
  RawClient client(server.port());
  client.send("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive().status, 100);
  client.send("hello");
  EXPECT_EQ(client.receive().body, "POST /e [-] hello");
  client.send("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive().status, 413);
}

TEST(HttpServer, RefusesWhatIsTooLarge) {
  auto server = start({.max_body_bytes = 1000, .max_header_bytes = 2000});
  EXPECT_EQ(RawClient(server.port()).request("POST", "/", std::string(1001, 'x')).status, 413);
  EXPECT_EQ(RawClient(server.port()).request("POST", "/", std::string(1000, 'x')).status, 200);
  EXPECT_EQ(RawClient(server.port())
                .request("GET", "/", {}, "X: " + std::string(3000, 'x') + "\r\n")
                .status,
            431);
  RawClient chunked(server.port());
  chunked.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n" +
               std::string(2048, 'x'));
  EXPECT_EQ(chunked.receive().status, 413);
  RawClient extension(server.port());
  extension.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;x=" +
                 std::string(5000, 'x'));
  EXPECT_EQ(extension.receive().status, 400);
}

struct Bad {
  const char* name;
  std::string bytes;
  int status;
};

TEST(HttpServer, RefusesMalformedAndAmbiguousRequests) {
  auto server = start();
  const Bad cases[] = {
      {"no HTTP", "hello\r\n\r\n", 400},
      {"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"CL and TE",
       "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: "
       "chunked\r\n\r\n0\r\n\r\n",
       400},
      {"TE and CL",
       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: "
       "4\r\n\r\n0\r\n\r\n",
       400},
      {"two CLs",
       "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400},
      {"negative CL", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400},
      {"TE gzip", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
      {"TE chunked twice",
       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501},
      {"TE in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"space before colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400},
      {"bad chunk size",
       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc", 400},
      {"chunk without CRLF",
       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
       400},
      {"huge chunk size",
       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
       400},
      {"bad escape", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"NUL in path", "GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"relative target", "GET a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
      {"strange expectation", "GET / HTTP/1.1\r\nHost: x\r\nExpect: cookies\r\n\r\n", 417},
  };
  for (const auto& bad : cases) {
    RawClient client(server.port());
    client.send(bad.bytes);
    const auto response = client.receive();
    EXPECT_EQ(response.status, bad.status) << bad.name << "\n" << response.body;
    EXPECT_EQ(response.header("content-type"), "application/problem+json") << bad.name;
    EXPECT_TRUE(client.closed_by_server()) << bad.name;
  }
}

TEST(RequestParser, TakesALastChunkInAnySplit) {
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
                    last = "0\r\n\r\n";
  for (std::size_t cut = 0; cut < last.size(); ++cut) {
    RequestParser parser(4096, 4096);
    std::size_t consumed = 0;
    ASSERT_EQ(parser.feed(head, consumed), RequestParser::State::header);
    ASSERT_EQ(consumed, head.size());
    ASSERT_EQ(parser.feed(last.substr(0, cut), consumed), RequestParser::State::more) << cut;
    ASSERT_EQ(parser.feed(last.substr(consumed), consumed), RequestParser::State::complete) << cut;
  }
}

TEST(RequestParser, NeverTakesTrailersForHeaders) {
  RequestParser parser(4096, 4096);
  const std::string bytes =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\n1\r\na\r\n0\r\nAuthorization: Bearer forged\r\n\r\n";
  std::size_t consumed = 0, again = 0;
  ASSERT_EQ(parser.feed(bytes, consumed), RequestParser::State::header);
  ASSERT_EQ(parser.feed(std::string_view(bytes).substr(consumed), again),
            RequestParser::State::complete);
  EXPECT_EQ(consumed + again, bytes.size());
  EXPECT_EQ(parser.take().header("authorization"), "");
}

TEST(HttpServer, EndsConnectionsThatAreTooSlow) {
  auto server = start({.idle_timeout = milliseconds(60)});
  RawClient idle(server.port());
  EXPECT_TRUE(idle.closed_by_server());
  RawClient slow(server.port());
  slow.send("GET / HTTP/1.1\r\nHost:");
  EXPECT_EQ(slow.receive().status, 408);
  RawClient reader(server.port());  // asks for much, and takes none of it
  const int before = g_gone;
  reader.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(server.eventually([&] { return g_gone > before; }));
}

TEST(HttpServer, HoldsBackAStreamWhoseClientDoesNotRead) {
  auto server = start();
  RawClient client(server.port());
  client.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  // The socket buffers fill up, and then nothing more is written.
  int last = 0, unchanged = 0;
  EXPECT_TRUE(server.eventually([&] {
    unchanged = std::exchange(last, g_writes.load()) == g_writes && last > 0 ? unchanged + 1 : 0;
    return unchanged == 200;
  }));
  EXPECT_LT(g_writes, 1000);
  const int gone = g_gone;
  client.close();
  EXPECT_TRUE(server.eventually([&] { return g_gone > gone; }));
}

TEST(HttpServer, TellsAWaitingHandlerThatItsClientHasGone) {
  auto server = start();
  for (const char* pipelined : {"", "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"}) {
    RawClient client(server.port());
    const int before = g_gone;
    client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    client.read_until("waiting");
    client.send(pipelined);
    EXPECT_EQ(g_gone, before);
    client.close();
    EXPECT_TRUE(server.eventually([&] { return g_gone > before; })) << pipelined;
  }
}

TEST(HttpServer, WhoHasLeftNeedsNoAnswer) {
  (void)log::take_error_count();
  {
    auto server = start();
    const int before = g_gone;
    RawClient client(server.port());
    client.send("GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
    client.close();
    EXPECT_TRUE(server.eventually([&] { return g_gone > before; }));
  }
  EXPECT_EQ(log::take_error_count(), 0);
}

TEST(HttpServer, WritesLargeAnswersWhole) {
  auto server = start();
  EXPECT_EQ(RawClient(server.port()).request("GET", "/big").body.size(), 8u << 20);
}

TEST(HttpServer, TurnsABrokenHandlerIntoA500) {
  auto server = start();
  log::set_level(log::Level::off);
  RawClient client(server.port());
  EXPECT_EQ(client.request("GET", "/throw").status, 500);
  EXPECT_EQ(client.request("GET", "/nothing").status, 500);
  EXPECT_EQ(client.request("GET", "/echo").status, 200);
  log::set_level(log::Level::info);
  EXPECT_EQ(log::take_error_count(), 2);
}

TEST(HttpServer, RefusesConnectionsBeyondItsLimit) {
  auto server = start({.max_connections = 2});
  RawClient one(server.port()), two(server.port());
  EXPECT_EQ(one.request("GET", "/").status, 200);
  EXPECT_EQ(two.request("GET", "/").status, 200);
  RawClient three(server.port());
  EXPECT_EQ(three.receive().status, 503);
  EXPECT_EQ(one.request("GET", "/").status, 200);
}

TEST(HttpServer, ServesAConnectedUnixSocket) {
  auto server = start();
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  RawClient client{Fd(pair[0])};
  server.run([fd = pair[1]](HttpServer& http) { http.serve(Fd(fd)); });
  EXPECT_EQ(client.request("POST", "/door", "x").body, "POST /door [-] x");
}

TEST(HttpServer, StopEndsWaitingHandlersAndConnections) {
  auto server = std::make_unique<ServerThread>([](Executor) { return handler(); });
  RawClient waiting(server->port()), idle(server->port());
  waiting.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  waiting.read_until("waiting");
  idle.request("GET", "/");
  server.reset();
  EXPECT_TRUE(waiting.closed_by_server());
  EXPECT_TRUE(idle.closed_by_server());
}

TEST(HttpServer, SaysWhenThePortIsTaken) {
  auto server = start();
  server.run([&](HttpServer& http) {
    EXPECT_EQ(http.listen("127.0.0.1", server.port()).error().code, ErrorCode::conflict);
    EXPECT_EQ(http.listen("localhost", 0).error().code, ErrorCode::invalid);
  });
}

}  // namespace
}  // namespace corral::edge
