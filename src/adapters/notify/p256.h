// Keys of the curve P-256 (FIPS 186-5; secp256r1), as Web Push uses them: one to sign with, and one
// for each message.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/random.h"
#include "base/secret.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace corral::adapters::notify {

inline constexpr std::size_t kPointBytes = 65;  // uncompressed: 4, x, y
inline constexpr std::size_t kScalarBytes = 32;

class P256Key {
 public:
  // `scalar`: 32 bytes, big-endian. `invalid` for what is no private key.
  static Result<P256Key> from_scalar(const Secret& scalar);
  // The key that follows from a secret of at least 32 bytes: the same each time.
  static P256Key from_seed(const Secret& seed);
  static P256Key make(Random& random);

  const std::string& public_point() const { return public_; }
  // ECDH with somebody's public point: the x of what both have, 32 bytes. `invalid` for what is no
  // point of the curve.
  Result<Secret> agree(std::string_view point) const;
  // ECDSA with SHA-256, as JWS has it (RFC 7518, 3.4): r and s, 64 bytes.
  std::string sign(std::string_view bytes) const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  using Handle = std::unique_ptr<evp_pkey_st, Free>;
  P256Key(Handle key, std::string point) : key_(std::move(key)), public_(std::move(point)) {}
  static Result<Handle> peer(std::string_view point);

  Handle key_;
  std::string public_;

  friend Result<void> check_point(std::string_view point);
};

// `invalid` for what is no uncompressed point of the curve.
Result<void> check_point(std::string_view point);

}  // namespace corral::adapters::notify
