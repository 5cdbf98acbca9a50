#include "ports/blob.h"

#include <array>

#include <openssl/sha.h>

namespace corral::ports {

std::string content_hash(std::string_view content) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest.data());
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (const unsigned char byte : digest) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

Result<void> check_content_hash(std::string_view hash) {
  if (hash.size() == 2 * SHA256_DIGEST_LENGTH &&
      hash.find_first_not_of("0123456789abcdef") == std::string_view::npos)
    return {};
  return fail(ErrorCode::invalid, "\"{}\" is no content hash: it must be 64 lower-case hex digits",
              hash.substr(0, 80));
}

}  // namespace corral::ports
