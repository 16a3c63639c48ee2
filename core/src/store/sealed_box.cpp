#include "sealed_box.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <memory>

#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear::store_detail {
namespace {

constexpr std::size_t nonce_bytes = 12;  // what GCM is made for; random ones are safe for 2^32 texts under one key
constexpr std::size_t tag_bytes = 16;

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

void check(bool good, const char* what) {
  if (!good) throw Error(Category::internal, "crypto", std::string("OpenSSL cannot ") + what);
}

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

/// Encrypts or decrypts `text`, after the nonce and the context.
std::string run(EVP_CIPHER_CTX* cipher, std::string_view context, std::string_view text) {
  int count = 0;
  check(EVP_CipherUpdate(cipher, nullptr, &count, bytes(context), static_cast<int>(context.size())) == 1, "take the context");
  std::string out(text.size(), '\0');
  check(EVP_CipherUpdate(cipher, bytes(out), &count, bytes(text), static_cast<int>(text.size())) == 1, "encrypt");
  return out;
}

Cipher cipher_for(std::string_view key, std::string_view nonce, bool encrypts) {
  check(key.size() == key_bytes, "use a key that is not 32 bytes long");
  Cipher cipher(EVP_CIPHER_CTX_new());
  check(cipher && EVP_CipherInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(key), bytes(nonce), encrypts ? 1 : 0) == 1,
        "begin AES-256-GCM");
  return cipher;
}

}  // namespace

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  check(RAND_bytes(bytes(out), static_cast<int>(count)) == 1, "give random bytes");
  return out;
}

std::string key_id(std::string_view key) {
  const std::string text = "switchgear key id " + std::string(key);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  check(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1, "hash");
  constexpr std::string_view digits = "0123456789abcdef";
  std::string id;
  for (std::size_t i = 0; i < 8; ++i) {
    id += digits[digest.at(i) >> 4U];
    id += digits[digest.at(i) & 15U];
  }
  return id;
}

std::string seal(std::string_view key, std::string_view context, std::string_view text) {
  const std::string nonce = random_bytes(nonce_bytes);
  const Cipher cipher = cipher_for(key, nonce, true);
  const std::string encrypted = run(cipher.get(), context, text);
  std::string tag(tag_bytes, '\0');
  int count = 0;
  check(EVP_CipherFinal_ex(cipher.get(), bytes(tag), &count) == 1 &&
            EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(tag_bytes), tag.data()) == 1,
        "end AES-256-GCM");
  return base64_encode(nonce + encrypted + tag);
}

std::optional<std::string> open_sealed(std::string_view key, std::string_view context, std::string_view sealed) {
  const auto whole = base64_decode(sealed);
  if (!whole || whole->size() < nonce_bytes + tag_bytes) return std::nullopt;
  const std::string_view all = *whole;
  const Cipher cipher = cipher_for(key, all.substr(0, nonce_bytes), false);
  std::string text = run(cipher.get(), context, all.substr(nonce_bytes, all.size() - nonce_bytes - tag_bytes));
  std::string tag(all.substr(all.size() - tag_bytes));
  std::array<unsigned char, tag_bytes> rest{};
  int count = 0;
  check(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(tag_bytes), tag.data()) == 1, "take the tag");
  if (EVP_CipherFinal_ex(cipher.get(), rest.data(), &count) != 1) return std::nullopt;
  return text;
}

}  // namespace switchgear::store_detail
