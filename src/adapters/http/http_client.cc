#include "adapters/http/http_client.h"

#include <algorithm>
#include <charconv>

#include "adapters/http/exchange.h"

namespace corral::adapters::http {
namespace {

using ports::HttpRequest;
using ports::HttpResponse;

constexpr std::size_t kMaxUrlBytes = 8u << 10;

struct Target {
  std::string host;  // lower case; IPv6 in brackets
  std::uint16_t port = 0;
};

// Read by libcurl's own parser, so that the host that is judged is the one that is called.
Result<Target> target_of(const std::string& url) {
  if (url.size() > kMaxUrlBytes)
    return fail(ErrorCode::invalid, "the URL has {} bytes: at most {}", url.size(), kMaxUrlBytes);
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
  const auto part = [&](CURLUPart which, unsigned flags) {
    char* text = nullptr;
    std::string value;
    if (curl_url_get(parsed.get(), which, &text, flags) == CURLUE_OK) value = text;
    curl_free(text);
    return value;
  };
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_DISALLOW_USER) != CURLUE_OK)
    return fail(ErrorCode::invalid,
                "this is no URL that can be called: write http://HOST… or https://HOST…, without "
                "user and password");
  const auto scheme = part(CURLUPART_SCHEME, 0);
  if (scheme != "http" && scheme != "https")
    return fail(ErrorCode::invalid, "only http and https can be called, not {}", scheme);
  Target target{.host = part(CURLUPART_HOST, 0)};
  std::ranges::transform(target.host, target.host.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const auto port = part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
  std::from_chars(port.data(), port.data() + port.size(), target.port);
  if (target.host.empty() || target.port == 0)
    return fail(ErrorCode::invalid, "the URL names no host or no port that can be called");
  return target;
}

class Collector final : public TransferSink {
 public:
  Collector(std::string peer, std::size_t most) : peer_(std::move(peer)), most_(most) {}
  HttpResponse response;

  Task<Result<void>> head(TransferHead head) override {
    response.status = head.status;
    response.headers = std::move(head.headers);
    co_return Result<void>{};
  }
  Task<Result<void>> body(std::string bytes) override {
    if (response.body.size() + bytes.size() > most_)
      co_return fail(ErrorCode::exhausted, "the answer of {} has more than {} bytes", peer_, most_);
    response.body += bytes;
    co_return Result<void>{};
  }

 private:
  std::string peer_;
  std::size_t most_;
};

class CurlHttpClient final : public ports::HttpClient {
 public:
  explicit CurlHttpClient(HttpClientOptions options) : options_(std::move(options)) {}
  ~CurlHttpClient() override { worker_->stop(); }

  Task<Result<HttpResponse>> send(HttpRequest request) override {
    CORRAL_CO_TRY(const auto target, target_of(request.url));
    const bool allowed = std::ranges::any_of(options_.allow, [&](const AllowedHost& host) {
      return host.covers(target.host, target.port);
    });
    TransferSpec spec;
    spec.peer = origin_of(request.url);
    spec.method = std::move(request.method);
    spec.url = std::move(request.url);
    spec.body = std::move(request.body);
    for (const auto& [name, value] : request.headers)
      // "name;" is libcurl's way to send an empty one.
      spec.headers.push_back(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
    spec.connect_timeout = options_.connect_timeout;
    spec.timeout = request.timeout.count() > 0 ? request.timeout : options_.timeout;
    spec.proxy = TransferSpec::Proxy::none;
    if (!allowed) spec.may_connect = is_public_address;
    Collector collector(spec.peer, request.max_response_bytes);
    auto done = co_await run_transfer(worker_, std::move(spec), collector);
    if (!done && done.error().code == ErrorCode::forbidden)
      co_return fail(ErrorCode::forbidden,
                     "{}: it is on this machine or in a private network; the server's operator can "
                     "allow it: corral serve --http-allow {}:{}",
                     done.error().message, target.host, target.port);
    CORRAL_CO_CHECK(std::move(done));
    co_return std::move(collector.response);
  }

 private:
  HttpClientOptions options_;
  std::shared_ptr<CurlWorker> worker_ = std::make_shared<CurlWorker>();
};

}  // namespace

std::unique_ptr<ports::HttpClient> make_http_client(HttpClientOptions options) {
  return std::make_unique<CurlHttpClient>(std::move(options));
}

}  // namespace corral::adapters::http
