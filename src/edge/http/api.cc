#include "edge/http/api.h"

#include <algorithm>

#include <boost/system/system_error.hpp>

#include "base/id.h"
#include "base/log.h"
#include "edge/http/api_impl.h"
#include "edge/http/components.h"
#include "edge/http/negotiation.h"
#include "edge/http/openapi.h"
#include "edge/http/problem.h"
#include "edge/http/static_files.h"

namespace corral::edge {
namespace {

// Nothing that the API answers is a page: should a browser show it as one, it may do nothing.
constexpr const char* kApiPolicy = "default-src 'none'; frame-ancestors 'none'; sandbox";

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.' || c == ':';
  });
}

// The trace id of a W3C traceparent; empty when it is not one.
std::string_view trace_id(std::string_view traceparent) {
  if (traceparent.size() < 55 || traceparent[2] != '-' || traceparent[35] != '-' ||
      traceparent[52] != '-')
    return {};
  const auto id = traceparent.substr(3, 32);
  const bool is_hex = std::ranges::all_of(traceparent.substr(0, 55), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
  });
  return is_hex && id.find_first_not_of('0') != std::string_view::npos ? id : std::string_view();
}

bool is_api_path(std::string_view path) {
  return path == "/api" || path.starts_with("/api/") || path == "/healthz" || path == "/readyz" ||
         path == "/metrics";
}

// At info what changes something, at debug what only looks: a page that is open looks often.
void log_request(std::string_view method, std::string_view route, const Exchange& out,
                 std::string_view request_id, std::string_view trace) {
  const bool looks = method == "GET" || method == "HEAD";
  if (looks && log::level() > log::Level::debug) return;
  const auto microseconds =
      std::chrono::duration_cast<std::chrono::microseconds>(out.elapsed()).count();
  (looks ? log::debug : log::info)("http.request", {{"method", method.substr(0, 20)},
                                                    {"route", route},
                                                    {"status", out.status()},
                                                    {"duration_us", microseconds},
                                                    {"request_id", request_id},
                                                    {"trace_id", trace}});
}

}  // namespace

Api::Api(ApiDeps deps)
    : deps_(std::move(deps)),
      auth_(std::move(deps_.token), deps_.hosts),
      schemas_(component_schemas()),
      router_(api_routes(), schemas_),
      limiter_(deps_.requests_per_second.value_or(auth_.required() ? 2'000 : 100'000),
               deps_.request_burst.value_or(auth_.required() ? 20'000 : 200'000)),
      token_guesses_(0.2, 10),
      document_(openapi_document(deps_.version)) {}

Task<void> Api::serve(Request request, Responder& responder) {
  Exchange out(responder);
  std::string request_id(request.header("x-request-id"));
  if (!is_request_id(request_id))
    request_id = Uuid::v7(deps_.clock.now(), deps_.random).to_string();
  const std::string trace(trace_id(request.header("traceparent")));
  const std::string method = request.method;
  out.add("X-Request-Id", request_id);
  out.add("X-Content-Type-Options", "nosniff");
  out.add("Referrer-Policy", "no-referrer");

  auto match = router_.find(method, request.target);
  const std::string_view route = match.route != nullptr      ? match.route->path
                                 : is_api_path(request.path) ? "unknown"
                                                             : "page";
  request.params = std::move(match.params);
  std::uint64_t retry_after_s = 0;
  if (!admit(request, out, retry_after_s)) {
    co_await out.refuse(429, "too many requests; slow down", request_id,
                        {{"Retry-After", std::to_string(retry_after_s)}});
  } else if (auto origin = auth_.check_origin(request); !origin) {
    co_await out.refuse(origin.error(), request_id);
  } else if (match.route != nullptr) {
    out.add("Content-Security-Policy", kApiPolicy);
    auto answered = co_await call(*match.route, std::move(request), out, request_id);
    if (!answered && !out.started()) {
      if (http_status(answered.error()) == 500)
        log::error(
            "http.internal_error",
            {{"route", route}, {"what", answered.error().describe()}, {"request_id", request_id}});
      co_await out.refuse(answered.error(), request_id);
    }
  } else if (!match.allow.empty()) {
    co_await out.refuse(
        405,
        fmt::format("{} is not possible here; these are: {}", method.substr(0, 20), match.allow),
        request_id, {{"Allow", match.allow}});
  } else if (!is_api_path(request.path) && (method == "GET" || method == "HEAD")) {
    auto answered = co_await serve_static(web_assets(), request, out);
    if (!answered && !out.started()) co_await out.refuse(answered.error(), request_id);
  } else {
    co_await out.refuse(
        404, "there is nothing at this address; GET /api/v1/openapi.json lists what there is",
        request_id);
  }
  const std::string_view label = match.route != nullptr ? std::string_view(method) : "other";
  metrics_.count(label, route, out.status(), out.elapsed().count(), out.streamed());
  log_request(method, route, out, request_id, trace);
}

bool Api::admit(const Request& request, Exchange& out, std::uint64_t& retry_after_s) {
  if (!limiter_.enabled()) return true;
  const auto verdict = limiter_.take(request.peer, deps_.clock.now());
  // RateLimit fields as the IETF draft (httpapi-ratelimit-headers) has them.
  out.add("RateLimit-Policy",
          fmt::format("\"default\";q={};w={}", static_cast<std::uint64_t>(limiter_.burst()),
                      limiter_.window_s()));
  out.add("RateLimit", fmt::format("\"default\";r={};t={}", verdict.remaining,
                                   verdict.allowed ? limiter_.window_s() : verdict.retry_after_s));
  retry_after_s = verdict.retry_after_s;
  return verdict.allowed;
}

Result<void> Api::check_token_guesses(const std::string& peer) {
  if (token_guesses_.exhausted(peer, deps_.clock.now()))
    return fail(ErrorCode::exhausted, "too many wrong tokens from {}; wait a little", peer);
  return {};
}

void Api::count_wrong_token(const std::string& peer) {
  token_guesses_.take(peer, deps_.clock.now());
  log::warning("http.wrong_token", {{"peer", peer}});
}

Task<Result<void>> Api::call(const Route& route, Request request, Exchange& out,
                             std::string request_id) {
  std::string actor = "user:anonymous";
  if (route.access == Access::token) {
    const bool shows_token = auth_.required() && !request.header("authorization").empty();
    if (shows_token) CORRAL_CO_CHECK(check_token_guesses(request.peer));
    auto who = auth_.authenticate(request);
    if (!who) {
      if (shows_token) count_wrong_token(request.peer);
      co_return co_await out.refuse(who.error(), request_id,
                                    {{"WWW-Authenticate", "Bearer realm=\"corral\""}});
    }
    actor = *std::move(who);
  }
  if (auto checked = router_.check_parameters(route, request); !checked)
    co_return co_await out.refuse(checked.error().status, checked.error().detail, request_id);
  auto media_type = router_.choose_reply(route, request);
  if (!media_type)
    co_return co_await out.refuse(media_type.error().status, media_type.error().detail, request_id);
  if (route.replies.size() > 1) out.add("Vary", "Accept");
  auto body = router_.read_body(route, request);
  if (!body) co_return co_await out.refuse(body.error().status, body.error().detail, request_id);
  Call call{.request = std::move(request),
            .out = out,
            .route = route,
            .body = *std::move(body),
            .media_type = *media_type,
            .request_id = request_id,
            .actor = std::move(actor),
            .trace = {}};
  if (const auto parent = call.request.header("traceparent"); !trace_id(parent).empty())
    call.trace = parent.substr(0, 55);
  co_return co_await route.endpoint(*this, call);
}

Handler make_api(ApiDeps deps) {
  auto api = std::make_shared<Api>(std::move(deps));
  return [api](Request request, Responder& out) { return api->serve(std::move(request), out); };
}

std::string openapi_document(std::string_view version) {
  const Schemas schemas(component_schemas());
  return json::serialize(describe(api_routes(), schemas, version));
}

}  // namespace corral::edge
