// permessage-deflate (RFC 7692): its streams, on zlib. Both take their memory at the first message.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace corral::edge {

// One direction.
struct DeflateDirection {
  int window_bits = 15;          // 9–15
  bool context_takeover = true;  // a message may refer to those before it
};

struct DeflateParams {
  DeflateDirection ours, theirs;  // what we send; what we receive
};

class Deflater {
 public:
  explicit Deflater(DeflateDirection direction);
  ~Deflater();
  Deflater(Deflater&&) noexcept;
  // One message; false, and the message is to be sent as it is, when compressing does not make it
  // smaller.
  bool compress(std::span<const std::string_view> parts, std::string& out);

 private:
  struct Stream;
  DeflateDirection direction_;
  std::unique_ptr<Stream> stream_;
};

class Inflater {
 public:
  enum class Outcome { good, too_large, corrupt };

  explicit Inflater(DeflateDirection direction);
  ~Inflater();
  Inflater(Inflater&&) noexcept;
  // Appends what the bytes become, as long as `out` stays within `max_bytes`.
  Outcome add(std::string_view bytes, std::string& out, std::size_t max_bytes);
  // The end of a message.
  Outcome end(std::string& out, std::size_t max_bytes);

 private:
  struct Stream;
  DeflateDirection direction_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace corral::edge
