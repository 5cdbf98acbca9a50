// Frames of the runner link: a 20-byte header (big endian) and at most 256 KiB of payload.
//
//   0       1       2               4               8                              16 20 | type  |
//   flags | 0             | channel       | offset                       | payload bytes | payload
//   …
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "runner/link/protocol.h"

namespace corral::runner::link {

enum class FrameType : std::uint8_t {
  control = 1,  // JSON-RPC 2.0 text; kMore: the message goes on in the next control frame
  body =
      2,  // bytes of a request or answer: channel = its id, offset = where they begin in the body
  data = 3,  // output: channel, offset; kEnd: the channel ends after these bytes
  ack = 4,   // output of channel before offset is durable and may be forgotten
  ping = 5,  // answered by a pong with the same offset
  pong = 6,
  stream_open = 7,  // channel = the stream, offset = its StreamKind
  stream_data = 8,
  stream_credit = 9,  // the sender takes offset more bytes of this stream
  stream_end = 10,    // the sender writes no more
  stream_close = 11,  // the sender takes and writes no more; what it sent before is still delivered
};

constexpr std::uint8_t kMore = 1;
constexpr std::uint8_t kEnd = 2;

struct Frame {
  FrameType type = FrameType::control;
  std::uint8_t flags = 0;
  std::uint32_t channel = 0;
  std::uint64_t offset = 0;
  std::string_view payload;  // not owned
};

// Appends header and payload. The payload is at most kMaxPayloadBytes.
void append_frame(std::string& out, const Frame& frame);

// A whole control message as one or more frames.
void append_control(std::string& out, std::string_view message);

// The bytes that go with the request or answer `id`; they are sent before it.
void append_body(std::string& out, std::uint32_t id, std::string_view bytes);

// Takes a byte stream apart. After an error it stays in error: the connection is to be dropped.
class FrameReader {
 public:
  // Space for `size` more bytes; commit() says how many came. Valid until the next call of any
  // method.
  char* prepare(std::size_t size);
  void commit(std::size_t size);
  void append(std::string_view bytes);

  // The next whole frame, or nothing yet. Its payload is valid until the next call of any method.
  // `corrupt` for an unknown type or flag, a field that must be zero, or a payload that is too
  // long.
  Result<std::optional<Frame>> next();

  // Gives back what a burst took, when nothing is buffered.
  void shrink();

 private:
  std::string buffer_;
  std::size_t begin_ = 0;  // of what is not yet consumed
  std::size_t end_ = 0;    // of what has come
};

// Puts control messages together from their frames. `corrupt` when one grows too long.
class ControlAssembler {
 public:
  Result<std::optional<std::string>> add(const Frame& frame);

 private:
  std::string text_;
};

}  // namespace corral::runner::link
