// Both ends over real sockets: the server's with clients that behave in any way, and with ours.
#include "edge/websocket/websocket.h"

#include <gtest/gtest.h>

#include <atomic>

#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "edge/http/testing/raw_client.h"
#include "edge/http/testing/server_thread.h"
#include "edge/websocket/client.h"
#include "edge/websocket/frames.h"

namespace corral::edge {
namespace {

using std::chrono::milliseconds;
using testing::RawClient;
using testing::ServerThread;
using Kind = Message::Kind;

constexpr MaskKey kKey{1, 2, 3, 4};

// What the last handler saw at its end.
struct Seen {
  std::atomic<int> ended{0};
  std::atomic<int> close_code{0};
  std::atomic<bool> by_peer{false};
  std::atomic<ErrorCode> error{ErrorCode::internal};
  std::atomic<std::size_t> pushed{0};
};
Seen g_seen;

Task<void> echo(WebSocket& socket) {
  while (true) {
    auto message = co_await socket.receive();
    if (!message) {
      g_seen.error = message.error().code;
      break;
    }
    if (message->bytes == "close please") {
      co_await socket.close(4000, "as you wish");
      break;
    }
    const auto kind = message->kind;
    if (!co_await socket.send(kind, std::move(message->bytes), Compress::yes)) break;
  }
}

Task<void> push(WebSocket& socket, std::string chunk) {
  const std::array<std::string_view, 2> parts{chunk, chunk};
  while (co_await socket.send(Kind::binary, parts)) g_seen.pushed += 2 * chunk.size();
}

Task<void> drain(WebSocket& socket) {
  auto message = co_await socket.receive();
  while (message) message = co_await socket.receive();
  g_seen.error = message.error().code;
}

Task<void> serve(Request request, Responder& responder, WebSocketOptions options) {
  auto upgraded = co_await responder.upgrade(std::move(options), {{"X-Test", "yes"}});
  if (!upgraded) co_return;
  WebSocket& socket = **upgraded;
  if (request.path == "/push") {
    using namespace asio::experimental::awaitable_operators;
    co_await (push(socket, std::string(32u << 10, 'x')) && drain(socket));
  } else if (request.path == "/leave") {
    co_return;
  } else {
    co_await echo(socket);
  }
  if (const auto& reason = socket.close_reason()) {
    g_seen.close_code = reason->code;
    g_seen.by_peer = reason->by_peer;
  }
  ++g_seen.ended;
}

ServerThread start(WebSocketOptions options = {}) {
  g_seen.ended = 0;
  g_seen.close_code = 0;
  g_seen.pushed = 0;
  g_seen.error = ErrorCode::internal;
  return ServerThread([options](Executor) -> Handler {
    return [options](Request request, Responder& responder) {
      return serve(std::move(request), responder, options);
    };
  });
}

constexpr const char* kAsk =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

// A client that frames by hand.
class RawPeer {
 public:
  explicit RawPeer(const ServerThread& server, std::string_view path = "/",
                   std::string_view extra = {}, bool deflate = false)
      : client_(server.port()),
        decoder_(Role::client, 64u << 20, deflate ? std::optional(DeflateParams{}) : std::nullopt) {
    opened = client_.request("GET", path, {}, std::string(kAsk) + std::string(extra));
    buffer_ = client_.take_rest();
  }
  // `first_byte`: FIN, reserved bits and opcode.
  void send(int first_byte, std::string payload) {
    const FrameHeader header(Opcode::text, payload.size(), false, &kKey);
    std::string bytes(header.view());
    bytes[0] = static_cast<char>(first_byte);
    apply_mask(payload, kKey);
    client_.send(bytes + payload);
  }
  void send_raw(std::string_view bytes) { client_.send(bytes); }
  // "text …", "ping …", "close CODE TEXT", "end" when the server has closed, "nothing" in time.
  std::string next(milliseconds timeout = std::chrono::seconds(10)) {
    const auto until = std::chrono::steady_clock::now() + timeout;
    while (true) {
      std::size_t consumed = 0;
      const auto event = decoder_.feed(buffer_, consumed);
      buffer_.erase(0, consumed);
      switch (event) {
        case FrameDecoder::Event::message: {
          const auto message = decoder_.take_message();
          return (message.kind == Kind::text ? "text " : "binary ") + message.bytes;
        }
        case FrameDecoder::Event::ping: return "ping " + decoder_.payload();
        case FrameDecoder::Event::pong: return "pong " + decoder_.payload();
        case FrameDecoder::Event::failed: return "failed " + decoder_.close_text();
        case FrameDecoder::Event::close:
          return fmt::format("close {} {}", decoder_.close_code(), decoder_.close_text());
        case FrameDecoder::Event::more: break;
      }
      const auto left =
          std::chrono::duration_cast<milliseconds>(until - std::chrono::steady_clock::now());
      pollfd waiting{client_.fd(), POLLIN, 0};
      if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) <= 0)
        return "nothing";
      std::array<char, 65536> bytes;
      const auto count = ::recv(client_.fd(), bytes.data(), bytes.size(), 0);
      if (count <= 0) return count == 0 ? "end" : "reset";
      buffer_.append(bytes.data(), static_cast<std::size_t>(count));
    }
  }
  void close() { client_.close(); }

  testing::RawResponse opened;

 private:
  RawClient client_;
  FrameDecoder decoder_;
  std::string buffer_;
};

// Runs a client's task to its end.
void run(Task<void> task) {
  asio::io_context context(1);
  std::exception_ptr thrown;
  asio::co_spawn(context, std::move(task), [&](std::exception_ptr error) { thrown = error; });
  context.run();
  if (thrown) std::rethrow_exception(thrown);
}

std::string url(const ServerThread& server, std::string_view path = "/") {
  return fmt::format("ws://127.0.0.1:{}{}", server.port(), path);
}

TEST(WebSocketServer, OpensWithWhatWasAgreedOn) {
  auto server = start({.subprotocols = {"corral.v1"}});
  RawPeer peer(
      server, "/",
      "Sec-WebSocket-Protocol: a, corral.v1\r\nSec-WebSocket-Extensions: permessage-deflate\r\n");
  EXPECT_EQ(peer.opened.status, 101);
  EXPECT_TRUE(peer.opened.head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
  EXPECT_EQ(peer.opened.header("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(peer.opened.header("sec-websocket-protocol"), "corral.v1");
  EXPECT_EQ(peer.opened.header("sec-websocket-extensions"), "permessage-deflate");
  EXPECT_EQ(peer.opened.header("connection"), "Upgrade");
  EXPECT_EQ(peer.opened.header("x-test"), "yes");
  peer.send(0x81, "hello");
  EXPECT_EQ(peer.next(), "text hello");
}

TEST(WebSocketServer, RefusesWhatAsksWrongly) {
  auto server = start();
  const auto plain = RawClient(server.port()).request("GET", "/");
  EXPECT_EQ(plain.status, 426);
  EXPECT_EQ(plain.header("upgrade"), "websocket");
  RawClient client(server.port());
  const std::string rest = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  const auto old = client.request(
      "GET", "/", {},
      rest + "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
  EXPECT_EQ(old.status, 400);
  EXPECT_EQ(old.header("sec-websocket-version"), "13");
  // The connection goes on in HTTP.
  EXPECT_EQ(client
                .request("GET", "/", {},
                         rest + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n")
                .status,
            400);
  EXPECT_EQ(client.request("POST", "/", "body", kAsk).status, 426);
  EXPECT_EQ(client.request("GET", "/", {}, kAsk).status, 101);
}

TEST(WebSocketServer, ReadsFramesThatCameWithTheRequest) {
  auto server = start();
  RawClient client(server.port());
  const std::string masked = control_frame(Opcode::ping, "early", &kKey);
  client.send(fmt::format("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n{}", kAsk, masked.substr(0, 3)));
  EXPECT_EQ(client.receive(true).status, 101);
  client.send(masked.substr(3));
  EXPECT_EQ(client.read_until("early"), control_frame(Opcode::pong, "early"));
}

TEST(WebSocketServer, ClosesOnWhatIsWrongWithTheCodeThatSaysSo) {
  auto server = start({.max_message_bytes = 1000});
  struct Case {
    int first_byte;
    std::string payload;
    int code;
    ErrorCode error;
  };
  const Case cases[] = {{0xf1, "x", 1002, ErrorCode::corrupt},
                        {0x83, "x", 1002, ErrorCode::corrupt},
                        {0x09, "x", 1002, ErrorCode::corrupt},
                        {0x80, "x", 1002, ErrorCode::corrupt},
                        {0x81, "\xff", 1007, ErrorCode::corrupt},
                        {0x82, std::string(1001, 'x'), 1009, ErrorCode::exhausted},
                        {0x88, "\x03\xee", 1002, ErrorCode::corrupt}};
  int ended = 0;
  for (const auto& [first_byte, payload, code, error] : cases) {
    RawPeer peer(server);
    peer.send(first_byte, payload);
    EXPECT_TRUE(peer.next().starts_with(fmt::format("close {} ", code))) << first_byte;
    EXPECT_EQ(peer.next(), "end");
    peer.close();
    ++ended;
    ASSERT_TRUE(server.eventually([&] { return g_seen.ended == ended; }));
    EXPECT_EQ(g_seen.error, error);
    EXPECT_EQ(g_seen.close_code, code);
    EXPECT_FALSE(g_seen.by_peer);
  }
  RawPeer unmasked(server);
  unmasked.send_raw(std::string("\x81\x05hello", 7));
  EXPECT_TRUE(unmasked.next().starts_with("close 1002 "));
}

TEST(WebSocketServer, AnswersPingsAndClosingAlsoAmongFragments) {
  auto server = start();
  RawPeer peer(server);
  peer.send(0x01, "one ");
  peer.send(0x89, "ping");
  peer.send(0x00, "two ");
  peer.send(0x80, "three");
  EXPECT_EQ(peer.next(), "pong ping");
  EXPECT_EQ(peer.next(), "text one two three");
  peer.send(0x88,
            "\x0f\xa1"
            "done");
  EXPECT_EQ(peer.next(), "close 4001 ");
  EXPECT_EQ(peer.next(), "end");
  peer.close();
  ASSERT_TRUE(server.eventually([] { return g_seen.ended == 1; }));
  EXPECT_EQ(g_seen.close_code, 4001);
  EXPECT_TRUE(g_seen.by_peer);
  EXPECT_EQ(g_seen.error, ErrorCode::cancelled);
}

TEST(WebSocketServer, WaitsForThePeersGoodbyeAndDropsWhatStillComes) {
  auto server = start({.close_timeout = milliseconds(60'000)});
  RawPeer peer(server);
  peer.send(0x81, "close please");
  EXPECT_EQ(peer.next(), "close 4000 as you wish");
  peer.send(0x81, "too late");
  EXPECT_EQ(g_seen.ended, 0);
  peer.send(0x88, "\x0f\xa0");
  EXPECT_EQ(peer.next(), "end");
  peer.close();
  ASSERT_TRUE(server.eventually([] { return g_seen.ended == 1; }));
  EXPECT_EQ(g_seen.close_code, 4000);
  EXPECT_FALSE(g_seen.by_peer);
}

TEST(WebSocketServer, GivesUpOnAPeerThatNeverSaysGoodbye) {
  auto server = start({.close_timeout = milliseconds(50)});
  RawPeer peer(server);
  peer.send(0x81, "close please");
  EXPECT_EQ(peer.next(), "close 4000 as you wish");
  EXPECT_EQ(peer.next(), "end");
  ASSERT_TRUE(server.eventually([] { return g_seen.ended == 1; }));
}

TEST(WebSocketServer, NoticesAPeerThatIsGone) {
  auto server = start();
  RawPeer peer(server);
  peer.send(0x81, "hi");
  EXPECT_EQ(peer.next(), "text hi");
  peer.close();
  ASSERT_TRUE(server.eventually([] { return g_seen.ended == 1; }));
  EXPECT_EQ(g_seen.close_code, kCloseLost);
  EXPECT_EQ(g_seen.error, ErrorCode::cancelled);
}

TEST(WebSocketServer, SaysThatItGoesAway) {
  auto server = start();
  RawPeer left(server, "/leave");
  EXPECT_EQ(left.next(), "close 1001 ");
  EXPECT_EQ(left.next(), "end");
  RawPeer stopped(server);
  stopped.send(0x81, "hi");
  EXPECT_EQ(stopped.next(), "text hi");
  server.stop();
  EXPECT_EQ(stopped.next(), "close 1001 ");
}

TEST(WebSocketServer, PingsInSilenceAndClosesWhenNothingComes) {
  auto server = start({.ping_after = milliseconds(20), .close_after = milliseconds(1000)});
  RawPeer peer(server);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(peer.next(), "ping ");
    peer.send(0x8a, "");
  }
  EXPECT_EQ(peer.next(), "ping ");
  EXPECT_TRUE(peer.next().starts_with("close 1008 "));
  ASSERT_TRUE(server.eventually([] { return g_seen.ended == 1; }));
  EXPECT_EQ(g_seen.error, ErrorCode::deadline);
}

TEST(WebSocketServer, ASlowReaderSlowsNobodyElseAndFillsNoMemory) {
  auto server = start();
  RawPeer slow(server, "/push");
  RawPeer quick(server);
  for (int i = 0; i < 300; ++i) {
    quick.send(0x81, "turn");
    ASSERT_EQ(quick.next(), "text turn");
  }
  EXPECT_LT(g_seen.pushed, 32u << 20);
  for (int i = 0; i < 200; ++i) ASSERT_EQ(slow.next().size(), 7 + (64u << 10));
  slow.close();
  ASSERT_TRUE(server.eventually([] { return g_seen.ended == 1; }));
}

TEST(WebSocketServer, GivesUpOnAPeerThatTakesNothing) {
  auto server = start({.ping_after = milliseconds(0), .close_after = milliseconds(300)});
  RawPeer peer(server, "/push");
  // It speaks, so it is not silent; it does not read.
  while (!server.eventually([] { return g_seen.pushed > 0; })) {
  }
  bool ended = false;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!ended && std::chrono::steady_clock::now() < until) {
    peer.send(0x8a, "alive");
    server.run([&](HttpServer&) { ended = g_seen.ended == 1; });
  }
  EXPECT_TRUE(ended);
  EXPECT_EQ(g_seen.error, ErrorCode::deadline);
}

TEST(WebSocketServer, AFloodOfPingsWaitsForItsAnswersToBeTaken) {
  auto server = start();
  RawPeer peer(server);
  std::string pings;
  for (int i = 0; i < 1000; ++i) pings += control_frame(Opcode::ping, std::to_string(i), &kKey);
  peer.send_raw(pings);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(peer.next(), fmt::format("pong {}", i));
}

TEST(WebSocketServer, CompressesForThoseWhoAskForIt) {
  auto server = start();
  RawPeer peer(server, "/", "Sec-WebSocket-Extensions: permessage-deflate\r\n", true);
  const std::string text(5000, 'a');
  for (int i = 0; i < 3; ++i) {
    peer.send(0x81, text);
    EXPECT_EQ(peer.next(), "text " + text);
  }
  peer.send(0xc1, std::string("\xf2\x48\xcd\xc9\xc9\x07\x00", 7));
  EXPECT_EQ(peer.next(), "text Hello");
}

Task<void> talk(std::string address, int turns, std::string text, int& done) {
  auto opened = co_await connect_websocket(address, {{"X-Any", "a\r\nb"}},
                                           {.websocket = {.subprotocols = {"p"}}});
  EXPECT_TRUE(opened) << opened.error().describe();
  if (!opened) co_return;
  auto& socket = **opened;
  EXPECT_EQ(socket.subprotocol(), "p");
  EXPECT_TRUE(socket.deflate());
  for (int i = 0; i < turns; ++i) {
    const auto kind = i % 2 == 0 ? Kind::text : Kind::binary;
    EXPECT_TRUE(co_await socket.send(kind, text, i % 3 == 0 ? Compress::yes : Compress::no));
    const auto message = co_await socket.receive();
    EXPECT_TRUE(message && message->kind == kind && message->bytes == text);
  }
  co_await socket.close(1000, "enough");
  EXPECT_EQ(socket.close_reason()->code, 1000);
  const auto late = co_await socket.send(Kind::text, "late");
  EXPECT_EQ(late.error().code, ErrorCode::cancelled);
  ++done;
}

TEST(WebSocketClient, TalksToTheServerInManySizes) {
  auto server = start({.subprotocols = {"p"}});
  int done = 0;
  for (const std::size_t size : {0, 1, 125, 126, 4096, 65535, 65536, 1'000'000})
    run(talk(url(server), 6, std::string(size, 'z'), done));
  EXPECT_EQ(done, 8);
}

TEST(WebSocketClient, TwoHundredTalkAtOnce) {
  auto server = start({.subprotocols = {"p"}});
  asio::io_context context(1);
  int done = 0;
  for (int i = 0; i < 200; ++i)
    asio::co_spawn(context,
                   talk(url(server), 10, std::string(static_cast<std::size_t>(i) * 7, 'a'), done),
                   [](std::exception_ptr error) { EXPECT_FALSE(error); });
  context.run();
  EXPECT_EQ(done, 200);
  ASSERT_TRUE(server.eventually([] { return g_seen.ended == 200; }));
}

Task<void> send_many(WebSocket& socket, std::string text, int count) {
  for (int i = 0; i < count; ++i) EXPECT_TRUE(co_await socket.send(Kind::binary, text));
}

// Several tasks send while one receives; no message is mixed with another.
Task<void> talk_in_parallel(std::string address) {
  using namespace asio::experimental::awaitable_operators;
  auto socket = (co_await connect_websocket(address, {})).value();
  TaskScope scope(co_await asio::this_coro::executor);
  for (const char letter : {'a', 'b', 'c', 'd'})
    scope.start("test.send", send_many(*socket, std::string(100'000, letter), 20));
  std::map<char, int> seen;
  for (int i = 0; i < 80; ++i) {
    const auto message = co_await socket->receive();
    EXPECT_TRUE(message.has_value());
    if (!message) break;
    EXPECT_EQ(message->bytes, std::string(100'000, message->bytes[0]));
    ++seen[message->bytes[0]];
  }
  EXPECT_EQ(seen, (std::map<char, int>{{'a', 20}, {'b', 20}, {'c', 20}, {'d', 20}}));
  co_await socket->close();
  co_await scope.stop();
}

TEST(WebSocketClient, SendsFromSeveralTasks) {
  auto server = start();
  run(talk_in_parallel(url(server)));
}

Task<void> nothing_comes(milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

Task<void> cancel_receives(std::string address) {
  using namespace asio::experimental::awaitable_operators;
  auto socket = (co_await connect_websocket(address, {})).value();
  for (int i = 0; i < 20; ++i) {
    const auto first = co_await (socket->receive() || nothing_comes(milliseconds(1)));
    EXPECT_EQ(first.index(), 1u);
    EXPECT_TRUE(co_await socket->send(Kind::text, fmt::format("{}", i)));
    const auto message = co_await socket->receive();
    EXPECT_TRUE(message && message->bytes == fmt::format("{}", i));
  }
  co_await socket->close();
}

TEST(WebSocketClient, ACancelledReceiveLosesNothing) {
  auto server = start();
  run(cancel_receives(url(server)));
}

// Two tasks: one receives, the other closes; the server's close reaches the one that receives.
Task<void> receive_to_the_end(WebSocket& socket, bool& ended) {
  while (co_await socket.receive()) {
  }
  ended = true;
}

Task<void> close_while_receiving(std::string address) {
  auto socket = (co_await connect_websocket(address, {})).value();
  TaskScope scope(co_await asio::this_coro::executor);
  bool ended = false;
  scope.start("test.receive", receive_to_the_end(*socket, ended));
  EXPECT_TRUE(co_await socket->send(Kind::text, ""));
  co_await nothing_comes(milliseconds(0));
  co_await socket->close(4321);
  while (!ended) co_await nothing_comes(milliseconds(1));
  EXPECT_EQ(socket->close_reason()->code, 4321);
  co_await scope.stop();
}

Task<void> see_the_servers_close(std::string address) {
  auto socket = (co_await connect_websocket(address, {})).value();
  EXPECT_TRUE(co_await socket->send(Kind::text, "close please"));
  const auto message = co_await socket->receive();
  EXPECT_EQ(message.error().code, ErrorCode::cancelled);
  EXPECT_EQ(message.error().message, "the WebSocket is closed: 4000 as you wish");
  EXPECT_TRUE(socket->close_reason()->by_peer);
}

TEST(WebSocketClient, EitherSideCloses) {
  auto server = start();
  run(see_the_servers_close(url(server)));
  ASSERT_TRUE(server.eventually([] { return g_seen.ended == 1; }));
  run(close_while_receiving(url(server, "/push")));
  ASSERT_TRUE(server.eventually([] { return g_seen.ended == 2; }));
  EXPECT_EQ(g_seen.close_code, 4321);
  EXPECT_TRUE(g_seen.by_peer);
}

Task<void> expect_failure(std::string address, WebSocketClientOptions options, ErrorCode code,
                          std::string text) {
  const auto opened = co_await connect_websocket(address, {}, options);
  EXPECT_FALSE(opened) << address;
  if (opened) co_return;
  EXPECT_EQ(opened.error().code, code) << opened.error().describe();
  EXPECT_NE(opened.error().message.find(text), std::string::npos) << opened.error().describe();
}

Task<void> refuse(Request request, Responder& responder) {
  if (request.path == "/forbidden")
    co_await responder.send(403, {{"Content-Type", "application/problem+json"}},
                            R"({"detail":"not for you"})");
  else if (request.path == "/silent")
    co_await responder.wait_gone(), responder.abort();
  else
    co_await responder.send(200, {}, "hello");
}

TEST(WebSocketClient, SaysWhyItCannotConnect) {
  ServerThread server([](Executor) -> Handler {
    return
        [](Request request, Responder& responder) { return refuse(std::move(request), responder); };
  });
  run(expect_failure(url(server, "/forbidden"), {}, ErrorCode::forbidden, "not for you"));
  run(expect_failure(url(server, "/page"), {}, ErrorCode::invalid, "status 200"));
  run(expect_failure(url(server, "/silent"), {.connect_timeout = milliseconds(50)},
                     ErrorCode::deadline, "within 50 ms"));
  run(expect_failure(fmt::format("wss://127.0.0.1:{}/", server.port()), {}, ErrorCode::unavailable,
                     "TLS"));
  for (const char* bad : {"", "127.0.0.1:80", "ftp://127.0.0.1/", "ws:///path"})
    run(expect_failure(bad, {}, ErrorCode::invalid, "ws://host"));
  const auto port = server.port();
  server.stop();
  run(expect_failure(fmt::format("ws://127.0.0.1:{}/", port), {}, ErrorCode::unavailable,
                     "no server answers"));
}

}  // namespace
}  // namespace corral::edge
