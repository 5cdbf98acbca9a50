// The binary frames of docs/websocket.md: a header of 13 bytes, then what was printed or typed.
// Spoken by edge/http on the one side, by edge/cli on the other.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace corral::edge {

enum class SessionFrameKind : std::uint8_t { output = 1, snapshot = 2, input = 3 };

struct SessionFrame {
  SessionFrameKind kind{};  // as it came: may be none of those that have a name
  std::uint32_t channel = 0;
  std::uint64_t position = 0;
  std::string_view bytes;  // lies in the message
};

using SessionFrameHeader = std::array<char, 13>;

// What goes before a frame's bytes.
SessionFrameHeader encode_session_frame(SessionFrameKind kind, std::uint32_t channel,
                                        std::uint64_t position);
// Nothing when the message is shorter than a header.
std::optional<SessionFrame> decode_session_frame(std::string_view message);

}  // namespace corral::edge
