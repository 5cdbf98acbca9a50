#include "edge/gateway/quota.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <string>

#include "base/json.h"

namespace corral::edge {
namespace {

using Headers = std::map<std::string, std::string>;

constexpr Duration kOverloaded = std::chrono::minutes(1);
constexpr Duration kLongest = std::chrono::days(32);

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !(value >= 0) ||
      value > 1e12)
    return std::nullopt;
  return value;
}

Duration milliseconds(double count) {
  return Duration(static_cast<std::int64_t>(std::ceil(count)));
}

// "6m0s", "1.5s", "20ms", "1h2m": as Go and protobuf write durations.
std::optional<Duration> duration(std::string_view text) {
  double total = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    const auto digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const auto value = number(text.substr(0, digits));
    text.remove_prefix(digits);
    const auto letters = std::min(text.find_first_of("0123456789."), text.size());
    const auto unit = text.substr(0, letters);
    text.remove_prefix(letters);
    const double factor = unit == "ms"  ? 1
                          : unit == "s" ? 1'000
                          : unit == "m" ? 60'000
                          : unit == "h" ? 3'600'000
                          : unit == "d" ? 86'400'000
                                        : 0;
    if (!value || factor == 0) return std::nullopt;
    total += *value * factor;
  }
  if (total > 1e12) return std::nullopt;
  return milliseconds(total);
}

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7).
std::optional<Time> http_date(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return Time(std::chrono::seconds(::timegm(&parts)));
}

class Search {
 public:
  explicit Search(Time now) : now_(now) {}
  // Of several limits the one that lasts longest counts.
  void at(std::optional<Time> time) {
    if (time && *time <= now_ + kLongest) found_ = std::max(found_.value_or(*time), *time);
  }
  void in(std::optional<Duration> delay) {
    if (delay) at(now_ + *delay);
  }
  std::optional<Time> found() const { return found_; }

 private:
  Time now_;
  std::optional<Time> found_;
};

std::string value_of(const Headers& headers, const std::string& name) {
  const auto header = headers.find(name);
  return header == headers.end() ? std::string() : header->second;
}

void look_at_retry_after(const Headers& headers, Search& search) {
  if (const auto ms = number(value_of(headers, "retry-after-ms")); ms) search.in(milliseconds(*ms));
  const auto text = value_of(headers, "retry-after");
  if (const auto seconds = number(text); seconds)
    search.in(milliseconds(*seconds * 1000));
  else
    search.at(http_date(text));
}

// Anthropic names times, OpenAI durations; both say of each limit what is left of it.
void look_at_resets(const Headers& headers, Search& search) {
  for (const char* limit : {"requests", "tokens", "input-tokens", "output-tokens"}) {
    const std::string anthropic = std::string("anthropic-ratelimit-") + limit;
    if (value_of(headers, anthropic + "-remaining") == "0")
      search.at(time_from_rfc3339(value_of(headers, anthropic + "-reset")));
    const std::string openai = limit;
    if (value_of(headers, "x-ratelimit-remaining-" + openai) == "0")
      search.in(duration(value_of(headers, "x-ratelimit-reset-" + openai)));
  }
  if (const auto unified = number(value_of(headers, "anthropic-ratelimit-unified-reset")); unified)
    search.at(Time(std::chrono::seconds(static_cast<std::int64_t>(*unified))));
}

void look_at_body(const json::value& body, Search& search) {
  if (const auto* details = find(body, {"error", "details"});
      details != nullptr && details->is_array())
    for (const auto& detail : details->get_array())
      if (find_string(detail, {"@type"}).ends_with("google.rpc.RetryInfo"))
        search.in(duration(find_string(detail, {"retryDelay"})));
  if (const auto seconds = find_int(body, {"error", "resets_in_seconds"}, -1);
      seconds >= 0 && seconds < 1'000'000'000)
    search.in(std::chrono::seconds(seconds));
  if (const auto at = find_int(body, {"error", "resets_at"}, -1); at > 0 && at < 100'000'000'000)
    search.at(Time(std::chrono::seconds(at)));
}

}  // namespace

std::optional<Time> quota_reset(const ports::LlmResponseHead& head, std::string_view body,
                                Time now) {
  const bool overloaded = head.status == 529 || head.status == 503;
  if (head.status != 429 && !overloaded) return std::nullopt;
  boost::system::error_code problem;
  json::value parsed = json::parse({body.data(), body.size()}, problem);
  if (problem) parsed = nullptr;
  // Google's streams say it in an array of one.
  if (parsed.is_array() && !parsed.get_array().empty())
    parsed = json::value(parsed.get_array().front());
  for (const std::string_view field : {"code", "type"})
    if (find_string(parsed, {"error", field}) == "insufficient_quota") return std::nullopt;

  Search search(now);
  look_at_retry_after(head.headers, search);
  look_at_body(parsed, search);
  if (!search.found()) look_at_resets(head.headers, search);
  if (!search.found() && overloaded) return now + kOverloaded;
  if (!search.found()) return std::nullopt;
  return std::max(*search.found(), now + std::chrono::seconds(1));
}

}  // namespace corral::edge
