#include "key.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "switchgear/base/error.hpp"

namespace switchgear::webhook_detail {
namespace {

void check(bool good, const char* what) {
  if (!good) throw Error(Category::internal, "crypto", std::string("OpenSSL cannot ") + what);
}

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

/// By OpenSSL's names.
const char* digest_name(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::sha1:
      return "SHA1";
    case HashAlgorithm::sha256:
      return "SHA256";
    case HashAlgorithm::sha512:
      return "SHA512";
  }
  return "SHA256";
}

Mac keyed_mac(HashAlgorithm algorithm, std::string_view key) {
  struct FreeAlgorithm {
    void operator()(EVP_MAC* mac) const noexcept { EVP_MAC_free(mac); }
  };
  const std::unique_ptr<EVP_MAC, FreeAlgorithm> hmac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  check(hmac != nullptr, "find HMAC");
  Mac context(EVP_MAC_CTX_new(hmac.get()));
  std::string name = digest_name(algorithm);
  const std::array<OSSL_PARAM, 2> params{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
                                         OSSL_PARAM_construct_end()};
  check(context && EVP_MAC_init(context.get(), bytes_of(key), key.size(), params.data()) == 1, "take an HMAC key");
  return context;
}

struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeDigest>;

}  // namespace

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  check(RAND_bytes(bytes_of(out), static_cast<int>(count)) == 1, "give random bytes");
  return out;
}

HmacKey::HmacKey(HashAlgorithm algorithm, std::string_view key) : keyed_(keyed_mac(algorithm, key)) {}

Digest HmacKey::over(std::span<const std::string_view> parts) const {
  Mac mac(idle_.exchange(nullptr, std::memory_order_acquire));
  // Begun anew with the key that it has: what the key goes through first is not computed again.
  const bool begun = mac ? EVP_MAC_init(mac.get(), nullptr, 0, nullptr) == 1 : (mac.reset(EVP_MAC_CTX_dup(keyed_.get())), mac != nullptr);
  check(begun, "begin an HMAC");
  for (const std::string_view part : parts) {
    if (!part.empty()) check(EVP_MAC_update(mac.get(), bytes_of(part), part.size()) == 1, "compute an HMAC");
  }
  Digest digest;
  check(EVP_MAC_final(mac.get(), digest.bytes.data(), &digest.size, digest.bytes.size()) == 1, "end an HMAC");
  // Also acquired: what another thread put there meanwhile is freed here.
  const Mac other(idle_.exchange(mac.release(), std::memory_order_acq_rel));
  return digest;
}

Ed25519Key::Ed25519Key(EVP_PKEY* key, bool can_sign) : key_(key), can_sign_(can_sign) { check(key != nullptr, "take an ed25519 key"); }

Ed25519Key Ed25519Key::from_seed(std::string_view bytes) {
  return {EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(bytes), bytes.size()), true};
}

Ed25519Key Ed25519Key::from_public(std::string_view bytes) {
  return {EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(bytes), bytes.size()), false};
}

std::string Ed25519Key::public_bytes() const {
  std::string out(key_bytes, '\0');
  std::size_t size = out.size();
  check(EVP_PKEY_get_raw_public_key(key_.get(), bytes_of(out), &size) == 1 && size == key_bytes, "tell a public key");
  return out;
}

bool Ed25519Key::is_signature(std::string_view signature, std::string_view message) const {
  const DigestContext context(EVP_MD_CTX_new());
  check(context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1, "begin to verify ed25519");
  return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message), message.size()) == 1;
}

std::string Ed25519Key::sign(std::string_view message) const {
  const DigestContext context(EVP_MD_CTX_new());
  check(context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1, "begin to sign by ed25519");
  std::string signature(signature_bytes, '\0');
  std::size_t size = signature.size();
  check(EVP_DigestSign(context.get(), bytes_of(signature), &size, bytes_of(message), message.size()) == 1 && size == signature_bytes,
        "sign by ed25519");
  return signature;
}

}  // namespace switchgear::webhook_detail
