#include "ports/fakes/fake_http_client.h"

#include <algorithm>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace corral::ports::fakes {

Task<Result<HttpResponse>> FakeHttpClient::send(HttpRequest request) {
  if (faults)
    if (auto error = faults()) co_return std::unexpected(*std::move(error));
  requests.push_back(request);
  const bool late = request.timeout.count() > 0 && takes > request.timeout;
  if (takes.count() > 0)
    co_await clock_.sleep(late ? request.timeout : takes);
  else
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  if (faults)
    if (auto error = faults()) co_return std::unexpected(*std::move(error));
  if (late) co_return fail(ErrorCode::deadline, "{} did not answer in time", request.url);
  auto response = answer ? answer(request) : HttpResponse{.status = 200};
  if (response && response->body.size() > request.max_response_bytes)
    co_return fail(ErrorCode::exhausted, "the answer has more than {} bytes",
                   request.max_response_bytes);
  co_return response;
}

}  // namespace corral::ports::fakes
