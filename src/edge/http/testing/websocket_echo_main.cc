// A WebSocket server that gives back what it gets: for conformance tests and benchmarks.
//   corral_websocket_echo [PORT [MAX_MIB]]     prints "listening on http://127.0.0.1:PORT"
// /        echoes, compressed where that was agreed on
// /plain   echoes, never compressed
// /push    sends messages of ?bytes=N, as fast as they are taken, until the client closes
#include <cstdlib>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "edge/http/testing/program.h"

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
  co_return co_await serve_until_signal(server, port, "");
}

}  // namespace
}  // namespace corral::edge::testing

int main(int argc, char** argv) {
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0);
  const auto max_mib = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 64;
  return corral::edge::testing::run_program(corral::edge::testing::run(port, max_mib << 20));
}
