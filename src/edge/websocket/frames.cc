#include "edge/websocket/frames.h"

#include <algorithm>
#include <cstring>

#include "base/utf8.h"

namespace corral::edge {
namespace {

constexpr std::size_t kMaxControlBytes = 125;
// Memory is taken as a message comes, not as it is announced.
constexpr std::size_t kFirstReserveBytes = 64u << 10;

bool is_control(Opcode opcode) { return static_cast<std::uint8_t>(opcode) >= 8; }

}  // namespace

FrameHeader::FrameHeader(Opcode opcode, std::uint64_t payload_bytes, bool compressed,
                         const MaskKey* key)
    : size(2) {
  bytes[0] = static_cast<char>(0x80 | (compressed ? 0x40 : 0) | static_cast<int>(opcode));
  int length = 0, wide = 0;
  if (payload_bytes < 126) {
    length = static_cast<int>(payload_bytes);
  } else if (payload_bytes <= 0xffff) {
    length = 126, wide = 2;
  } else {
    length = 127, wide = 8;
  }
  bytes[1] = static_cast<char>((key != nullptr ? 0x80 : 0) | length);
  for (int shift = (wide - 1) * 8; shift >= 0; shift -= 8)
    bytes[size++] = static_cast<char>(payload_bytes >> shift);
  if (key != nullptr)
    for (const unsigned char byte : *key) bytes[size++] = static_cast<char>(byte);
}

void apply_mask(std::span<char> bytes, const MaskKey& key, std::size_t offset) {
  std::array<unsigned char, 8> turned;
  for (std::size_t i = 0; i < turned.size(); ++i) turned[i] = key[(offset + i) % 4];
  std::uint64_t wide;
  std::memcpy(&wide, turned.data(), sizeof wide);
  char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= sizeof wide; left -= sizeof wide, at += sizeof wide) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    word ^= wide;
    std::memcpy(at, &word, sizeof word);
  }
  for (std::size_t i = 0; i < left; ++i) at[i] = static_cast<char>(at[i] ^ turned[i]);
}

std::string control_frame(Opcode opcode, std::string_view payload, const MaskKey* key) {
  CORRAL_ASSERT(payload.size() <= kMaxControlBytes);
  const FrameHeader header(opcode, payload.size(), false, key);
  std::string frame(header.view());
  frame += payload;
  if (key != nullptr) apply_mask(std::span(frame).subspan(header.size), *key);
  return frame;
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
  if (code == kCloseNoCode) return {};
  reason = reason.substr(0, kMaxControlBytes - 2);
  reason.remove_suffix(incomplete_utf8_tail(reason));
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code)};
  return payload += reason;
}

// RFC 6455, 7.4, and IANA's registry: 1012 to 1014 came later.
bool is_close_code(std::uint16_t code) {
  if (code >= 3000) return code < 5000;
  return code >= 1000 && code <= 1014 && code != 1004 && code != kCloseNoCode && code != kCloseLost;
}

FrameDecoder::FrameDecoder(Role role, std::size_t max_message_bytes,
                           const std::optional<DeflateParams>& deflate)
    : role_(role), max_message_bytes_(max_message_bytes) {
  if (deflate) inflater_.emplace(deflate->theirs);
}

bool FrameDecoder::fail_with(std::uint16_t code, std::string text) {
  over_ = true;
  close_code_ = code;
  close_text_ = std::move(text);
  return false;
}

FrameDecoder::Event FrameDecoder::feed(std::span<char> bytes, std::size_t& consumed) {
  consumed = 0;
  while (!over_) {
    if (part_ == Part::header) {
      while (header_size_ < header_bytes() && consumed < bytes.size()) {
        header_[header_size_++] = static_cast<unsigned char>(bytes[consumed++]);
        // What two bytes tell is told at once: a peer that waits for the answer gets it.
        if (header_size_ == 2 && !check_opcode()) return Event::failed;
      }
      if (header_size_ < header_bytes()) return Event::more;
      if (!begin_frame()) return Event::failed;
      part_ = Part::payload;
    }
    const auto here = bytes.subspan(
        consumed, std::min<std::uint64_t>(bytes.size() - consumed, frame_bytes_ - frame_at_));
    if (!here.empty()) {
      if (role_ == Role::server) apply_mask(here, key_, frame_at_ % 4);
      consumed += here.size();
      frame_at_ += here.size();
      if (!append(here)) return Event::failed;
    }
    if (frame_at_ < frame_bytes_) return Event::more;
    part_ = Part::header;
    header_size_ = 0;
    if (const Event event = end_frame(); event != Event::more) return event;
  }
  return Event::more;
}

std::size_t FrameDecoder::header_bytes() const {
  if (header_size_ < 2) return 2;
  const int length = header_[1] & 0x7f;
  return 2u + (length == 126 ? 2u : length == 127 ? 8u : 0u) + ((header_[1] & 0x80) != 0 ? 4u : 0u);
}

bool FrameDecoder::check_opcode() {
  const bool rsv1 = (header_[0] & 0x40) != 0, masked = (header_[1] & 0x80) != 0;
  const int code = header_[0] & 0x0f, length = header_[1] & 0x7f;
  final_ = (header_[0] & 0x80) != 0;
  opcode_ = static_cast<Opcode>(code);
  if ((header_[0] & 0x30) != 0) return fail_with(kCloseProtocolError, "reserved bits are set");
  if ((code > 2 && code < 8) || code > 10)
    return fail_with(kCloseProtocolError, fmt::format("opcode {} is not known", code));
  if (masked != (role_ == Role::server))
    return fail_with(kCloseProtocolError,
                     masked ? "a server's frames are not masked" : "a client's frames are masked");
  if (is_control(opcode_)) {
    if (!final_) return fail_with(kCloseProtocolError, "a control frame is never fragmented");
    if (length > static_cast<int>(kMaxControlBytes))
      return fail_with(kCloseProtocolError, "a control frame has at most 125 bytes");
    if (rsv1) return fail_with(kCloseProtocolError, "a control frame is not compressed");
    return true;
  }
  if ((opcode_ == Opcode::more) != in_message_)
    return fail_with(kCloseProtocolError, in_message_ ? "a message begins within another one"
                                                      : "a continuation without a beginning");
  if (rsv1 && (in_message_ || !inflater_))
    return fail_with(kCloseProtocolError,
                     in_message_ ? "only a message's first frame says that it is compressed"
                                 : "compression was not agreed on");
  return true;
}

bool FrameDecoder::begin_frame() {
  const int length = header_[1] & 0x7f;
  const std::size_t wide = length == 126 ? 2 : length == 127 ? 8 : 0;
  frame_at_ = 0;
  frame_bytes_ = wide == 0 ? static_cast<std::uint64_t>(length) : 0;
  for (std::size_t i = 0; i < wide; ++i) frame_bytes_ = frame_bytes_ << 8 | header_[2 + i];
  if (wide == 8 && frame_bytes_ >> 63 != 0)
    return fail_with(kCloseProtocolError, "a frame's length has its highest bit set");
  if ((wide == 2 && frame_bytes_ < 126) || (wide == 8 && frame_bytes_ <= 0xffff))
    return fail_with(kCloseProtocolError, "a frame's length is not written in its shortest form");
  if (role_ == Role::server) std::copy_n(header_.begin() + 2 + wide, key_.size(), key_.begin());
  if (is_control(opcode_)) {
    control_.clear();
    return true;
  }
  if (!in_message_) {
    in_message_ = true;
    compressed_ = (header_[0] & 0x40) != 0;
    message_.kind = opcode_ == Opcode::text ? Message::Kind::text : Message::Kind::binary;
    message_.bytes.clear();
    checked_ = 0;
  }
  if (compressed_) return true;  // bounded as it is inflated
  if (frame_bytes_ > max_message_bytes_ - message_.bytes.size())
    return fail_with(kCloseTooBig,
                     fmt::format("a message has at most {} bytes", max_message_bytes_));
  if (message_.bytes.empty()) message_.bytes.reserve(std::min(frame_bytes_, kFirstReserveBytes));
  return true;
}

bool FrameDecoder::append(std::span<const char> bytes) {
  const std::string_view view(bytes.data(), bytes.size());
  if (is_control(opcode_)) {
    control_ += view;
    return true;
  }
  if (!compressed_) {
    message_.bytes += view;
    return check_text(false);
  }
  const auto outcome = inflater_->add(view, message_.bytes, max_message_bytes_);
  // What came before the damage counts first, however the bytes were split.
  if (!check_text(false)) return false;
  switch (outcome) {
    case Inflater::Outcome::good: return true;
    case Inflater::Outcome::too_large:
      return fail_with(kCloseTooBig,
                       fmt::format("a message has at most {} bytes", max_message_bytes_));
    case Inflater::Outcome::corrupt: break;
  }
  return fail_with(kCloseInvalidPayload, "the compressed data is not valid");
}

bool FrameDecoder::check_text(bool whole) {
  if (message_.kind != Message::Kind::text) return true;
  auto text = std::string_view(message_.bytes).substr(checked_);
  if (!whole) text.remove_suffix(incomplete_utf8_tail(text));
  if (!is_utf8(text)) return fail_with(kCloseInvalidPayload, "the text is not valid UTF-8");
  checked_ += text.size();
  return true;
}

FrameDecoder::Event FrameDecoder::end_frame() {
  switch (opcode_) {
    case Opcode::ping: return Event::ping;
    case Opcode::pong: return Event::pong;
    case Opcode::close: return end_close();
    case Opcode::more:
    case Opcode::text:
    case Opcode::binary: break;
  }
  if (!final_) return Event::more;
  in_message_ = false;
  if (compressed_) {
    const auto outcome = inflater_->end(message_.bytes, max_message_bytes_);
    if (outcome == Inflater::Outcome::too_large) {
      fail_with(kCloseTooBig, fmt::format("a message has at most {} bytes", max_message_bytes_));
      return Event::failed;
    }
    if (outcome == Inflater::Outcome::corrupt) {
      fail_with(kCloseInvalidPayload, "the compressed data is not valid");
      return Event::failed;
    }
  }
  return check_text(true) ? Event::message : Event::failed;
}

FrameDecoder::Event FrameDecoder::end_close() {
  over_ = true;
  close_code_ = kCloseNoCode;
  close_text_.clear();
  if (control_.empty()) return Event::close;
  if (control_.size() == 1) {
    fail_with(kCloseProtocolError, "a close frame has a code of two bytes, or nothing");
    return Event::failed;
  }
  const auto byte = [this](std::size_t i) { return static_cast<unsigned char>(control_[i]); };
  const auto code = static_cast<std::uint16_t>(byte(0) << 8 | byte(1));
  const auto reason = std::string_view(control_).substr(2);
  if (!is_close_code(code)) {
    fail_with(kCloseProtocolError, fmt::format("{} is not a close code", code));
    return Event::failed;
  }
  if (!is_utf8(reason)) {
    fail_with(kCloseInvalidPayload, "the reason for closing is not valid UTF-8");
    return Event::failed;
  }
  close_code_ = code;
  close_text_ = reason;
  return Event::close;
}

Message FrameDecoder::take_message() { return std::exchange(message_, {}); }

}  // namespace corral::edge
