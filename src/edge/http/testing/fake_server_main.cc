// A server with the API over the fake service: for Schemathesis and benchmarks without an engine.
//   corral_http_fake [PORT]     prints "listening on http://127.0.0.1:PORT" and the id of a run
#include <cstdio>
#include <cstdlib>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "edge/http/api.h"
#include "edge/http/testing/fake_service.h"
#include "edge/http/testing/fake_sessions.h"

namespace corral::edge::testing {
namespace {

Task<Result<void>> ready() { co_return Result<void>{}; }

Task<Result<json::value>> agents() {
  co_return json::array{
      json::object{{"name", "claude"}, {"version", "1"}, {"wanted_version", "1"}, {"problem", ""}}};
}

json::value info() {
  return json::object{{"version", "fake"},
                      {"isolation", "sandbox"},
                      {"warnings", json::array()},
                      {"model_source", "live"}};
}

Task<int> serve(std::uint16_t port) {
  const auto executor = co_await asio::this_coro::executor;
  FakeService service(executor);
  FakeSessions sessions(executor);
  (void)co_await service.create_group("team", "main");
  (void)co_await service.create_project("sample", "/repo", "team", "main");
  engine::StartRun start;
  start.project = "sample";
  start.prompt = "make the test pass";
  const auto run = co_await service.start_run(std::move(start), "main");
  const auto id = service.newest();
  service.run(id).log->put("hello\n");
  service.run(id).timeline->put("{\"kind\":\"message\",\"text\":\"hello\"}\n");
  const char* limit = std::getenv("CORRAL_FAKE_RATE");
  ApiDeps deps{
      .service = service, .sessions = sessions, .info = info, .agents = agents, .ready = ready};
  if (limit != nullptr) deps.requests_per_second = std::strtod(limit, nullptr);
  HttpServer server(executor, make_api(std::move(deps)), {});
  const auto listening = server.listen("127.0.0.1", port);
  if (!listening) {
    std::fprintf(stderr, "%s\n", listening.error().describe().c_str());
    co_return 1;
  }
  std::printf("listening on http://127.0.0.1:%u\nrun %s\n", *listening, id.to_string().c_str());
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
  corral::asio::co_spawn(context, corral::edge::testing::serve(port),
                         [&](std::exception_ptr, int result) {
                           code = result;
                           context.stop();
                         });
  context.run();
  return code;
}
