#include "adapters/http/exchange.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace corral::adapters::http {
namespace {

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

}  // namespace

Task<Result<void>> run_transfer(std::shared_ptr<CurlWorker> worker, TransferSpec spec,
                                TransferSink& sink) {
  spec.headers.emplace_back("expect:");  // curl would wait for a 100 before larger bodies
  CORRAL_CO_TRY(auto transfer, Transfer::make(std::move(spec)));
  const auto wake = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor,
                                                         asio::steady_timer::time_point::max());
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

std::string origin_of(std::string_view url) {
  const auto scheme = url.find("://");
  const auto begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  return std::string(url.substr(0, url.find_first_of("/?#", begin)));
}

}  // namespace corral::adapters::http
