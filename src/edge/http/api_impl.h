// The API's state, for its endpoints.
#pragma once

#include <memory>

#include "edge/http/api.h"
#include "edge/http/auth.h"
#include "edge/http/exchange.h"
#include "edge/http/http_metrics.h"
#include "edge/http/rate_limit.h"
#include "edge/http/router.h"

namespace corral::edge {

class Api {
 public:
  explicit Api(ApiDeps deps);

  Task<void> serve(Request request, Responder& out);

  engine::Service& service() { return deps_.service; }
  engine::SessionService& sessions() { return deps_.sessions; }
  engine::FileService& files() { return deps_.files; }
  engine::NotifyService& notify() { return deps_.notify; }
  const ApiDeps& deps() const { return deps_; }
  const Auth& auth() const { return auth_; }
  HttpMetrics& metrics() { return metrics_; }
  const std::string& document() const { return document_; }

  // A wrong token shown to login or as Bearer counts against its sender; `exhausted` when there
  // were too many.
  Result<void> check_token_guesses(const std::string& peer);
  void count_wrong_token(const std::string& peer);

 private:
  Task<Result<void>> call(const Route& route, Request request, Exchange& out,
                          std::string request_id);
  bool admit(const Request& request, Exchange& out, std::uint64_t& retry_after_s);

  ApiDeps deps_;
  Auth auth_;
  Schemas schemas_;
  Router router_;
  RateLimiter limiter_;
  RateLimiter token_guesses_;
  HttpMetrics metrics_;
  std::string document_;
};

// The route table, and its parts: routes_*.cc.
std::span<const Route> api_routes();
std::vector<Route> system_routes();
std::vector<Route> project_routes();
std::vector<Route> workflow_routes();
std::vector<Route> run_routes();
std::vector<Route> queue_routes();
std::vector<Route> session_routes();
std::vector<Route> file_routes();
std::vector<Route> push_routes();
std::vector<Route> stream_routes();

}  // namespace corral::edge
