// Who is calling, and whether a browser was tricked into it.
//
// Without a token the server is open to whoever reaches it, which check_listen_policy() limits to
// this machine. What is left are pages of other sites in the user's browser: DNS rebinding is
// stopped by the Host check, cross-site requests by the Origin and Sec-Fetch-Site checks. With a
// token, callers show it (Bearer), or the cookie that login gave them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "edge/http/server.h"

namespace corral::edge {

inline constexpr std::string_view kSessionCookie = "corral_session";

class Auth {
 public:
  // `token` empty: open. `hosts`: names, besides loopback's, by which an open server may be
  // addressed.
  Auth(Secret token, std::vector<std::string> hosts)
      : token_(std::move(token)), hosts_(std::move(hosts)) {}

  bool required() const { return !token_.empty(); }

  // `forbidden` for an unknown Host (open servers) and for cross-site requests that change
  // something or open a WebSocket.
  Result<void> check_origin(const Request& request) const;
  // The actor; `unauthenticated` when a token is needed and none, or a wrong one, is shown.
  Result<std::string> authenticate(const Request& request) const;
  bool token_is(std::string_view candidate) const { return token_.equals(candidate); }

  // Set-Cookie values. The cookie is derived from the token, so that it does not give the token
  // away and outlives a restart.
  std::string login_cookie(bool secure) const;
  static std::string logout_cookie();

 private:
  std::string session() const;
  bool host_is_known(std::string_view host) const;

  Secret token_;
  std::vector<std::string> hosts_;
};

// "127.0.0.1", "::1", "localhost" and the rest of 127/8; with or without port and brackets.
bool is_loopback_host(std::string_view host);

}  // namespace corral::edge
