#include "secrets.hpp"

#include <optional>
#include <string_view>

#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear::webhook_detail {
namespace {

constexpr std::string_view mac_prefix = "whsec_", private_prefix = "whsk_", public_prefix = "whpk_";
constexpr std::size_t least_bytes = 24, most_bytes = 64;

[[noreturn]] void refuse_secret(const std::string& why) {
  throw Error(Category::config, "secret", "a secret for webhooks cannot be used: " + why)
      .with_hint("copy it again from where the sender shows it, whole and with its prefix");
}

std::string decoded(std::string_view text, std::string_view prefix) {
  auto bytes = base64_decode(text);
  if (!bytes) refuse_secret("what follows " + std::string(prefix) + " is no base64");
  return std::move(*bytes);
}

std::string size_text(std::size_t bytes) { return std::to_string(bytes) + " bytes"; }

/// A seed, or a seed with its public key behind it, as libsodium writes them.
Ed25519Key private_key(std::string_view text) {
  const std::string bytes = decoded(text, private_prefix);
  if (bytes.size() != Ed25519Key::key_bytes && bytes.size() != 2 * Ed25519Key::key_bytes) {
    refuse_secret("a whsk_ key has 32 bytes (a seed) or 64 (seed and public key), this one " + size_text(bytes.size()));
  }
  Ed25519Key key = Ed25519Key::from_seed(std::string_view(bytes).substr(0, Ed25519Key::key_bytes));
  if (bytes.size() != Ed25519Key::key_bytes && key.public_bytes() != std::string_view(bytes).substr(Ed25519Key::key_bytes)) {
    refuse_secret("the second half of a whsk_ key is not the public key of the first");
  }
  return key;
}

Ed25519Key public_key(std::string_view text) {
  const std::string bytes = decoded(text, public_prefix);
  if (bytes.size() != Ed25519Key::key_bytes) refuse_secret("a whpk_ key has 32 bytes, this one " + size_text(bytes.size()));
  return Ed25519Key::from_public(bytes);
}

void add_standard(Keys& keys, std::string_view secret) {
  if (secret.starts_with(private_prefix)) {
    keys.ed25519.push_back(private_key(secret.substr(private_prefix.size())));
    return;
  }
  if (secret.starts_with(public_prefix)) {
    keys.ed25519.push_back(public_key(secret.substr(public_prefix.size())));
    return;
  }
  if (secret.starts_with(mac_prefix)) secret.remove_prefix(mac_prefix.size());
  const std::string bytes = decoded(secret, mac_prefix);
  if (bytes.size() < least_bytes || bytes.size() > most_bytes) {
    refuse_secret("Standard Webhooks want 24 to 64 bytes in base64, this one has " + size_text(bytes.size()));
  }
  keys.macs.push_back(std::make_unique<HmacKey>(HashAlgorithm::sha256, bytes));
}

}  // namespace

bool takes_standard_secrets(WebhookScheme scheme) noexcept { return scheme == WebhookScheme::standard || scheme == WebhookScheme::svix; }

HashAlgorithm algorithm_of(const WebhookOptions& options) noexcept {
  switch (options.scheme) {
    case WebhookScheme::twilio:
      return HashAlgorithm::sha1;
    case WebhookScheme::hmac:
      return options.recipe.algorithm;
    default:
      return HashAlgorithm::sha256;
  }
}

Keys make_keys(const std::vector<std::string>& secrets, const WebhookOptions& options) {
  if (secrets.empty()) refuse_secret("none was given");
  if (secrets.size() > 16) refuse_secret(std::to_string(secrets.size()) + " were given, 16 are the most");
  Keys keys;
  for (const std::string& secret : secrets) {
    if (secret.empty()) refuse_secret("it is empty");
    if (takes_standard_secrets(options.scheme)) {
      add_standard(keys, secret);
    } else {
      keys.macs.push_back(std::make_unique<HmacKey>(algorithm_of(options), secret));
    }
  }
  return keys;
}

}  // namespace switchgear::webhook_detail
