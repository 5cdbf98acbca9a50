// The WebSocket over a ByteStream, after the handshake: keeps order among those who write, answers
// what has to be answered, and knows when it is over.
#pragma once

#include <memory>
#include <string>

#include "edge/websocket/byte_stream.h"
#include "edge/websocket/frames.h"
#include "edge/websocket/handshake.h"
#include "edge/websocket/websocket.h"

namespace corral::edge {

// `received`: what has been read beyond the handshake.
std::unique_ptr<WebSocket> make_websocket(Role role, std::unique_ptr<ByteStream> stream,
                                          Agreement agreement, WebSocketOptions options,
                                          std::string received);

}  // namespace corral::edge
