#include "ports/fakes/fake_push_service.h"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace corral::ports::fakes {

Result<void> FakePushService::check(const PushTarget& target) const {
  if (!target.endpoint.starts_with("https://") || target.endpoint.size() > 2048)
    return fail(ErrorCode::invalid, "endpoint: must be an https URL");
  if (target.p256dh.size() != 65) return fail(ErrorCode::invalid, "keys.p256dh: is no key");
  if (target.auth.size() != 16) return fail(ErrorCode::invalid, "keys.auth: is no secret");
  return {};
}

Task<Result<PushAnswer>> FakePushService::send(PushTarget target, PushMessage message) {
  CORRAL_CO_CHECK(check(target));
  if (message.payload.size() > kMaxPushPayload)
    co_return fail(ErrorCode::invalid, "a push message of {} bytes", message.payload.size());
  sent.push_back({target, message});
  if (takes.count() > 0)
    co_await clock_.sleep(takes);
  else
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  if (answer) co_return answer(target, message);
  co_return PushAnswer{};
}

}  // namespace corral::ports::fakes
