// The API of docs/api.md over the engine, and the page, as one Handler for HttpServer.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "base/secret.h"
#include "base/task.h"
#include "edge/http/server.h"
#include "engine/file_service.h"
#include "engine/notify_service.h"
#include "engine/service.h"
#include "engine/session_service.h"

namespace corral::edge {

// All callbacks run on the server's executor.
struct ApiDeps {
  engine::Service& service;  // outlives the handler, as do its sessions, files and devices
  engine::SessionService& sessions;
  engine::FileService& files;
  engine::NotifyService& notify;
  Secret token = {};  // empty: open, for loopback only (check_listen_policy)
  std::vector<std::string> hosts =
      {};  // names besides loopback's by which an open server is addressed
  std::function<json::value()> info;                  // the document of GET /info, without "agents"
  std::function<Task<Result<json::value>>()> agents;  // the array of agents
  std::function<Task<Result<void>>()> ready;          // an error: not ready, and why
  std::string version = "0.0.0";                      // in the OpenAPI document
  // Of one caller, after a burst; 0: no limit. Unset: 2,000 and 20,000 with a token; without one,
  // when all callers are programs of this machine, 100,000 and 200,000.
  std::optional<double> requests_per_second = {}, request_burst = {};
  Duration keep_alive{15'000};  // between comments on a silent event stream
  Clock& clock = SystemClock::instance();
  Random& random = SystemRandom::instance();
};

// The handler may be copied; copies share their state (rate limits, figures).
Handler make_api(ApiDeps deps);

// The OpenAPI 3.1 document, as GET /api/v1/openapi.json answers it: for `corral openapi`, without a
// server.
std::string openapi_document(std::string_view version);

// `forbidden` when `address` lets other machines in and there is no token.
Result<void> check_listen_policy(std::string_view address, bool has_token);

}  // namespace corral::edge
