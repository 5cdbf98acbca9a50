#include "adapters/notify/web_push.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "adapters/http/target.h"
#include "adapters/notify/message.h"
#include "adapters/notify/vapid.h"
#include "base/base64url.h"

namespace corral::adapters::notify {
namespace {

using ports::PushAnswer;
using ports::PushMessage;
using ports::PushTarget;

constexpr std::size_t kMaxEndpoint = 2048;
constexpr Duration kTimeout = std::chrono::seconds(20);
constexpr std::int64_t kLongestPauseS = 3600;

std::string origin(const http::Target& target) {
  const bool usual = target.port == (target.scheme == "https" ? 443 : 80);
  return usual ? fmt::format("{}://{}", target.scheme, target.host)
               : fmt::format("{}://{}:{}", target.scheme, target.host, target.port);
}

// Retry-After in seconds (RFC 9110, 10.2.3); as a date it is left to the sender's own patience.
Duration pause_of(const std::map<std::string, std::string>& headers) {
  const auto given = headers.find("retry-after");
  if (given == headers.end()) return Duration(0);
  const auto& text = given->second;
  std::int64_t seconds = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return Duration(0);
  return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kLongestPauseS));
}

class WebPush final : public ports::PushService {
 public:
  WebPush(ports::HttpClient& client, Clock& clock, Random& random, WebPushOptions options)
      : client_(client),
        clock_(clock),
        random_(random),
        key_(P256Key::from_seed(options.seed)),
        public_key_(base64url(key_.public_point())),
        contact_(std::move(options.contact)),
        allow_(std::move(options.allow)) {}

  const std::string& public_key() const override { return public_key_; }

  Result<void> check(const PushTarget& target) const override {
    CORRAL_TRY(const auto where, endpoint_of(target));
    if (auto point = check_point(target.p256dh); !point)
      return wrap(std::move(point).error(), "keys.p256dh");
    if (target.auth.size() != kAuthBytes)
      return fail(ErrorCode::invalid, "keys.auth: has {} bytes, not {}", target.auth.size(),
                  kAuthBytes);
    return {};
  }

  Task<Result<PushAnswer>> send(PushTarget target, PushMessage message) override {
    CORRAL_CO_CHECK(check(target));
    CORRAL_CO_TRY(const auto where, endpoint_of(target));
    std::array<std::uint8_t, kSaltBytes> salt{};
    random_.fill(salt);
    CORRAL_CO_TRY(auto body, seal(message.payload, target, P256Key::make(random_),
                                  std::string(salt.begin(), salt.end())));
    ports::HttpRequest request{.method = "POST",
                               .url = std::move(target.endpoint),
                               .body = std::move(body),
                               .timeout = kTimeout,
                               .max_response_bytes = 64u << 10};
    request.headers = {
        {"Authorization", vapid(key_, origin(where), contact_, clock_.now())},
        {"Content-Encoding", "aes128gcm"},
        {"Content-Type", "application/octet-stream"},
        {"TTL", std::to_string(std::max<std::int64_t>(message.ttl.count(), 0))},
        {"Urgency", message.urgency == ports::PushUrgency::high ? "high" : "normal"}};
    if (!message.topic.empty()) request.headers.emplace_back("Topic", std::move(message.topic));
    CORRAL_CO_TRY(const auto response, co_await client_.send(std::move(request)));
    co_return answer(response, where);
  }

 private:
  Result<http::Target> endpoint_of(const PushTarget& target) const {
    const auto wrong = [](std::string_view why) {
      return fail(ErrorCode::invalid, "endpoint: {}", why);
    };
    if (target.endpoint.size() > kMaxEndpoint)
      return fail(ErrorCode::invalid, "endpoint: has {} bytes, at most {} are possible",
                  target.endpoint.size(), kMaxEndpoint);
    if (!std::ranges::all_of(target.endpoint, [](char c) { return c > ' ' && c < '\x7f'; }))
      return wrong("is no URL");
    auto where = http::target_of(target.endpoint);
    if (!where) return wrap(std::move(where).error(), "endpoint");
    const bool allowed = std::ranges::any_of(allow_, [&](const http::AllowedHost& host) {
      return host.covers(where->host, where->port);
    });
    if (!allowed && where->scheme != "https")
      return wrong("must be an https URL, as push services have");
    if (!allowed && where->is_private())
      return fail(ErrorCode::forbidden,
                  "endpoint: {} is on this machine or in a private network; the server's operator "
                  "can allow it: corral serve --http-allow {}:{}",
                  where->host, where->host, where->port);
    return where;
  }

  static Result<PushAnswer> answer(const ports::HttpResponse& response, const http::Target& where) {
    using enum PushAnswer::Outcome;
    const int status = response.status;
    if (status >= 200 && status < 300) return PushAnswer{.outcome = accepted};
    if (status == 404 || status == 410) return PushAnswer{.outcome = gone};
    if (status == 408 || status == 429 || status >= 500)
      return PushAnswer{.outcome = busy, .pause = pause_of(response.headers)};
    return fail(status == 401 || status == 403 ? ErrorCode::forbidden : ErrorCode::invalid,
                "the push service {} refused the message with status {}", origin(where), status);
  }

  ports::HttpClient& client_;
  Clock& clock_;
  Random& random_;
  P256Key key_;
  std::string public_key_, contact_;
  std::vector<http::AllowedHost> allow_;
};

}  // namespace

std::unique_ptr<ports::PushService> make_web_push(ports::HttpClient& client, Clock& clock,
                                                  Random& random, WebPushOptions options) {
  return std::make_unique<WebPush>(client, clock, random, std::move(options));
}

}  // namespace corral::adapters::notify
