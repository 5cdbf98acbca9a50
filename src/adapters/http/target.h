// Where a URL leads, as libcurl reads it: so that the host that is judged is the one that is
// called.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace corral::adapters::http {

struct Target {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; IPv6 in brackets; odd forms of IPv4 as the usual one
  std::uint16_t port = 0;

  // Whether the host itself says that it is this machine's or its network's: an address that is not
  // public, or a name of loopback (RFC 6761). Other names lead anywhere, which shows when they are
  // called.
  bool is_private() const;
};

// `invalid` for what cannot be called: not http or https, with user or password, too long.
Result<Target> target_of(const std::string& url);

}  // namespace corral::adapters::http
