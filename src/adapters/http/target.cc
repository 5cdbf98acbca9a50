#include "adapters/http/target.h"

#include <algorithm>
#include <charconv>
#include <memory>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>

#include "adapters/http/addresses.h"
#include "base/freed.h"

namespace corral::adapters::http {
namespace {

constexpr std::size_t kMaxUrlBytes = 8u << 10;

}  // namespace

bool Target::is_private() const {
  if (host == "localhost" || host.ends_with(".localhost") || host == "localhost.") return true;
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1)
    return !is_public_address(reinterpret_cast<const sockaddr&>(v4));
  if (!host.starts_with('[')) return false;
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  const auto inner = host.substr(1, host.size() - 2);
  // One with a zone is link-local.
  return ::inet_pton(AF_INET6, inner.c_str(), &v6.sin6_addr) != 1 ||
         !is_public_address(reinterpret_cast<const sockaddr&>(v6));
}

Result<Target> target_of(const std::string& url) {
  if (url.size() > kMaxUrlBytes)
    return fail(ErrorCode::invalid, "the URL has {} bytes: at most {}", url.size(), kMaxUrlBytes);
  const std::unique_ptr<CURLU, Freed<curl_url_cleanup>> parsed(curl_url());
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
  Target target{.scheme = part(CURLUPART_SCHEME, 0), .host = part(CURLUPART_HOST, 0)};
  if (target.scheme != "http" && target.scheme != "https")
    return fail(ErrorCode::invalid, "only http and https can be called, not {}", target.scheme);
  std::ranges::transform(target.host, target.host.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const auto port = part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
  std::from_chars(port.data(), port.data() + port.size(), target.port);
  if (target.host.empty() || target.port == 0)
    return fail(ErrorCode::invalid, "the URL names no host or no port that can be called");
  return target;
}

}  // namespace corral::adapters::http
