#include "engine/outgoing.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "base/utf8.h"

namespace corral::engine {
namespace {

constexpr Duration kLongestPause = std::chrono::hours(24);
constexpr std::size_t kExcerpt = 200;

// "Sun, 06 Nov 1994 08:49:37 GMT", the one form of a date that is still sent (RFC 9110, 5.6.7).
std::optional<Time> http_date(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return std::chrono::time_point_cast<Duration>(
      std::chrono::system_clock::from_time_t(::timegm(&parts)));
}

}  // namespace

Task<void> until_stopped(StepContext& context) {
  for (;;) {
    const auto news = context.seat.news();
    // What cannot be read now is read at the next turn.
    if ((co_await context.reload()) && context.must_stop()) co_return;
    if (context.seat.news() == news)
      co_await wait_or(context.seat.changed(),
                       context.core.deps.clock.sleep(context.core.options.heartbeat));
  }
}

ErrorCode code_of_status(int status) {
  using enum ErrorCode;
  switch (status) {
    case 401:
    case 407: return unauthenticated;
    case 402: return exhausted;
    case 403: return forbidden;
    case 404:
    case 410: return not_found;
    case 408:
    case 425:
    case 429: return unavailable;
    case 405:
    case 501:
    case 505: return unsupported;
    case 400:
    case 413:
    case 414:
    case 415:
    case 422:
    case 431: return invalid;
    default: return status >= 500 ? unavailable : conflict;
  }
}

Duration pause_of(int status, const AnswerHeaders& headers, Time now) {
  if (status != 429 && status != 503 && status != 529) return Duration(0);
  std::optional<Time> until;
  if (const auto given = headers.find("retry-after"); given != headers.end()) {
    const auto& text = given->second;
    std::int64_t seconds = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (read.ec == std::errc() && read.ptr == text.data() + text.size() && seconds >= 0)
      until = now + Duration(std::min(seconds, kLongestPause.count() / 1'000) * 1'000);
    else
      until = http_date(text);
  } else {
    constexpr std::array<std::string_view, 4> kLimits{"requests", "tokens", "input-tokens",
                                                      "output-tokens"};
    for (const auto limit : kLimits) {
      const auto left = headers.find(fmt::format("anthropic-ratelimit-{}-remaining", limit));
      const auto reset = headers.find(fmt::format("anthropic-ratelimit-{}-reset", limit));
      if (left == headers.end() || left->second != "0" || reset == headers.end()) continue;
      if (const auto at = time_from_rfc3339(reset->second)) until = std::max(until, at);
    }
  }
  return until ? std::clamp(*until - now, Duration(0), kLongestPause) : Duration(0);
}

std::string excerpt(std::string_view text) {
  const bool cut = text.size() > kExcerpt;
  std::string_view begin = text.substr(0, kExcerpt);
  if (cut) begin.remove_suffix(incomplete_utf8_tail(begin));
  std::string line = to_valid_utf8(begin);
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return cut ? line + "…" : line;
}

}  // namespace corral::engine
