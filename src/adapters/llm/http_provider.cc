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
  return name == "content-type" || name == "request-id" || name == "retry-after" ||
         name == "x-should-retry" || name.starts_with("anthropic-ratelimit-");
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
  HttpProvider(HttpProviderOptions options, Secret key)
      : options_(std::move(options)),
        key_(std::move(key)),
        worker_(std::make_shared<http::CurlWorker>()) {}
  ~HttpProvider() override { worker_->stop(); }

  Task<Result<void>> exchange(LlmRequest request, LlmSink& sink) override {
    if (key_.empty() && options_.base_url == kAnthropicUrl)
      co_return fail(
          ErrorCode::unauthenticated,
          "no key for {} is set: set ANTHROPIC_API_KEY for the server, or start it with --replay",
          kAnthropicUrl);
    PassOn pass_on(sink);
    co_return co_await http::run_transfer(worker_, spec_of(std::move(request)), pass_on);
  }

 private:
  http::TransferSpec spec_of(LlmRequest request) const {
    http::TransferSpec spec;
    spec.url = options_.base_url + request.path;
    spec.body = std::move(request.body);
    for (const auto& [name, value] : request.headers)
      spec.headers.push_back(fmt::format("{}: {}", name, value));
    if (!key_.empty()) spec.headers.push_back(fmt::format("x-api-key: {}", key_.expose()));
    spec.connect_timeout = options_.connect_timeout;
    spec.idle_timeout = options_.idle_timeout;
    spec.max_buffered_bytes = options_.max_buffered_bytes;
    spec.peer = fmt::format("the model provider at {}", http::origin_of(spec.url));
    return spec;
  }

  HttpProviderOptions options_;
  Secret key_;
  std::shared_ptr<http::CurlWorker> worker_;
};

}  // namespace

Result<std::unique_ptr<ports::LlmProvider>> make_http_provider(HttpProviderOptions options,
                                                               Secret key) {
  while (options.base_url.ends_with('/')) options.base_url.pop_back();
  const auto url = boost::urls::parse_uri(options.base_url);
  if (!url || (url->scheme() != "http" && url->scheme() != "https") || url->host().empty())
    return fail(ErrorCode::invalid,
                "the provider's URL must be http://HOST… or https://HOST…, not \"{}\"",
                url && url->has_userinfo() ? "…" : options.base_url);
  if (url->has_userinfo() || url->has_query() || url->has_fragment())
    return fail(ErrorCode::invalid,
                "the provider's URL must have no user, password, query or fragment");
  if (key.expose().find_first_of("\r\n") != std::string_view::npos)
    return fail(ErrorCode::invalid, "the provider's key has a line end in it");
  return std::make_unique<HttpProvider>(std::move(options), std::move(key));
}

}  // namespace corral::adapters::llm
