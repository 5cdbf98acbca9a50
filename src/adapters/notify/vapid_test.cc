#include "adapters/notify/vapid.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <gtest/gtest.h>

#include "base/base64url.h"
#include "base/json.h"

namespace corral::adapters::notify {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Whether the signature, r and s, is of the bytes and of that public point's owner.
bool verify(std::string point, std::string_view bytes, const std::string& signature) {
  char curve[] = "P-256";
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  EVP_PKEY* key = nullptr;
  auto* const made = EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr);
  EVP_PKEY_fromdata_init(made);
  EVP_PKEY_fromdata(made, &key, EVP_PKEY_PUBLIC_KEY, params);
  EVP_PKEY_CTX_free(made);
  auto* const parsed = ECDSA_SIG_new();
  ECDSA_SIG_set0(parsed, BN_bin2bn(bytes_of(signature), 32, nullptr),
                 BN_bin2bn(bytes_of(signature) + 32, 32, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(parsed, &der);
  auto* const context = EVP_MD_CTX_new();
  EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key);
  const bool good = EVP_DigestVerify(context, der, static_cast<std::size_t>(size), bytes_of(bytes),
                                     bytes.size()) == 1;
  EVP_MD_CTX_free(context);
  OPENSSL_free(der);
  ECDSA_SIG_free(parsed);
  EVP_PKEY_free(key);
  return good;
}

TEST(Vapid, IsASignedTokenForOneServiceAndHalfADay) {
  SeededRandom random(3);
  const auto key = P256Key::make(random);
  const Time now{std::chrono::hours(500'000)};
  const auto value = vapid(key, "https://push.example.net", "mailto:ops@example.net", now);
  ASSERT_TRUE(value.starts_with("vapid t=")) << value;
  const auto comma = value.find(", k=");
  EXPECT_EQ(value.substr(comma + 4), base64url(key.public_point()));
  const auto token = value.substr(8, comma - 8);
  const auto first = token.find('.'), last = token.rfind('.');
  EXPECT_EQ(from_base64url(token.substr(0, first)), R"({"typ":"JWT","alg":"ES256"})");
  const auto claims = json::parse(*from_base64url(token.substr(first + 1, last - first - 1)));
  EXPECT_EQ(find_string(claims, {"aud"}), "https://push.example.net");
  EXPECT_EQ(find_string(claims, {"sub"}), "mailto:ops@example.net");
  EXPECT_EQ(find_int(claims, {"exp"}), 500'012 * 3600);
  const auto signature = from_base64url(token.substr(last + 1)).value();
  ASSERT_EQ(signature.size(), 64u);
  EXPECT_TRUE(verify(key.public_point(), token.substr(0, last), signature));
  EXPECT_FALSE(verify(key.public_point(), token.substr(0, last - 1), signature));
  EXPECT_EQ(vapid(key, "a", "", now).find(base64url("sub")), std::string::npos);
}

}  // namespace
}  // namespace corral::adapters::notify
