// What a client sends after the handshake: any bytes, in any split, give the same events, which the
// limits hold for. The first byte chooses: compression agreed on or not, and of which kind.
#include <algorithm>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "edge/websocket/frames.h"

namespace {

using corral::edge::FrameDecoder;
constexpr std::size_t kMaxBytes = 2048;

// One entry an event; the last may be how it ended.
std::vector<std::string> decode(std::string bytes, std::size_t piece,
                                const std::optional<corral::edge::DeflateParams>& deflate) {
  FrameDecoder decoder(corral::edge::Role::server, kMaxBytes, deflate);
  std::vector<std::string> events;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto here = std::span(bytes).subspan(at, std::min(piece, bytes.size() - at));
    std::size_t consumed = 0;
    const auto event = decoder.feed(here, consumed);
    CORRAL_ASSERT(consumed <= here.size());
    at += consumed;
    switch (event) {
      case FrameDecoder::Event::more: CORRAL_ASSERT(consumed == here.size()); break;
      case FrameDecoder::Event::message: {
        const auto message = decoder.take_message();
        const bool text = message.kind == corral::edge::Message::Kind::text;
        CORRAL_ASSERT(message.bytes.size() <= kMaxBytes);
        CORRAL_ASSERT(!text || corral::is_utf8(message.bytes));
        events.push_back((text ? "text " : "binary ") + message.bytes);
        break;
      }
      case FrameDecoder::Event::ping:
      case FrameDecoder::Event::pong:
        CORRAL_ASSERT(decoder.payload().size() <= 125);
        events.push_back(decoder.payload());
        break;
      case FrameDecoder::Event::close:
        CORRAL_ASSERT(decoder.close_code() == corral::edge::kCloseNoCode ||
                      corral::edge::is_close_code(decoder.close_code()));
        CORRAL_ASSERT(corral::is_utf8(decoder.close_text()));
        [[fallthrough]];
      case FrameDecoder::Event::failed:
        events.push_back(corral::edge::close_payload(decoder.close_code(), decoder.close_text()));
        CORRAL_ASSERT(events.back().size() <= 125);
        return events;
    }
  }
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::optional<corral::edge::DeflateParams> deflate;
  if ((data[0] & 1) != 0)
    deflate.emplace().theirs = {.window_bits = 9 + (data[0] >> 2) % 7,
                                .context_takeover = (data[0] & 2) != 0};
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = decode(bytes, std::max<std::size_t>(bytes.size(), 1), deflate);
  CORRAL_ASSERT(decode(bytes, 1 + size % 7, deflate) == whole);
  return 0;
}
