#include "edge/websocket/session_frame.h"

#include <boost/endian/conversion.hpp>

namespace corral::edge {

using boost::endian::endian_load;
using boost::endian::endian_store;
using boost::endian::order;

SessionFrameHeader encode_session_frame(SessionFrameKind kind, std::uint32_t channel,
                                        std::uint64_t position) {
  SessionFrameHeader header{};
  auto* bytes = reinterpret_cast<unsigned char*>(header.data());
  bytes[0] = static_cast<unsigned char>(kind);
  endian_store<std::uint32_t, 4, order::big>(bytes + 1, channel);
  endian_store<std::uint64_t, 8, order::big>(bytes + 5, position);
  return header;
}

std::optional<SessionFrame> decode_session_frame(std::string_view message) {
  constexpr auto kHeaderBytes = std::tuple_size_v<SessionFrameHeader>;
  if (message.size() < kHeaderBytes) return std::nullopt;
  const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
  return SessionFrame{.kind = static_cast<SessionFrameKind>(bytes[0]),
                      .channel = endian_load<std::uint32_t, 4, order::big>(bytes + 1),
                      .position = endian_load<std::uint64_t, 8, order::big>(bytes + 5),
                      .bytes = message.substr(kHeaderBytes)};
}

}  // namespace corral::edge
