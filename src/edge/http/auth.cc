#include "edge/http/auth.h"

#include <algorithm>
#include <array>

#include <fmt/ranges.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <boost/asio/ip/address.hpp>

#include "base/utf8.h"
#include "edge/http/api.h"

namespace corral::edge {
namespace {

// "[::1]:80" → "::1", "host:80" → "host".
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, std::max<std::size_t>(host.find(']'), 1) - 1);
  return host.substr(0, host.find(':'));
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

bool is_safe(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

std::string_view cookie(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    const auto end = std::min(cookies.find(';'), cookies.size());
    auto pair = cookies.substr(0, end);
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.starts_with(name) && pair.size() > name.size() && pair[name.size()] == '=')
      return pair.substr(name.size() + 1);
  }
  return {};
}

}  // namespace

bool is_loopback_host(std::string_view host) {
  const auto name = without_port(host);
  if (equals_ignoring_case(name, "localhost")) return true;
  boost::system::error_code error;
  const auto address = asio::ip::make_address(std::string(name), error);
  return !error && address.is_loopback();
}

bool Auth::host_is_known(std::string_view host) const {
  return is_loopback_host(host) || std::ranges::any_of(hosts_, [&](const std::string& known) {
           return equals_ignoring_case(known, host) ||
                  equals_ignoring_case(known, without_port(host));
         });
}

Result<void> Auth::check_origin(const Request& request) const {
  const auto host = request.header("host");
  if (!required() && !host_is_known(host))
    return fail(ErrorCode::forbidden,
                "this server is not known as \"{}\"; address it as localhost, or name the host in "
                "its configuration",
                to_valid_utf8(host.substr(0, 100)));
  // A WebSocket begins with a GET, and a browser opens one from any page, cookie included.
  if (is_safe(request.method) && request.header("upgrade").empty()) return {};
  const auto site = request.header("sec-fetch-site");
  if (!site.empty() && site != "same-origin" && site != "none")
    return fail(ErrorCode::forbidden, "requests from pages of other sites are refused");
  auto origin = request.header("origin");
  if (origin.empty()) return {};
  for (const std::string_view scheme : {"http://", "https://"})
    if (origin.starts_with(scheme) && equals_ignoring_case(origin.substr(scheme.size()), host))
      return {};
  return fail(ErrorCode::forbidden, "the request comes from a page of {}, not of this server",
              to_valid_utf8(origin.substr(0, 100)));
}

Result<std::string> Auth::authenticate(const Request& request) const {
  if (!required()) return "user:local";
  constexpr std::string_view kBearer = "bearer ";
  const auto authorization = request.header("authorization");
  if (authorization.size() > kBearer.size() &&
      equals_ignoring_case(authorization.substr(0, kBearer.size()), kBearer)) {
    if (token_is(authorization.substr(kBearer.size()))) return "user:admin";
    return fail(ErrorCode::unauthenticated, "the token is wrong");
  }
  const auto shown = cookie(request.header("cookie"), kSessionCookie);
  if (!shown.empty() && Secret(session()).equals(shown)) return "user:admin";
  return fail(ErrorCode::unauthenticated,
              "a token is needed: send \"Authorization: Bearer TOKEN\", or log in");
}

std::string Auth::session() const {
  constexpr std::string_view kPurpose = "corral session 1";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  HMAC(EVP_sha256(), token_.expose().data(), static_cast<int>(token_.expose().size()),
       reinterpret_cast<const unsigned char*>(kPurpose.data()), kPurpose.size(), digest.data(),
       &size);
  return fmt::format("{:02x}", fmt::join(digest.begin(), digest.begin() + size, ""));
}

std::string Auth::login_cookie(bool secure) const {
  return fmt::format("{}={}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict{}", kSessionCookie,
                     session(), secure ? "; Secure" : "");
}

std::string Auth::logout_cookie() {
  return fmt::format("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict", kSessionCookie);
}

Result<void> check_listen_policy(std::string_view address, bool has_token) {
  if (has_token ||
      is_loopback_host(address.find(':') != std::string_view::npos && !address.starts_with('[')
                           ? fmt::format("[{}]", address)
                           : std::string(address)))
    return {};
  return fail(ErrorCode::forbidden,
              "listening on {} lets other machines in, which needs a token; listen on 127.0.0.1, "
              "or set one",
              address);
}

}  // namespace corral::edge
