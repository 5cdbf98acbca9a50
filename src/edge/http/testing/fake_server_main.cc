// A server with the API over the fake service: for Schemathesis and benchmarks without an engine.
//   corral_http_fake [PORT]     prints "listening on http://127.0.0.1:PORT" and the id of a run
#include <cstdlib>

#include "base/log.h"
#include "edge/http/api.h"
#include "edge/http/testing/fake_files.h"
#include "edge/http/testing/fake_notify.h"
#include "edge/http/testing/fake_service.h"
#include "edge/http/testing/fake_sessions.h"
#include "edge/http/testing/program.h"

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
  FakeFiles files;
  files.files["README.md"] = "# hello\n";
  FakeNotify notify;
  const char* limit = std::getenv("CORRAL_FAKE_RATE");
  ApiDeps deps{.service = service,
               .sessions = sessions,
               .files = files,
               .notify = notify,
               .info = info,
               .agents = agents,
               .ready = ready};
  if (limit != nullptr) deps.requests_per_second = std::strtod(limit, nullptr);
  HttpServer server(executor, make_api(std::move(deps)), {});
  co_return co_await serve_until_signal(server, port, fmt::format("run {}\n", id.to_string()));
}

}  // namespace
}  // namespace corral::edge::testing

int main(int argc, char** argv) {
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0);
  return corral::edge::testing::run_program(corral::edge::testing::serve(port));
}
