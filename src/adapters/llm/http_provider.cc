#include <algorithm>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "adapters/http/exchange.h"
#include "adapters/llm/providers.h"

namespace corral::adapters::llm {
namespace {

using ports::LlmRequest;
using ports::LlmSink;

// What a client can use of the provider's headers; the rest would tell about the account, or
// contradict our framing.
bool passed_on(std::string_view name) {
  return name == "content-type" || name == "request-id" || name == "x-request-id" ||
         name == "retry-after" || name == "retry-after-ms" || name == "x-should-retry" ||
         name.starts_with("anthropic-ratelimit-") || name.starts_with("x-ratelimit-");
}

class PassOn final : public http::TransferSink {
 public:
  explicit PassOn(LlmSink& to) : to_(to) {}
  Task<Result<void>> head(http::TransferHead head) override {
    std::erase_if(head.headers, [](const auto& header) { return !passed_on(header.first); });
    return to_.head({.status = head.status, .headers = std::move(head.headers)});
  }
  Task<Result<void>> body(std::string bytes) override { return to_.body(std::move(bytes)); }

 private:
  LlmSink& to_;
};

class HttpProvider final : public ports::LlmProvider {
 public:
  HttpProvider(std::vector<Upstream> upstreams, HttpProviderOptions options)
      : upstreams_(std::move(upstreams)),
        options_(options),
        worker_(std::make_shared<http::CurlWorker>()) {}
  ~HttpProvider() override { worker_->stop(); }

  Task<Result<void>> exchange(LlmRequest request, LlmSink& sink) override {
    CORRAL_CO_TRY(auto spec, spec_of(std::move(request)));
    PassOn pass_on(sink);
    co_return co_await http::run_transfer(worker_, std::move(spec), pass_on);
  }

 private:
  Result<http::TransferSpec> spec_of(LlmRequest request) const {
    const auto route = ports::llm_route(request.path);
    const auto upstream =
        route ? std::ranges::find(upstreams_, route->vendor, &Upstream::vendor) : upstreams_.end();
    if (upstream == upstreams_.end())
      return fail(ErrorCode::not_found, "no model provider is set up for {}", request.path);
    const auto& vendor = ports::traits_of(route->vendor);
    if (upstream->key.empty() && upstream->base_url == vendor.url)
      return fail(ErrorCode::unauthenticated,
                  "no key for {} is set: set {} for the server, or start it with --replay",
                  vendor.url, vendor.key_variable);
    http::TransferSpec spec;
    spec.url = upstream->base_url + request.path;
    spec.body = std::move(request.body);
    for (const auto& [name, value] : request.headers)
      spec.headers.push_back(fmt::format("{}: {}", name, value));
    if (!upstream->key.empty())
      spec.headers.push_back(
          fmt::format("{}: {}{}", vendor.key_header, vendor.key_prefix, upstream->key.expose()));
    spec.connect_timeout = options_.connect_timeout;
    spec.idle_timeout = options_.idle_timeout;
    spec.max_buffered_bytes = options_.max_buffered_bytes;
    spec.peer = fmt::format("the model provider at {}", http::origin_of(spec.url));
    return spec;
  }

  std::vector<Upstream> upstreams_;
  HttpProviderOptions options_;
  std::shared_ptr<http::CurlWorker> worker_;
};

Result<void> check_upstream(Upstream& upstream) {
  auto& base = upstream.base_url;
  if (base.empty()) base = ports::traits_of(upstream.vendor).url;
  const auto strip = [&](std::string_view end) {
    if (base.ends_with(end)) base.resize(base.size() - end.size());
  };
  while (base.ends_with('/')) base.pop_back();
  strip("/v1");
  strip("/v1beta");
  const auto url = boost::urls::parse_uri(base);
  if (!url || (url->scheme() != "http" && url->scheme() != "https") || url->host().empty())
    return fail(ErrorCode::invalid,
                "the provider's URL must be http://HOST… or https://HOST…, not \"{}\"",
                url && url->has_userinfo() ? "…" : base);
  if (url->has_userinfo() || url->has_query() || url->has_fragment())
    return fail(ErrorCode::invalid,
                "the provider's URL must have no user, password, query or fragment");
  if (upstream.key.expose().find_first_of("\r\n") != std::string_view::npos)
    return fail(ErrorCode::invalid, "the provider's key has a line end in it");
  return {};
}

}  // namespace

Result<std::unique_ptr<ports::LlmProvider>> make_http_provider(std::vector<Upstream> upstreams,
                                                               HttpProviderOptions options) {
  for (auto& upstream : upstreams) CORRAL_CHECK(check_upstream(upstream));
  return std::make_unique<HttpProvider>(std::move(upstreams), options);
}

}  // namespace corral::adapters::llm
