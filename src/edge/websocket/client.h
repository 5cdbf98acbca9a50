// The client's end of a WebSocket, for the command line.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "edge/websocket/websocket.h"

namespace corral::edge {

struct WebSocketClientOptions {
  WebSocketOptions websocket{.ping_after = std::chrono::milliseconds(0)};  // the server pings
  std::chrono::milliseconds connect_timeout{10'000};  // until the server has agreed
  std::string ca_file;  // PEM, trusted beside the system's authorities; empty: those alone
};

// Opens a WebSocket at ws://, wss://, http:// or https:// URL with these header fields added
// (Authorization, …). On the executor of whoever awaits it, where the WebSocket then lives.
//
// `invalid`: not such a URL, or no WebSocket there; `unavailable`: nobody answers, or the
// certificate does not fit; `deadline`; what the server refuses has the code of its status
// (unauthenticated, forbidden, not_found, …) and the detail of its problem document.
Task<Result<std::unique_ptr<WebSocket>>> connect_websocket(
    std::string url, std::vector<std::pair<std::string, std::string>> headers,
    WebSocketClientOptions options = {});

}  // namespace corral::edge
