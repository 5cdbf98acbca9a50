#include <curl/curl.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "adapters/llm/curl_worker.h"
#include "adapters/llm/providers.h"

namespace corral::adapters::llm {
namespace {

using ports::LlmRequest;
using ports::LlmSink;

// Ends the transfer when its coroutine ends, however it does.
class Guard {
 public:
  Guard(std::shared_ptr<CurlWorker> worker, std::shared_ptr<Transfer> transfer)
      : worker_(std::move(worker)), transfer_(std::move(transfer)) {}
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard() {
    transfer_->detach();
    worker_->cancel(transfer_);
  }

 private:
  std::shared_ptr<CurlWorker> worker_;
  std::shared_ptr<Transfer> transfer_;
};

class HttpProvider final : public ports::LlmProvider {
 public:
  HttpProvider(HttpProviderOptions options, Secret key)
      : options_(std::move(options)),
        key_(std::move(key)),
        worker_(std::make_shared<CurlWorker>()) {}
  ~HttpProvider() override { worker_->stop(); }

  Task<Result<void>> exchange(LlmRequest request, LlmSink& sink) override {
    if (key_.empty() && options_.base_url == kAnthropicUrl)
      co_return fail(
          ErrorCode::unauthenticated,
          "no key for {} is set: set ANTHROPIC_API_KEY for the server, or start it with --replay",
          kAnthropicUrl);
    CORRAL_CO_TRY(auto transfer, make_transfer(std::move(request)));
    const auto wake = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor,
                                                           asio::steady_timer::time_point::max());
    // From here on nothing of this object is used: it may end first.
    const auto worker = worker_;
    const Guard guard(worker, transfer);
    worker->add(transfer);
    for (;;) {
      auto news = transfer->take(wake);
      if (news.resume) worker->resume(transfer);
      if (news.outcome) co_return *std::move(news.outcome);
      if (!news.progress) {
        // The wake-up is posted to this very executor, so it cannot come before the wait.
        boost::system::error_code ignored;
        co_await wake->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      }
      if (news.head) {
        CORRAL_CO_CHECK(co_await sink.head(*std::move(news.head)));
      }
      if (!news.body.empty()) {
        CORRAL_CO_CHECK(co_await sink.body(std::move(news.body)));
      }
    }
  }

 private:
  Result<std::shared_ptr<Transfer>> make_transfer(LlmRequest request) const {
    TransferSpec spec;
    spec.url = options_.base_url + request.path;
    spec.body = std::move(request.body);
    for (const auto& [name, value] : request.headers)
      spec.headers.push_back(fmt::format("{}: {}", name, value));
    if (!key_.empty()) spec.headers.push_back(fmt::format("x-api-key: {}", key_.expose()));
    spec.headers.emplace_back("expect:");  // curl would wait for a 100 before larger bodies
    spec.connect_timeout = options_.connect_timeout;
    spec.idle_timeout = options_.idle_timeout;
    spec.max_buffered_bytes = options_.max_buffered_bytes;
    return Transfer::make(std::move(spec));
  }

  HttpProviderOptions options_;
  Secret key_;
  std::shared_ptr<CurlWorker> worker_;
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
