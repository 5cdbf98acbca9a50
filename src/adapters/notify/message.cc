#include "adapters/notify/message.h"

#include <openssl/evp.h>

#include <memory>

#include "adapters/notify/hkdf.h"
#include "base/freed.h"

namespace corral::adapters::notify {
namespace {

using namespace std::string_literals;

constexpr std::size_t kKeyBytes = 16, kNonceBytes = 12, kTagBytes = 16;
constexpr std::string_view kRecordSize("\x00\x00\x10\x00", 4);  // 4096: all that services must take
constexpr char kLastRecord = '\x02';

std::string aes_128_gcm(const Secret& key, const Secret& nonce, std::string_view plain) {
  const std::unique_ptr<EVP_CIPHER_CTX, Freed<EVP_CIPHER_CTX_free>> context(EVP_CIPHER_CTX_new());
  std::string out(plain.size() + kTagBytes, '\0');
  auto* const to = reinterpret_cast<unsigned char*>(out.data());
  int size = 0, rest = 0;
  CORRAL_ASSERT(
      context &&
      EVP_EncryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, bytes_of(key.expose()),
                         bytes_of(nonce.expose())) == 1 &&
      EVP_EncryptUpdate(context.get(), to, &size, bytes_of(plain),
                        static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), to + size, &rest) == 1 &&
      static_cast<std::size_t>(size + rest) == plain.size() &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, to + plain.size()) == 1);
  return out;
}

}  // namespace

Result<std::string> seal(std::string_view text, const ports::PushTarget& target,
                         const P256Key& ours, std::string_view salt) {
  CORRAL_ASSERT(salt.size() == kSaltBytes);
  if (text.size() > ports::kMaxPushPayload)
    return fail(ErrorCode::invalid, "a push message of {} bytes: at most {}", text.size(),
                ports::kMaxPushPayload);
  CORRAL_TRY(const auto shared, ours.agree(target.p256dh));
  // RFC 8291, 3.4; then RFC 8188, 2.2 and 2.3.
  const Secret input =
      hkdf(target.auth, shared, "WebPush: info\0"s + target.p256dh + ours.public_point(), 32);
  const Secret key = hkdf(salt, input, "Content-Encoding: aes128gcm\0"s, kKeyBytes);
  const Secret nonce = hkdf(salt, input, "Content-Encoding: nonce\0"s, kNonceBytes);
  std::string body(salt);
  body += kRecordSize;
  body += static_cast<char>(kPointBytes);
  body += ours.public_point();
  body += aes_128_gcm(key, nonce, std::string(text) + kLastRecord);
  return body;
}

}  // namespace corral::adapters::notify
