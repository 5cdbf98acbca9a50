// ports::PushService: Web Push over HTTP (RFC 8030), sealed (RFC 8291), under the server's own name
// (RFC 8292).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/http/addresses.h"
#include "base/random.h"
#include "base/secret.h"
#include "ports/http_client.h"
#include "ports/push_service.h"

namespace corral::adapters::notify {

struct WebPushOptions {
  Secret seed;  // at least 32 random bytes, the same for the life of the data folder: the key that
                // browsers subscribe with follows from it
  std::string contact;  // mailto: or https:, told to push services; empty: none
  // Hosts that may be called whatever their addresses, and without TLS: what `client` allows too.
  std::vector<http::AllowedHost> allow;
};

// `client`, `clock` and `random` outlive it. What the client refuses is refused here; send() may be
// called from the client's executors. Neither an address beyond its origin nor a key is ever in an
// error.
std::unique_ptr<ports::PushService> make_web_push(ports::HttpClient& client, Clock& clock,
                                                  Random& random, WebPushOptions options);

}  // namespace corral::adapters::notify
