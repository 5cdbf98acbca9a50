#include "engine/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

namespace corral::engine {
namespace {

using Digest = std::array<unsigned char, 32>;
constexpr std::size_t kTimeBytes = 6;  // that a UUID of version 7 begins with

Digest sha256(std::string_view bytes) {
  Digest out{};
  unsigned int size = 0;
  CORRAL_ASSERT(EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, EVP_sha256(), nullptr) ==
                    1 &&
                size == out.size());
  return out;
}

std::string hex(const Digest& digest) {
  std::string out;
  for (const unsigned char byte : digest) out += fmt::format("{:02x}", byte);
  return out;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) { return hex(sha256(bytes)); }

std::string hmac_sha256_hex(std::string_view key, std::string_view bytes) {
  Digest out{};
  unsigned int size = 0;
  CORRAL_ASSERT(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                     reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out.data(),
                     &size) != nullptr &&
                size == out.size());
  return hex(out);
}

Uuid uuid_of(std::string_view text) {
  const Digest digest = sha256(text);
  Uuid out;
  std::copy_n(digest.begin(), out.bytes.size(), out.bytes.begin());
  out.bytes[6] = static_cast<std::uint8_t>((out.bytes[6] & 0x0f) | 0x80);
  out.bytes[8] = static_cast<std::uint8_t>((out.bytes[8] & 0x3f) | 0x80);
  return out;
}

Uuid uuid_of(std::string_view text, Time time) {
  const auto ms = static_cast<std::uint64_t>(time.time_since_epoch().count());
  Uuid moment;
  for (std::size_t i = 0; i < kTimeBytes; ++i)
    moment.bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  return uuid_of(text, moment);
}

Uuid uuid_of(std::string_view text, const Uuid& like) {
  Uuid out = uuid_of(text);
  std::copy_n(like.bytes.begin(), kTimeBytes, out.bytes.begin());
  out.bytes[6] = static_cast<std::uint8_t>((out.bytes[6] & 0x0f) | 0x70);
  return out;
}

}  // namespace corral::engine
