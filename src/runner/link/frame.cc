#include "runner/link/frame.h"

#include <algorithm>
#include <cstring>

namespace corral::runner::link {
namespace {

template <class Integer>
void put(char* at, Integer value) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i)
    at[i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * (sizeof(Integer) - 1 - i))));
}

template <class Integer>
Integer get(const char* at) {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i)
    value = static_cast<Integer>(value << 8) | static_cast<unsigned char>(at[i]);
  return value;
}

constexpr std::size_t kKeptBytes = 64 * 1024;

// What each type may carry; anything else is a peer that speaks something different.
struct Shape {
  std::uint8_t flags;
  bool payload;
};

std::optional<Shape> shape_of(std::uint8_t type) {
  switch (static_cast<FrameType>(type)) {
    case FrameType::control: return Shape{kMore, true};
    case FrameType::body: return Shape{0, true};
    case FrameType::data: return Shape{kEnd, true};
    case FrameType::stream_data: return Shape{0, true};
    case FrameType::ack:
    case FrameType::ping:
    case FrameType::pong:
    case FrameType::stream_open:
    case FrameType::stream_credit:
    case FrameType::stream_end:
    case FrameType::stream_close: return Shape{0, false};
  }
  return std::nullopt;
}

}  // namespace

void append_frame(std::string& out, const Frame& frame) {
  CORRAL_ASSERT(frame.payload.size() <= kMaxPayloadBytes);
  char header[kHeaderBytes] = {};
  header[0] = static_cast<char>(frame.type);
  header[1] = static_cast<char>(frame.flags);
  put(header + 4, frame.channel);
  put(header + 8, frame.offset);
  put(header + 16, static_cast<std::uint32_t>(frame.payload.size()));
  out.append(header, sizeof header);
  out.append(frame.payload);
}

void append_control(std::string& out, std::string_view message) {
  CORRAL_ASSERT(message.size() <= kMaxControlBytes);
  do {
    const auto part = message.substr(0, kMaxPayloadBytes);
    message.remove_prefix(part.size());
    append_frame(out, {.type = FrameType::control,
                       .flags = message.empty() ? std::uint8_t{0} : kMore,
                       .payload = part});
  } while (!message.empty());
}

void append_body(std::string& out, std::uint32_t id, std::string_view bytes) {
  CORRAL_ASSERT(bytes.size() <= kMaxBodyBytes);
  for (std::size_t at = 0; at < bytes.size(); at += kMaxPayloadBytes)
    append_frame(out, {.type = FrameType::body,
                       .channel = id,
                       .offset = at,
                       .payload = bytes.substr(at, kMaxPayloadBytes)});
}

char* FrameReader::prepare(std::size_t size) {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ + size > buffer_.size()) {
    buffer_.erase(0, begin_);
    end_ -= begin_;
    begin_ = 0;
    if (end_ + size > buffer_.size()) buffer_.resize(end_ + size);
  }
  return buffer_.data() + end_;
}

void FrameReader::commit(std::size_t size) {
  CORRAL_ASSERT(end_ + size <= buffer_.size());
  end_ += size;
}

void FrameReader::append(std::string_view bytes) {
  std::memcpy(prepare(bytes.size()), bytes.data(), bytes.size());
  commit(bytes.size());
}

Result<std::optional<Frame>> FrameReader::next() {
  if (end_ - begin_ < kHeaderBytes) return std::nullopt;
  const char* header = buffer_.data() + begin_;
  const auto type = static_cast<std::uint8_t>(header[0]);
  const auto flags = static_cast<std::uint8_t>(header[1]);
  const auto length = get<std::uint32_t>(header + 16);
  // Checked before the payload is awaited: garbage must not make this end wait for bytes that never
  // come.
  const auto shape = shape_of(type);
  if (!shape) return fail(ErrorCode::corrupt, "link frame of unknown type {}", type);
  if ((flags & ~shape->flags) != 0)
    return fail(ErrorCode::corrupt, "link frame of type {} with unknown flags {:#x}", type, flags);
  if (header[2] != 0 || header[3] != 0)
    return fail(ErrorCode::corrupt, "link frame with reserved bytes that are not zero");
  if (length > kMaxPayloadBytes)
    return fail(ErrorCode::corrupt, "link frame of {} bytes; at most {} are allowed", length,
                kMaxPayloadBytes);
  if (length != 0 && !shape->payload)
    return fail(ErrorCode::corrupt, "link frame of type {} with a payload", type);
  if (end_ - begin_ - kHeaderBytes < length) return std::nullopt;
  Frame frame{.type = static_cast<FrameType>(type),
              .flags = flags,
              .channel = get<std::uint32_t>(header + 4),
              .offset = get<std::uint64_t>(header + 8),
              .payload = {header + kHeaderBytes, length}};
  begin_ += kHeaderBytes + length;
  return frame;
}

void FrameReader::shrink() {
  if (begin_ != end_ || buffer_.size() <= kKeptBytes) return;
  begin_ = end_ = 0;
  buffer_ = std::string();
}

Result<std::optional<std::string>> ControlAssembler::add(const Frame& frame) {
  if (text_.size() + frame.payload.size() > kMaxControlBytes)
    return fail(ErrorCode::corrupt, "link control message of more than {} bytes", kMaxControlBytes);
  text_.append(frame.payload);
  if ((frame.flags & kMore) != 0) return std::nullopt;
  return std::exchange(text_, {});
}

}  // namespace corral::runner::link
