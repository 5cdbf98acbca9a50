#include "edge/websocket/deflate.h"

#include <algorithm>
#include <array>
#include <new>

#define ZLIB_CONST
#include <zlib.h>

#include "base/error.h"

namespace corral::edge {
namespace {

constexpr std::size_t kStepBytes = 16u << 10;
constexpr int kMemoryLevel = 8;
// What a message's compressed form ends with, and what is left out of it on the way (RFC
// 7692, 7.2.1).
constexpr std::string_view kTail("\x00\x00\xff\xff", 4);

const Bytef* bytes_of(std::string_view text) { return reinterpret_cast<const Bytef*>(text.data()); }

}  // namespace

struct Deflater::Stream {
  explicit Stream(int window_bits) {
    // The fastest level: terminal output repeats itself, and this is done on the server's thread.
    if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, -window_bits, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  ~Stream() { deflateEnd(&z); }
  Stream(const Stream&) = delete;
  z_stream z{};
};

Deflater::Deflater(DeflateDirection direction) : direction_(direction) {}
Deflater::~Deflater() = default;
Deflater::Deflater(Deflater&&) noexcept = default;

bool Deflater::compress(std::span<const std::string_view> parts, std::string& out) {
  if (stream_ == nullptr) stream_ = std::make_unique<Stream>(direction_.window_bits);
  z_stream& z = stream_->z;
  std::size_t total = 0;
  for (const auto part : parts) total += part.size();
  out.clear();
  std::size_t made = 0;
  for (std::size_t i = 0; i <= parts.size(); ++i) {
    const auto part = i < parts.size() ? parts[i] : std::string_view();
    z.next_in = bytes_of(part);
    z.avail_in = static_cast<uInt>(part.size());
    const int flush = i < parts.size() ? Z_NO_FLUSH : Z_SYNC_FLUSH;
    do {
      out.resize(std::max(out.size(), made + kStepBytes));
      z.next_out = reinterpret_cast<Bytef*>(out.data() + made);
      z.avail_out = static_cast<uInt>(out.size() - made);
      const int outcome = ::deflate(&z, flush);
      CORRAL_ASSERT(outcome == Z_OK || outcome == Z_BUF_ERROR);
      made = out.size() - z.avail_out;
    } while (z.avail_out == 0);
  }
  CORRAL_ASSERT(made >= kTail.size() && std::string_view(out).substr(0, made).ends_with(kTail));
  out.resize(made - kTail.size());
  const bool smaller = out.size() < total;
  // What is not sent must not be referred to.
  if (!smaller || !direction_.context_takeover) deflateReset(&z);
  return smaller;
}

struct Inflater::Stream {
  explicit Stream(int window_bits) {
    if (inflateInit2(&z, -window_bits) != Z_OK) throw std::bad_alloc();
  }
  ~Stream() { inflateEnd(&z); }
  Stream(const Stream&) = delete;

  // A final block ends the stream, not the history (RFC 7692, 7.2.3.4).
  void go_on() {
    std::array<Bytef, 32768> history;
    uInt size = 0;
    inflateGetDictionary(&z, history.data(), &size);
    inflateReset(&z);
    inflateSetDictionary(&z, history.data(), size);
  }
  // zlib's `data_type` between two blocks, with no bit left over.
  bool between_blocks() const { return (z.data_type & 128) != 0 && (z.data_type & 63) == 0; }

  z_stream z{};
};

Inflater::Inflater(DeflateDirection direction) : direction_(direction) {}
Inflater::~Inflater() = default;
Inflater::Inflater(Inflater&&) noexcept = default;

Inflater::Outcome Inflater::add(std::string_view bytes, std::string& out, std::size_t max_bytes) {
  if (stream_ == nullptr) stream_ = std::make_unique<Stream>(direction_.window_bits);
  z_stream& z = stream_->z;
  z.next_in = bytes_of(bytes);
  z.avail_in = static_cast<uInt>(bytes.size());
  std::size_t made = out.size();
  int outcome = Z_OK;
  do {
    // One byte more than allowed, to see that there is one.
    const std::size_t room = std::min(kStepBytes, max_bytes + 1 - made);
    out.resize(made + room);
    z.next_out = reinterpret_cast<Bytef*>(out.data() + made);
    z.avail_out = static_cast<uInt>(room);
    outcome = ::inflate(&z, Z_SYNC_FLUSH);
    made = out.size() - z.avail_out;
    out.resize(made);
    if (made > max_bytes) return Outcome::too_large;
    if (outcome == Z_STREAM_END) stream_->go_on();
    if (outcome == Z_MEM_ERROR) throw std::bad_alloc();
    if (outcome != Z_OK && outcome != Z_STREAM_END && outcome != Z_BUF_ERROR)
      return Outcome::corrupt;
  } while (z.avail_in > 0 || z.avail_out == 0);
  return Outcome::good;
}

Inflater::Outcome Inflater::end(std::string& out, std::size_t max_bytes) {
  const Outcome outcome = add(kTail, out, max_bytes);
  if (outcome != Outcome::good) return outcome;
  if (!stream_->between_blocks()) return Outcome::corrupt;
  if (!direction_.context_takeover) inflateReset(&stream_->z);
  return Outcome::good;
}

}  // namespace corral::edge
