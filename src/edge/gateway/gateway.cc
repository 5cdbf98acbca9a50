#include "edge/gateway/gateway.h"

#include <algorithm>
#include <exception>
#include <map>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/json.h"
#include "base/log.h"
#include "edge/gateway/quota.h"
#include "edge/gateway/request_policy.h"
#include "engine/usage_meter.h"
#include "ports/llm_api.h"

namespace corral::edge {
namespace {

constexpr std::size_t kMaxBodyBytes = 32u << 20;
constexpr std::size_t kMaxErrorBytes = 64u << 10;  // of a refusal that is looked at
constexpr int kClientGone = 499;  // as in nginx: the client closed before the answer
// A refusal that lasts longer is not sat out by the agent: its step waits instead.
constexpr Duration kAgentsWait = std::chrono::seconds(20);

// An error in Anthropic's words, and whether clients may try again by themselves.
struct Refusal {
  int status;
  std::string_view type;
  bool retry;
};

Refusal refusal_for(ErrorCode code) {
  using enum ErrorCode;
  switch (code) {
    case invalid:
    case unsupported:
    case conflict: return {400, "invalid_request_error", false};
    case unauthenticated: return {401, "authentication_error", false};
    case exhausted: return {402, "billing_error", false};
    case forbidden: return {403, "permission_error", false};
    case not_found: return {404, "not_found_error", false};
    case unavailable: return {502, "api_error", true};
    case cancelled: return {503, "overloaded_error", true};
    case deadline: return {504, "timeout_error", true};
    case corrupt:
    case internal: return {500, "api_error", false};
  }
  return {500, "api_error", false};
}

// Google's name for a status (google.rpc.Code).
std::string_view google_status(int status) {
  switch (status) {
    case 400:
    case 413: return "INVALID_ARGUMENT";
    case 401: return "UNAUTHENTICATED";
    case 402:
    case 403: return "PERMISSION_DENIED";
    case 404: return "NOT_FOUND";
    case 429: return "RESOURCE_EXHAUSTED";
    case 502:
    case 503: return "UNAVAILABLE";
    case 504: return "DEADLINE_EXCEEDED";
    default: return "INTERNAL";
  }
}

// The error as the protocol's clients expect it.
json::object error_body(ports::LlmApi api, const Refusal& refusal, std::string_view message) {
  switch (api) {
    case ports::LlmApi::openai_responses:
    case ports::LlmApi::openai_chat:
      return {{"error",
               {{"message", message},
                {"type", refusal.type},
                {"param", nullptr},
                {"code", refusal.type}}}};
    case ports::LlmApi::gemini:
      return {{"error",
               {{"code", refusal.status},
                {"message", message},
                {"status", google_status(refusal.status)}}}};
    case ports::LlmApi::anthropic_messages: break;
  }
  return {{"type", "error"}, {"error", {{"type", refusal.type}, {"message", message}}}};
}

Task<void> refuse(Responder& responder, ports::LlmApi api, Refusal refusal, std::string message) {
  const auto body = error_body(api, refusal, message);
  // A client that is gone needs no answer.
  (void)co_await responder.send(
      refusal.status,
      {{"content-type", "application/json"}, {"x-should-retry", refusal.retry ? "true" : "false"}},
      json::serialize(body));
}

// The run's token stands where any of the protocols has its key.
std::string token_of(const Request& request) {
  for (const auto& vendor : ports::llm_vendors()) {
    const auto value = request.header(vendor.key_header);
    if (!value.empty() && value.starts_with(vendor.key_prefix))
      return std::string(value.substr(vendor.key_prefix.size()));
  }
  return request.query_value("key").value_or("");
}

// Passes the provider's answer on to the client and reads what it used.
class AnswerSink final : public ports::LlmSink {
 public:
  AnswerSink(Responder& responder, ports::LlmApi api, Clock& clock)
      : responder_(responder), clock_(clock), meter_(api) {}

  Task<Result<void>> head(ports::LlmResponseHead head) override {
    head_ = head;
    const auto type = head.headers.find("content-type");
    const bool streamed =
        type != head.headers.end() && type->second.starts_with("text/event-stream");
    meter_.begin(streamed ? engine::UsageMeter::Form::event_stream
                          : engine::UsageMeter::Form::json);
    Headers headers(head.headers.begin(), head.headers.end());
    if (streamed) headers.emplace_back("cache-control", "no-cache");
    // The server's key does not do, or not for long: no retry of the agent will mend that.
    const auto reset = quota_reset(head, {}, clock_.now());
    const bool in_vain = head.status == 401 || head.status == 403 ||
                         (reset && *reset - clock_.now() > kAgentsWait && head.status == 429);
    if (in_vain && !head.headers.contains("x-should-retry"))
      headers.emplace_back("x-should-retry", "false");
    co_return co_await responder_.start(head.status, std::move(headers));
  }
  Task<Result<void>> body(std::string bytes) override {
    meter_.feed(bytes);
    if (head_.status >= 400 && error_.size() < kMaxErrorBytes)
      error_ += bytes.substr(0, kMaxErrorBytes - error_.size());
    co_return co_await responder_.write(std::move(bytes));
  }

  int status() const { return head_.status; }  // 0: no answer has begun
  engine::UsageMeter& meter() { return meter_; }
  // When the refused call may be made again.
  std::optional<Time> retry_at() const { return quota_reset(head_, error_, clock_.now()); }

 private:
  Responder& responder_;
  Clock& clock_;
  engine::UsageMeter meter_;
  ports::LlmResponseHead head_{.status = 0, .headers = {}};
  std::string error_;  // the beginning of a refusal's body
};

class Gateway {
 public:
  Gateway(engine::Service& service, ports::LlmProvider& provider, Clock& clock,
          GatewayOptions options)
      : service_(service), provider_(provider), clock_(clock), options_(std::move(options)) {}

  Task<void> serve(Request request, Responder& responder);

 private:
  // One call of a run under way.
  class Slot {
   public:
    Slot(std::map<RunId, std::size_t>& calls, RunId run) : calls_(calls), run_(run) {
      ++calls_[run_];
    }
    ~Slot() {
      if (--calls_[run_] == 0) calls_.erase(run_);
    }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

   private:
    std::map<RunId, std::size_t>& calls_;
    RunId run_;
  };

  Task<Result<RunId>> authenticate(const Request& request);
  Task<void> call(RunId run, const ports::LlmRoute& route, Request request, std::string model,
                  Responder& responder);
  Task<void> record(RunId run, AnswerSink& sink, engine::ModelCall call, std::size_t request_bytes);

  engine::Service& service_;
  ports::LlmProvider& provider_;
  Clock& clock_;
  GatewayOptions options_;
  std::map<RunId, std::size_t> calls_;
};

Task<void> Gateway::serve(Request request, Responder& responder) {
  if (request.path == "/" && (request.method == "GET" || request.method == "HEAD")) {
    (void)co_await responder.send(200, {{"content-type", "application/json"}}, "{}");
    co_return;
  }
  // The route names parts of the path.
  const std::string path = request.path;
  const auto route = ports::llm_route(path);
  const auto api = route ? route->api : ports::LlmApi::anthropic_messages;
  const auto refused = [&](Refusal refusal, std::string message) {
    return refuse(responder, api, refusal, std::move(message));
  };
  if (request.method != "POST" || !route)
    co_return co_await refused(refusal_for(ErrorCode::not_found),
                               fmt::format("there is no {} {} here", request.method, path));
  if (request.body.size() > kMaxBodyBytes)
    co_return co_await refused(
        {413, "request_too_large", false},
        fmt::format("a request may have {} MiB at most", kMaxBodyBytes >> 20));

  const auto run = co_await authenticate(request);
  if (!run) co_return co_await refused(refusal_for(run.error().code), run.error().message);
  if (const auto under_way = calls_.find(*run);
      under_way != calls_.end() && under_way->second >= options_.calls_at_once)
    co_return co_await refused(
        {429, "rate_limit_error", true},
        fmt::format("the run has {} model calls under way, the most there may be",
                    under_way->second));
  const Slot slot(calls_, *run);
  if (route->use == ports::LlmRoute::Use::answer)
    if (const auto admitted = co_await service_.admit_model_call(*run); !admitted)
      co_return co_await refused(refusal_for(admitted.error().code), admitted.error().message);
  auto checked = check_model_request(*route, std::move(request.body));
  if (!checked)
    co_return co_await refused(refusal_for(checked.error().code), checked.error().message);
  request.body = std::move(checked->body);
  co_await call(*run, *route, std::move(request), std::move(checked->model), responder);
}

Task<Result<RunId>> Gateway::authenticate(const Request& request) {
  const auto token = token_of(request);
  if (token.empty())
    co_return fail(ErrorCode::unauthenticated,
                   "the run's token is missing: send it where the key would be");
  CORRAL_CO_TRY(const RunId run, co_await service_.authenticate_run_token(token));
  if (options_.run_of_peer && !request.peer.empty())
    if (const auto owner = options_.run_of_peer(request.peer); owner && *owner != run)
      co_return fail(ErrorCode::forbidden, "this token belongs to another run than this workspace");
  co_return run;
}

// The exchange ends with the client's connection: nobody pays for an answer that nobody reads.
Task<Result<void>> exchange_until_gone(ports::LlmProvider& provider, ports::LlmRequest request,
                                       ports::LlmSink& sink, Responder& responder) {
  using namespace asio::experimental::awaitable_operators;
  auto first = co_await (provider.exchange(std::move(request), sink) || responder.wait_gone());
  if (first.index() == 1) co_return fail(ErrorCode::cancelled, "the client has gone");
  co_return std::get<0>(std::move(first));
}

// The parameter as it may be sent on: words and figures only.
std::string query_of(const Request& request, std::string_view parameter) {
  if (parameter.empty()) return "";
  const auto value = request.query_value(parameter).value_or("");
  const bool plain = !value.empty() && value.size() <= 20 && std::ranges::all_of(value, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  });
  return plain ? fmt::format("?{}={}", parameter, value) : "";
}

Task<void> Gateway::call(RunId run, const ports::LlmRoute& route, Request request,
                         std::string model, Responder& responder) {
  ports::LlmRequest forwarded{
      .run = run, .path = request.path, .headers = {}, .body = std::move(request.body)};
  take_out_token(forwarded.body, token_of(request));
  forwarded.path += query_of(request, route.query_parameter);
  for (const std::string_view name : {"anthropic-version", "anthropic-beta", "openai-beta",
                                      "content-type", "accept", "user-agent"})
    if (const auto value = request.header(name); !value.empty())
      forwarded.headers.emplace(name, value);

  const std::size_t request_bytes = forwarded.body.size();
  const Time begin = clock_.now();
  AnswerSink sink(responder, route.api, clock_);
  Result<void> outcome = fail(ErrorCode::cancelled, "the server is stopping");
  std::exception_ptr thrown;
  try {
    outcome = co_await exchange_until_gone(provider_, std::move(forwarded), sink, responder);
  } catch (...) {
    thrown = std::current_exception();
  }
  const bool gone = !outcome && outcome.error().code == ErrorCode::cancelled;
  if (route.use == ports::LlmRoute::Use::answer) {
    engine::ModelCall figures{.model = std::move(model),
                              .duration_ms = (clock_.now() - begin).count(),
                              .status = sink.status()};
    if (gone)
      figures.status = kClientGone;
    else if (!outcome)
      figures.status = refusal_for(outcome.error().code).status;
    else
      figures.retry_at = sink.retry_at();
    // What was used is written down even when this task has been cancelled.
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await uncancelled(record(run, sink, std::move(figures), request_bytes));
  }
  if (thrown) std::rethrow_exception(thrown);
  if (outcome) co_return;
  log::info("gateway.call_failed", {{"run", run.to_string()}, {"why", outcome.error().describe()}});
  if (responder.started())
    responder.abort();
  else if (!responder.gone())
    co_await refuse(responder, route.api, refusal_for(outcome.error().code),
                    outcome.error().message);
}

Task<void> Gateway::record(RunId run, AnswerSink& sink, engine::ModelCall call,
                           std::size_t request_bytes) {
  sink.meter().finish();
  const auto& usage = sink.meter().usage();
  if (!usage.model.empty()) call.model = usage.model;
  call.input_tokens = usage.input_tokens;
  call.output_tokens = usage.output_tokens;
  call.cache_read_tokens = usage.cache_read_tokens;
  call.cache_write_tokens = usage.cache_write_tokens;
  // The provider has the request and will bill it, although its figures never came.
  if (call.status == kClientGone && !usage.seen)
    call.input_tokens = static_cast<std::int64_t>(request_bytes / 4);
  if (const auto recorded = co_await service_.record_model_call(run, std::move(call)); !recorded)
    log::warning("gateway.usage_not_recorded",
                 {{"run", run.to_string()}, {"why", recorded.error().describe()}});
}

}  // namespace

ServerOptions gateway_server_options() {
  ServerOptions options;
  options.max_body_bytes = kMaxBodyBytes;
  return options;
}

Handler make_gateway_handler(engine::Service& service, ports::LlmProvider& provider, Clock& clock,
                             GatewayOptions options) {
  auto gateway = std::make_shared<Gateway>(service, provider, clock, std::move(options));
  return [gateway](Request request, Responder& responder) {
    return gateway->serve(std::move(request), responder);
  };
}

}  // namespace corral::edge
