#include "edge/http/testing/program.h"

#include <csignal>
#include <cstdio>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace corral::edge::testing {

Task<int> serve_until_signal(HttpServer& server, std::uint16_t port, std::string also) {
  const auto listening = server.listen("127.0.0.1", port);
  if (!listening) {
    std::fprintf(stderr, "%s\n", listening.error().describe().c_str());
    co_return 1;
  }
  std::printf("listening on http://127.0.0.1:%u\n%s", *listening, also.c_str());
  std::fflush(stdout);
  asio::signal_set signals(co_await asio::this_coro::executor, SIGINT, SIGTERM);
  co_await signals.async_wait(asio::use_awaitable);
  co_await server.stop();
  co_return 0;
}

int run_program(Task<int> program) {
  asio::io_context context(1);
  int code = 1;
  asio::co_spawn(context, std::move(program), [&](std::exception_ptr thrown, int result) {
    if (!thrown) code = result;
    context.stop();
  });
  context.run();
  return code;
}

}  // namespace corral::edge::testing
