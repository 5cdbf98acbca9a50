// Which addresses may be called for people who write workflows (docs/decisions/0009-http-steps.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/socket.h>

#include "base/error.h"

namespace corral::adapters::http {

// Whether an address belongs to the public internet: neither this machine's nor its network's, no
// metadata service of a cloud, nothing reserved (IANA special-purpose registries, RFC 6890). An
// IPv6 address that stands for an IPv4 one (mapped, NAT64) is judged as that one. False for any
// other family.
bool is_public_address(const sockaddr& address);

// A host that an operator allows whatever its address.
struct AllowedHost {
  std::string host;                   // lower case; IPv6 in brackets
  std::optional<std::uint16_t> port;  // none: every port

  bool covers(std::string_view other, std::uint16_t other_port) const {
    return host == other && (!port || *port == other_port);
  }
};

// "deploy.internal", "10.0.0.7:8080", "[::1]:80". `invalid` with the value.
Result<AllowedHost> parse_allowed_host(std::string_view text);

}  // namespace corral::adapters::http
