// A WebSocket server that gives back what it gets: for conformance tests and benchmarks.
//   corral_websocket_echo [PORT [MAX_MIB]]     prints "listening on http://127.0.0.1:PORT"
// /        echoes, compressed where that was agreed on
// /plain   echoes, never compressed
// /push    sends messages of ?bytes=N, as fast as they are taken, until the client closes
#include <cstdio>
#include <cstdlib>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "edge/http/server.h"

namespace corral::edge::testing {
namespace {

Task<void> push(WebSocket& socket, std::size_t bytes) {
  const std::string chunk(bytes, 'x');
  const std::array<std::string_view, 1> parts{chunk};
  while (co_await socket.send(Message::Kind::binary, parts)) {
  }
}

Task<void> drain(WebSocket& socket) {
  while (co_await socket.receive()) {
  }
}

Task<void> serve(Request request, Responder& responder, std::size_t max_message_bytes) {
  auto upgraded = co_await responder.upgrade(
      {.subprotocols = {"echo"}, .max_message_bytes = max_message_bytes, .compress_from_bytes = 1});
  if (!upgraded) co_return;
  WebSocket& socket = **upgraded;
  if (request.path == "/push") {
    using namespace asio::experimental::awaitable_operators;
    const auto bytes =
        std::strtoul(request.query_value("bytes").value_or("65536").c_str(), nullptr, 10);
    co_await (push(socket, bytes) && drain(socket));
    co_return;
  }
  const auto compress = request.path == "/plain" ? Compress::no : Compress::yes;
  while (auto message = co_await socket.receive()) {
    const std::array<std::string_view, 1> parts{message->bytes};
    if (!co_await socket.send(message->kind, parts, compress)) break;
  }
}

Task<int> run(std::uint16_t port, std::size_t max_message_bytes) {
  const auto executor = co_await asio::this_coro::executor;
  HttpServer server(executor,
                    [max_message_bytes](Request request, Responder& responder) {
                      return serve(std::move(request), responder, max_message_bytes);
                    },
                    {});
  const auto listening = server.listen("127.0.0.1", port);
  if (!listening) {
    std::fprintf(stderr, "%s\n", listening.error().describe().c_str());
    co_return 1;
  }
  std::printf("listening on http://127.0.0.1:%u\n", *listening);
  std::fflush(stdout);
  asio::signal_set signals(executor, SIGINT, SIGTERM);
  co_await signals.async_wait(asio::use_awaitable);
  co_await server.stop();
  co_return 0;
}

}  // namespace
}  // namespace corral::edge::testing

int main(int argc, char** argv) {
  corral::asio::io_context context(1);
  int code = 1;
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0);
  const auto max_mib = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 64;
  corral::asio::co_spawn(context, corral::edge::testing::run(port, max_mib << 20),
                         [&](std::exception_ptr, int result) {
                           code = result;
                           context.stop();
                         });
  context.run();
  return code;
}
