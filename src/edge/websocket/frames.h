// RFC 6455's frames as values: bytes to events, events to bytes. No input or output in here.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "edge/websocket/deflate.h"
#include "edge/websocket/websocket.h"

namespace corral::edge {

enum class Role { server, client };  // which end we are
using MaskKey = std::array<unsigned char, 4>;

enum class Opcode : std::uint8_t { more = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

// The header of a final frame. `key`: given by a client.
struct FrameHeader {
  FrameHeader(Opcode opcode, std::uint64_t payload_bytes, bool compressed,
              const MaskKey* key = nullptr);
  std::string_view view() const { return {bytes.data(), size}; }

  std::array<char, 14> bytes;
  std::size_t size;
};

// XORs with the key, which begins at `offset` of it.
void apply_mask(std::span<char> bytes, const MaskKey& key, std::size_t offset = 0);

// A whole control frame; `payload` has at most 125 bytes.
std::string control_frame(Opcode opcode, std::string_view payload, const MaskKey* key = nullptr);
// A close frame's payload; `reason` is cut to fit, between code points. kCloseNoCode: empty.
std::string close_payload(std::uint16_t code, std::string_view reason);
// Whether a close frame may carry it.
bool is_close_code(std::uint16_t code);

// What the peer sends, one event after the other. Holds one message at a time.
class FrameDecoder {
 public:
  enum class Event { more, message, ping, pong, close, failed };

  // `deflate`: as agreed on, or nothing.
  FrameDecoder(Role role, std::size_t max_message_bytes,
               const std::optional<DeflateParams>& deflate);

  // Takes bytes up to the next event, unmasking them in place; `more`: all of them, and there is
  // none yet. After `close` and `failed` it takes nothing more.
  Event feed(std::span<char> bytes, std::size_t& consumed);

  Message take_message();                                   // once, after `message`
  const std::string& payload() const { return control_; }   // after `ping`, `pong`
  std::uint16_t close_code() const { return close_code_; }  // after `close`; `failed`: to be sent
  const std::string& close_text() const { return close_text_; }  // likewise

 private:
  enum class Part { header, payload };

  std::size_t header_bytes() const;  // of the frame under way, as far as can be told
  bool begin_frame();                // false: failed
  bool check_opcode();
  bool append(std::span<const char> bytes);
  bool check_text(bool whole);
  Event end_frame();
  Event end_close();
  bool fail_with(std::uint16_t code, std::string text);

  const Role role_;
  const std::size_t max_message_bytes_;
  std::optional<Inflater> inflater_;
  Part part_ = Part::header;
  bool over_ = false;

  // The frame.
  std::array<unsigned char, 14> header_{};
  std::size_t header_size_ = 0;
  Opcode opcode_ = Opcode::more;
  bool final_ = false;
  MaskKey key_{};
  std::uint64_t frame_bytes_ = 0, frame_at_ = 0;

  // The message.
  bool in_message_ = false;
  bool compressed_ = false;
  Message message_;
  std::size_t checked_ = 0;  // of its text

  std::string control_;
  std::uint16_t close_code_ = 0;
  std::string close_text_;
};

}  // namespace corral::edge
