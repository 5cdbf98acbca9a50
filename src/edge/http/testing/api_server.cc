#include "edge/http/testing/api_server.h"

#include "edge/http/api.h"

namespace corral::edge::testing {
namespace {

Task<Result<void>> readiness(const std::atomic<bool>& not_ready) {
  if (not_ready) co_return fail(ErrorCode::unavailable, "the store does not answer");
  co_return Result<void>{};
}

Task<Result<json::value>> agents() {
  co_return json::array{
      json::object{{"name", "claude"}, {"version", "1"}, {"wanted_version", "1"}, {"problem", ""}}};
}

json::value info() {
  return json::object{{"version", "1"},
                      {"isolation", "sandbox"},
                      {"warnings", json::array()},
                      {"model_source", "live"}};
}

}  // namespace

ApiServer::ApiServer(ApiServerOptions options) {
  thread_ = std::make_unique<ServerThread>([&](Executor executor) {
    executor_ = executor;
    service_ = std::make_unique<FakeService>(executor);
    sessions_ = std::make_unique<FakeSessions>(executor);
    return make_api({.service = *service_,
                     .sessions = *sessions_,
                     .files = files_,
                     .notify = notify_,
                     .token = Secret(options.token),
                     .info = info,
                     .agents = agents,
                     .ready = [this] { return readiness(not_ready); },
                     .requests_per_second = options.requests_per_second,
                     .request_burst = options.request_burst,
                     .keep_alive = options.keep_alive});
  });
}

ApiServer::~ApiServer() { thread_->stop(); }

void ApiServer::run(std::function<void(FakeService&)> work) {
  thread_->run([&](HttpServer&) { work(*service_); });
}

bool ApiServer::eventually(std::function<bool(FakeService&)> condition) {
  return thread_->eventually([&] { return condition(*service_); });
}

}  // namespace corral::edge::testing
