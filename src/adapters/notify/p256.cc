#include "adapters/notify/p256.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <array>
#include <optional>

#include "adapters/notify/hkdf.h"
#include "base/freed.h"

namespace corral::adapters::notify {
namespace {

using Number = std::unique_ptr<BIGNUM, Freed<BN_clear_free>>;
using Group = std::unique_ptr<EC_GROUP, Freed<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, Freed<EC_POINT_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;

constexpr const char* kCurve = "P-256";
// More than the curve's order has, so that every key is as good as equally likely (FIPS 186-5,
// A.2.1).
constexpr std::size_t kSeedBytes = 48;

Group curve() {
  Group group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  CORRAL_ASSERT(group);
  return group;
}

// `scalar` null: a public key alone. Null when OpenSSL finds it to be no key.
EVP_PKEY* make_key(const std::string& point, const BIGNUM* scalar) {
  const Builder builder(OSSL_PARAM_BLD_new());
  CORRAL_ASSERT(
      builder &&
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, kCurve, 0) == 1 &&
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) == 1);
  if (scalar != nullptr)
    CORRAL_ASSERT(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar) == 1);
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  CORRAL_ASSERT(params && context && EVP_PKEY_fromdata_init(context.get()) == 1);
  EVP_PKEY* key = nullptr;
  const int selection = scalar != nullptr ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
  if (EVP_PKEY_fromdata(context.get(), &key, selection, params.get()) != 1) return nullptr;
  return key;
}

std::string point_times(const EC_GROUP* group, const BIGNUM* scalar) {
  const Point point(EC_POINT_new(group));
  std::string octets(kPointBytes, '\0');
  CORRAL_ASSERT(point && EC_POINT_mul(group, point.get(), scalar, nullptr, nullptr, nullptr) == 1 &&
                EC_POINT_point2oct(group, point.get(), POINT_CONVERSION_UNCOMPRESSED,
                                   reinterpret_cast<unsigned char*>(octets.data()), octets.size(),
                                   nullptr) == octets.size());
  return octets;
}

}  // namespace

void P256Key::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

Result<P256Key> P256Key::from_scalar(const Secret& scalar) {
  const auto text = scalar.expose();
  const Number number(BN_bin2bn(bytes_of(text), static_cast<int>(text.size()), nullptr));
  const Group group = curve();
  if (text.size() != kScalarBytes || BN_is_zero(number.get()) ||
      BN_cmp(number.get(), EC_GROUP_get0_order(group.get())) >= 0)
    return fail(ErrorCode::invalid, "a private key of P-256 is a number below the curve's order");
  auto point = point_times(group.get(), number.get());
  Handle key(make_key(point, number.get()));
  CORRAL_ASSERT(key);
  return P256Key(std::move(key), std::move(point));
}

P256Key P256Key::from_seed(const Secret& seed) {
  CORRAL_ASSERT(seed.expose().size() >= kScalarBytes);
  // The second half of a hash is as good as another one: 64 bytes, of which 48 are taken.
  const Secret first = hmac_sha256(seed.expose(), "corral web push key 1");
  const Secret second = hmac_sha256(seed.expose(), "corral web push key 2");
  const Secret wide(
      (std::string(first.expose()) + std::string(second.expose())).substr(0, kSeedBytes));
  const Group group = curve();
  const Number order(BN_dup(EC_GROUP_get0_order(group.get())));
  const Number number(BN_bin2bn(bytes_of(wide.expose()), kSeedBytes, nullptr));
  const std::unique_ptr<BN_CTX, Freed<BN_CTX_free>> context(BN_CTX_new());
  // From 1 to the order - 1.
  CORRAL_ASSERT(order && number && context && BN_sub_word(order.get(), 1) == 1 &&
                BN_nnmod(number.get(), number.get(), order.get(), context.get()) == 1 &&
                BN_add_word(number.get(), 1) == 1);
  std::string scalar(kScalarBytes, '\0');
  CORRAL_ASSERT(BN_bn2binpad(number.get(), reinterpret_cast<unsigned char*>(scalar.data()),
                             kScalarBytes) == kScalarBytes);
  auto key = from_scalar(Secret(std::move(scalar)));
  CORRAL_ASSERT(key);
  return *std::move(key);
}

P256Key P256Key::make(Random& random) {
  std::array<std::uint8_t, kSeedBytes> seed{};
  random.fill(seed);
  return from_seed(Secret(std::string(seed.begin(), seed.end())));
}

Result<P256Key::Handle> P256Key::peer(std::string_view point) {
  Handle key;
  // OpenSSL looks whether it lies on the curve.
  if (point.size() == kPointBytes && point.front() == '\x04')
    key.reset(make_key(std::string(point), nullptr));
  if (!key)
    return fail(ErrorCode::invalid,
                "this is no public key of P-256: {} bytes that begin with 4 are, and that are a "
                "point of the curve",
                kPointBytes);
  return key;
}

Result<void> check_point(std::string_view point) {
  CORRAL_TRY(const auto key, P256Key::peer(point));
  return {};
}

Result<Secret> P256Key::agree(std::string_view point) const {
  CORRAL_TRY(const auto other, peer(point));
  const KeyContext context(EVP_PKEY_CTX_new(key_.get(), nullptr));
  std::string shared(kScalarBytes, '\0');
  std::size_t size = shared.size();
  CORRAL_ASSERT(context && EVP_PKEY_derive_init(context.get()) == 1);
  if (EVP_PKEY_derive_set_peer(context.get(), other.get()) != 1 ||
      EVP_PKEY_derive(context.get(), reinterpret_cast<unsigned char*>(shared.data()), &size) != 1 ||
      size != kScalarBytes)
    return fail(ErrorCode::invalid, "nothing can be agreed on with this public key");
  return Secret(std::move(shared));
}

std::string P256Key::sign(std::string_view bytes) const {
  const Digest context(EVP_MD_CTX_new());
  std::array<unsigned char, 80> der{};  // a sequence of two numbers of 33 bytes at most
  std::size_t size = der.size();
  CORRAL_ASSERT(
      context &&
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
      EVP_DigestSign(context.get(), der.data(), &size, bytes_of(bytes), bytes.size()) == 1);
  const unsigned char* at = der.data();
  const Signature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  std::string out(2 * kScalarBytes, '\0');
  auto* const to = reinterpret_cast<unsigned char*>(out.data());
  CORRAL_ASSERT(signature &&
                BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), to, kScalarBytes) == kScalarBytes &&
                BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), to + kScalarBytes, kScalarBytes) ==
                    kScalarBytes);
  return out;
}

}  // namespace corral::adapters::notify
