// ports::HttpClient on libcurl, for requests that leave from the server on behalf of workflows.
#pragma once

#include <memory>
#include <vector>

#include "adapters/http/addresses.h"
#include "ports/http_client.h"

namespace corral::adapters::http {

struct HttpClientOptions {
  std::vector<AllowedHost> allow;  // whatever their addresses; all others only at public ones
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{60'000};  // of requests that name none
};

// One thread of its own. The address that a name resolves to is judged when the connection to it is
// made, so that a name cannot mean one thing to the check and another to the connection. Proxy
// variables are not respected: behind a proxy the address would be the proxy's affair. send() may
// be called from any single-threaded executor; requests under way end in `cancelled` when the
// client is destroyed.
std::unique_ptr<ports::HttpClient> make_http_client(HttpClientOptions options);

}  // namespace corral::adapters::http
