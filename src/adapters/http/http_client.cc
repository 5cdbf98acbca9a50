#include "adapters/http/http_client.h"

#include <algorithm>

#include "adapters/http/exchange.h"
#include "adapters/http/target.h"

namespace corral::adapters::http {
namespace {

using ports::HttpRequest;
using ports::HttpResponse;

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
