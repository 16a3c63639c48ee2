#include <array>
#include <utility>

#include "claims.hpp"
#include "secrets.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"
#include "switchgear/webhook/signature.hpp"

namespace switchgear {

using webhook_detail::encode_signature;
using webhook_detail::takes_standard_secrets;
using webhook_detail::twilio_content;

struct WebhookSigner::State {
  WebhookOptions options;
  webhook_detail::ContentTemplate content;
  webhook_detail::Keys keys;
  const Clock& clock;

  std::vector<std::string> macs(std::string_view head, std::string_view body, std::string_view tail = {}) const;
  Headers standard(const WebhookToSign& message, std::string_view prefix, const std::string& id, const std::string& seconds) const;
  Headers stripe(const WebhookToSign& message, const std::string& seconds) const;
  Headers recipe(const WebhookToSign& message, const std::string& id, const std::string& seconds) const;
};

namespace {

[[noreturn]] void refuse_to_sign(std::string message, std::string hint) {
  throw Error(Category::config, "webhook", std::move(message)).with_hint(std::move(hint));
}

std::string random_text(std::size_t count) {
  // 62 characters: bytes that would make some of them likelier are thrown away.
  constexpr std::string_view alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string text;
  while (text.size() < count) {
    for (const char c : webhook_detail::random_bytes(count)) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 248 && text.size() < count) text += alphabet[byte % 62];
    }
  }
  return text;
}

void check_id(const std::string& id) {
  if (id.size() > 255) refuse_to_sign("an id of " + std::to_string(id.size()) + " bytes is too long for a message", "255 are the most");
  for (const char c : id) {
    if (c > 0x20 && c < 0x7f && c != '.') continue;
    refuse_to_sign("an id for a message has a character that can't be sent: a full stop, a blank, or none of ASCII",
                   "take letters, digits, '_' and '-'; leave the id out for a new one");
  }
}

/// Random, in the form of a UUID of version 4.
std::string new_uuid() {
  std::string bytes = webhook_detail::random_bytes(16);
  bytes[6] = static_cast<char>((static_cast<unsigned char>(bytes[6]) & 0x0FU) | 0x40U);
  bytes[8] = static_cast<char>((static_cast<unsigned char>(bytes[8]) & 0x3FU) | 0x80U);
  std::string text = encode_signature(SignatureEncoding::hex, bytes);
  for (const std::size_t at : {8, 13, 18, 23}) text.insert(at, 1, '-');
  return text;
}

}  // namespace

std::vector<std::string> WebhookSigner::State::macs(std::string_view head, std::string_view body, std::string_view tail) const {
  SignatureEncoding encoding = SignatureEncoding::hex;
  if (options.scheme == WebhookScheme::hmac) {
    encoding = options.recipe.encoding;
  } else if (takes_standard_secrets(options.scheme) || options.scheme == WebhookScheme::shopify ||
             options.scheme == WebhookScheme::twilio) {
    encoding = SignatureEncoding::base64;
  }
  const std::array<std::string_view, 3> parts{head, body, tail};
  std::vector<std::string> signatures;
  for (const auto& key : keys.macs) signatures.push_back(encode_signature(encoding, key->over(parts).view()));
  return signatures;
}

Headers WebhookSigner::State::standard(const WebhookToSign& message, std::string_view prefix, const std::string& id,
                                       const std::string& seconds) const {
  std::string head;
  head.append(id).append(1, '.').append(seconds).append(1, '.');
  std::string signatures;
  for (const std::string& mac : macs(head, message.body)) signatures.append(signatures.empty() ? "" : " ").append("v1,").append(mac);
  const std::string signed_text = keys.ed25519.empty() ? std::string() : head + std::string(message.body);
  for (const auto& key : keys.ed25519)
    signatures.append(signatures.empty() ? "" : " ").append("v1a,").append(base64_encode(key.sign(signed_text)));
  const std::string start(prefix);
  return {{start + "-id", id}, {start + "-timestamp", seconds}, {start + "-signature", signatures}};
}

Headers WebhookSigner::State::stripe(const WebhookToSign& message, const std::string& seconds) const {
  std::string value = "t=" + seconds;
  for (const std::string& mac : macs(seconds + ".", message.body)) value.append(",v1=").append(mac);
  return {{"Stripe-Signature", value}};
}

Headers WebhookSigner::State::recipe(const WebhookToSign& message, const std::string& id, const std::string& seconds) const {
  const HmacRecipe& recipe = options.recipe;
  std::string head;
  std::string tail;
  content.fill(id, seconds, head, tail);
  Headers headers{{recipe.header, recipe.prefix + macs(head, message.body, tail).front()}};
  if (!recipe.timestamp_header.empty()) headers.add(recipe.timestamp_header, seconds);
  if (!recipe.id_header.empty()) headers.add(recipe.id_header, id);
  return headers;
}

WebhookSigner::WebhookSigner(const std::vector<std::string>& secrets, WebhookOptions options, const Clock& clock) {
  auto content = webhook_detail::check_options(options);
  auto keys = webhook_detail::make_keys(secrets, options);
  for (const auto& key : keys.ed25519) {
    if (!key.can_sign()) {
      throw Error(Category::config, "secret", "a whpk_ key is public: it verifies, but cannot sign").with_hint("sign with the whsk_ key");
    }
  }
  if (keys.count() > 1 && !takes_standard_secrets(options.scheme) && options.scheme != WebhookScheme::stripe) {
    refuse_to_sign("a message by the scheme " + std::string(to_string(options.scheme)) + " has one signature, and " +
                       std::to_string(keys.count()) + " secrets were given",
                   "sign with the new secret; receivers verify with both while it rotates");
  }
  state_.reset(new State{std::move(options), std::move(content), std::move(keys), clock});
}

WebhookSigner::~WebhookSigner() = default;
WebhookSigner::WebhookSigner(WebhookSigner&&) noexcept = default;
WebhookSigner& WebhookSigner::operator=(WebhookSigner&&) noexcept = default;

Headers WebhookSigner::sign(const WebhookToSign& message) const {
  check_id(message.id);
  const State& state = *state_;
  const WallTime time = message.timestamp.value_or(state.clock.wall());
  const std::string seconds = std::to_string(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
  const auto id_or = [&message](std::string (*make)()) { return message.id.empty() ? make() : message.id; };
  switch (state.options.scheme) {
    case WebhookScheme::standard:
      return state.standard(message, "webhook", id_or(new_webhook_id), seconds);
    case WebhookScheme::svix:
      return state.standard(message, "svix", id_or(new_webhook_id), seconds);
    case WebhookScheme::stripe:
      return state.stripe(message, seconds);
    case WebhookScheme::github:
      return {{"X-Hub-Signature-256", "sha256=" + state.macs({}, message.body).front()}, {"X-GitHub-Delivery", id_or(new_uuid)}};
    case WebhookScheme::slack:
      return {{"X-Slack-Signature", "v0=" + state.macs("v0:" + seconds + ":", message.body).front()},
              {"X-Slack-Request-Timestamp", seconds}};
    case WebhookScheme::shopify:
      return {{"X-Shopify-Hmac-Sha256", state.macs({}, message.body).front()},
              {"X-Shopify-Webhook-Id", id_or(new_uuid)},
              {"X-Shopify-Triggered-At", webhook_detail::format_rfc3339(time)}};
    case WebhookScheme::twilio: {
      if (message.url.empty()) refuse_to_sign("Twilio's signature is over the URL, and none was given", "give the receiver's: url");
      // What is no JSON is a form.
      const HeaderView type{"Content-Type", "application/x-www-form-urlencoded"};
      const bool json = message.body.starts_with('{') || message.body.starts_with('[');
      WebhookMessage form{.body = message.body, .headers = {&type, json ? 0U : 1U}, .url = message.url};
      if (message.params) form.params = *message.params;
      return {{"X-Twilio-Signature", state.macs(twilio_content(message.url, form), {}).front()}};
    }
    case WebhookScheme::hmac:
      return state.recipe(message, id_or(new_webhook_id), seconds);
  }
  return {};
}

std::string new_webhook_id() { return "msg_" + random_text(27); }

std::string new_webhook_secret() { return "whsec_" + base64_encode(webhook_detail::random_bytes(32)); }

}  // namespace switchgear
