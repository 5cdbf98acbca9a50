// One WebSocket (RFC 6455), on either side: what Responder::upgrade() and connect() give.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/task.h"

namespace corral::edge {

struct Message {
  enum class Kind { text, binary } kind = Kind::text;
  std::string bytes;  // of text: valid UTF-8
};

// Whether a message is worth the time of compressing it. Without permessage-deflate on the
// connection, or for a message below WebSocketOptions::compress_from_bytes, it changes nothing.
enum class Compress { no, yes };

// Close codes that we send (RFC 6455, 7.4.1).
inline constexpr std::uint16_t kCloseNormal = 1000;
inline constexpr std::uint16_t kCloseGoingAway = 1001;
inline constexpr std::uint16_t kCloseProtocolError = 1002;
inline constexpr std::uint16_t kCloseUnsupportedData = 1003;
inline constexpr std::uint16_t kCloseInvalidPayload = 1007;
inline constexpr std::uint16_t kClosePolicy = 1008;
inline constexpr std::uint16_t kCloseTooBig = 1009;
inline constexpr std::uint16_t kCloseInternalError = 1011;
// Never sent: they tell that the peer gave no code, or that the connection was lost.
inline constexpr std::uint16_t kCloseNoCode = 1005;
inline constexpr std::uint16_t kCloseLost = 1006;

struct CloseReason {
  std::uint16_t code = kCloseLost;
  std::string reason;    // valid UTF-8, at most 123 bytes
  bool by_peer = false;  // the peer began it
};

struct WebSocketOptions {
  // Server: the first of these that the client offers is chosen, none when none fits. Client: what
  // is offered.
  std::vector<std::string> subprotocols;
  std::size_t max_message_bytes = 1u << 20;  // received, after decompression; more closes with 1009
  std::chrono::milliseconds ping_after{15'000};    // of silence; 0: never
  std::chrono::milliseconds close_after{45'000};   // without a frame, or with nothing of ours taken
  std::chrono::milliseconds close_timeout{2'000};  // for the peer's part of closing
  bool deflate = true;                             // take up (client: offer) permessage-deflate
  std::size_t compress_from_bytes = 256;
};

// Lives on one executor. One task may receive and others send at the same time. Somebody has to be
// in receive() for pings to be answered, a dead peer to be noticed and the end to be seen; who does
// not receive holds the peer back.
//
// Destroying it ends the connection at once (1001, as far as that can be said without waiting); no
// task may be in one of its calls then. `co_await (receive_all(socket) && send_all(socket))` sees
// to that, also when it is cancelled.
class WebSocket {
 public:
  virtual ~WebSocket() = default;
  WebSocket() = default;
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  // The next whole message. `cancelled` when the connection has been closed, by either side, or
  // lost; `corrupt` when the peer broke the protocol, `exhausted` when its message is too large,
  // `deadline` when it fell silent: then the connection has been closed with the code that says so,
  // and close_reason() tells it. By one task at a time; a call that is cancelled loses nothing.
  virtual Task<Result<Message>> receive() = 0;

  // One message, made of `parts` one after the other, which are not copied (by a server; a client
  // must mask) and stay alive until the call returns. Returns when the socket has taken all of it,
  // so a slow peer slows those who send to it and nobody else; calls wait for their turn, in order.
  // `cancelled` once the connection is closed or lost. Text must be valid UTF-8. A call that is
  // cancelled on its way ends the connection.
  virtual Task<Result<void>> send(Message::Kind kind, std::span<const std::string_view> parts,
                                  Compress compress = Compress::no) = 0;
  // The same for one part, which it keeps.
  Task<Result<void>> send(Message::Kind kind, std::string bytes, Compress compress = Compress::no);

  // Says goodbye and waits for the peer's goodbye, for a short while; messages that still arrive
  // are dropped, sends and receives end with `cancelled`. `code` is one of the above that may be
  // sent, or 3000–4999; `reason` is cut to 123 bytes. May be repeated: the first one counts.
  virtual Task<void> close(std::uint16_t code = kCloseNormal, std::string reason = {}) = 0;

  // How it ended; nothing while it is open.
  virtual const std::optional<CloseReason>& close_reason() const = 0;
  // The subprotocol agreed on; may be empty.
  virtual const std::string& subprotocol() const = 0;
  // Whether permessage-deflate was agreed on.
  virtual bool deflate() const = 0;
};

}  // namespace corral::edge
