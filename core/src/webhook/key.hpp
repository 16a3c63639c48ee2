// The keys of signatures, by OpenSSL: HMAC and ed25519. Immutable; any thread. Throws Error(internal, "crypto") when OpenSSL fails, which
// it does not in a working installation.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "switchgear/webhook/signature.hpp"

namespace switchgear::webhook_detail {

struct Digest {
  std::array<unsigned char, 64> bytes{};
  std::size_t size = 0;

  std::string_view view() const noexcept { return {reinterpret_cast<const char*>(bytes.data()), size}; }
};

/// In a time that says nothing of where they differ.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

std::string random_bytes(std::size_t count);

struct FreeMac {
  void operator()(EVP_MAC_CTX* context) const noexcept { EVP_MAC_CTX_free(context); }
};
using Mac = std::unique_ptr<EVP_MAC_CTX, FreeMac>;

class HmacKey {
 public:
  HmacKey(HashAlgorithm algorithm, std::string_view key);
  ~HmacKey() { EVP_MAC_CTX_free(idle_.load()); }
  HmacKey(const HmacKey&) = delete;
  HmacKey& operator=(const HmacKey&) = delete;

  Digest over(std::span<const std::string_view> parts) const;

 private:
  Mac keyed_;  // never computes, is copied
  // One that is ready, or nullptr while somebody computes with it: who finds none makes a copy. No lock that a fork could leave locked.
  mutable std::atomic<EVP_MAC_CTX*> idle_{nullptr};
};

struct FreeKey {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};

class Ed25519Key {
 public:
  static constexpr std::size_t key_bytes = 32, signature_bytes = 64;

  /// `bytes`: 32 each.
  static Ed25519Key from_seed(std::string_view bytes);
  static Ed25519Key from_public(std::string_view bytes);

  std::string public_bytes() const;
  bool is_signature(std::string_view signature, std::string_view message) const;
  std::string sign(std::string_view message) const;
  bool can_sign() const noexcept { return can_sign_; }

 private:
  Ed25519Key(EVP_PKEY* key, bool can_sign);

  std::unique_ptr<EVP_PKEY, FreeKey> key_;
  bool can_sign_;
};

}  // namespace switchgear::webhook_detail
