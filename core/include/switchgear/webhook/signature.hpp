// Signatures of webhooks, made and checked: Standard Webhooks and svix (HMAC and ed25519), Stripe, GitHub, Slack, Shopify, Twilio, and any
// HMAC over a template of id, timestamp and body.
//
// A verifier and a signer own their keys, which are made ready once; both are immutable and may be used from any thread. Making one throws
// Error(config): `config.secret` for a key that is empty, short or not what the scheme takes, `config.webhook` for a recipe that makes no
// sense. Verifying throws Error(signature): `missing_header`, `duplicate_header`, `malformed_header`, `unsupported_version`,
// `bad_signature`, `too_old`, `too_new`, `too_large`. A signature is checked before the time, so `too_old` is said of authentic messages.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/base/clock.hpp"
#include "switchgear/webhook/message.hpp"

namespace switchgear {

enum class WebhookScheme { standard, svix, stripe, github, slack, shopify, twilio, hmac };

std::string_view to_string(WebhookScheme scheme) noexcept;

/// Throws Error(config, webhook) naming the nearest one.
WebhookScheme webhook_scheme_from(std::string_view word);

enum class HashAlgorithm { sha1, sha256, sha512 };
enum class SignatureEncoding { hex, base64 };

/// Of the scheme `hmac`: where the parts of a signature are, and what it is over.
struct HmacRecipe {
  std::string header = {};  ///< that holds the signature
  HashAlgorithm algorithm = HashAlgorithm::sha256;
  SignatureEncoding encoding = SignatureEncoding::hex;
  std::string prefix = {};            ///< in front of the signature: "sha256="
  std::string content = "{body}";     ///< what is signed; {body} once, {id} and {timestamp} where their headers are named
  std::string timestamp_header = {};  ///< seconds or milliseconds since 1970, or RFC 3339; "": none
  std::string id_header = {};         ///< "": none
};

struct WebhookOptions {
  WebhookScheme scheme = WebhookScheme::standard;
  HmacRecipe recipe = {};  ///< of the scheme `hmac` alone
  /// How far a timestamp may be from now, both ways; nothing: its time is not looked at. Stripe's is only held to have not passed.
  std::optional<std::chrono::seconds> tolerance = std::chrono::seconds(300);
  WebhookLimits limits = {};
};

struct VerifiedWebhook {
  std::string_view id;                ///< of the message's headers; "" if it has none
  std::optional<WallTime> timestamp;  ///< nothing if it has none
  std::string_view signature;         ///< that was the right one, as it stands in the header
  bool id_is_signed = false;          ///< else anybody who replays a message may change it
};

class WebhookVerifier {
 public:
  /// Verifies with any of `secrets`: `whsec_` (or base64 alone), `whpk_` and `whsk_` for Standard Webhooks and svix, else any bytes.
  WebhookVerifier(const std::vector<std::string>& secrets, WebhookOptions options, const Clock& clock = Clock::system());
  ~WebhookVerifier();
  WebhookVerifier(WebhookVerifier&&) noexcept;
  WebhookVerifier& operator=(WebhookVerifier&&) noexcept;

  VerifiedWebhook verify(const WebhookMessage& message) const;

  const WebhookOptions& options() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What a message to be signed is about.
struct WebhookToSign {
  std::string_view body;
  std::string id = {};                                 ///< "": a new one is made where the scheme has ids
  std::optional<WallTime> timestamp = {};              ///< nothing: now
  std::string url = {};                                ///< Twilio
  std::optional<std::vector<HeaderView>> params = {};  ///< Twilio; nothing: the body's own if it is a form
};

class WebhookSigner {
 public:
  /// While a secret rotates, all of `secrets` sign, in their order, where the scheme has room for several. `whpk_` keys can't sign.
  WebhookSigner(const std::vector<std::string>& secrets, WebhookOptions options, const Clock& clock = Clock::system());
  ~WebhookSigner();
  WebhookSigner(WebhookSigner&&) noexcept;
  WebhookSigner& operator=(WebhookSigner&&) noexcept;

  /// The headers to send with the body. Throws Error(config, webhook) for an id that can't be sent: with a dot, blanks or control
  /// characters.
  Headers sign(const WebhookToSign& message) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A new id for a message: "msg_" and 27 characters, without dots.
std::string new_webhook_id();

/// A new secret: `whsec_` and 32 random bytes.
std::string new_webhook_secret();

}  // namespace switchgear
