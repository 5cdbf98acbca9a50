#include "adapters/notify/hkdf.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/error.h"

namespace corral::adapters::notify {
namespace {

constexpr unsigned kHashBytes = 32;

}  // namespace

Secret hmac_sha256(std::string_view key, std::string_view bytes) {
  std::string out(kHashBytes, '\0');
  unsigned size = 0;
  CORRAL_ASSERT(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(bytes),
                     bytes.size(), reinterpret_cast<unsigned char*>(out.data()),
                     &size) != nullptr &&
                size == kHashBytes);
  return Secret(std::move(out));
}

Secret hkdf(std::string_view salt, const Secret& secret, std::string_view info, std::size_t size) {
  CORRAL_ASSERT(size <= kHashBytes);
  const Secret extracted = hmac_sha256(salt, secret.expose());
  const Secret expanded = hmac_sha256(extracted.expose(), std::string(info) + '\x01');
  return Secret(std::string(expanded.expose().substr(0, size)));
}

}  // namespace corral::adapters::notify
