#include <array>
#include <utility>

#include "claims.hpp"
#include "refusal.hpp"
#include "secrets.hpp"
#include "switchgear/webhook/signature.hpp"

namespace switchgear {

using webhook_detail::Candidate;
using webhook_detail::Claims;
using webhook_detail::decode_signature;
using webhook_detail::equal_in_constant_time;
using webhook_detail::refuse;

struct WebhookVerifier::State {
  WebhookOptions options;
  webhook_detail::ContentTemplate content;
  webhook_detail::Keys keys;
  const Clock& clock;

  const Candidate* match(const Claims& claims, std::string_view body) const;
  const Candidate* match_mac(const Claims& claims, std::string_view head, std::string_view body) const;
  const Candidate* match_ed25519(const Claims& claims, std::string_view body) const;
  [[noreturn]] void refuse_signature(const Claims& claims) const;
  std::optional<WallTime> checked_time(const Claims& claims) const;
};

/// All keys and all signatures are tried: which of them is the right one shows in no time.
const Candidate* WebhookVerifier::State::match_mac(const Claims& claims, std::string_view head, std::string_view body) const {
  const Candidate* found = nullptr;
  const std::array<std::string_view, 3> parts{head, claims.over_body ? body : std::string_view(), claims.tail};
  for (const auto& key : keys.macs) {
    const webhook_detail::Digest digest = key->over(parts);
    for (const Candidate& candidate : claims.signatures.all()) {
      if (candidate.ed25519) continue;
      if (equal_in_constant_time(decode_signature(candidate.encoding, candidate.text).view(), digest.view())) found = &candidate;
    }
  }
  return found;
}

const Candidate* WebhookVerifier::State::match_ed25519(const Claims& claims, std::string_view body) const {
  if (keys.ed25519.empty()) return nullptr;
  std::string signed_text;
  for (const Candidate& candidate : claims.signatures.all()) {
    if (!candidate.ed25519) continue;
    const webhook_detail::Digest signature = decode_signature(candidate.encoding, candidate.text);
    if (signature.size != webhook_detail::Ed25519Key::signature_bytes) continue;
    if (signed_text.empty()) signed_text.append(claims.head).append(body);
    for (const auto& key : keys.ed25519) {
      if (key.is_signature(signature.view(), signed_text)) return &candidate;
    }
  }
  return nullptr;
}

const Candidate* WebhookVerifier::State::match(const Claims& claims, std::string_view body) const {
  const Candidate* found = match_mac(claims, claims.head, body);
  for (const std::string& other : claims.other_heads) {
    if (found == nullptr) found = match_mac(claims, other, body);
  }
  return found != nullptr ? found : match_ed25519(claims, body);
}

void WebhookVerifier::State::refuse_signature(const Claims& claims) const {
  bool has_mac = false;
  bool has_ed25519 = false;
  for (const Candidate& candidate : claims.signatures.all()) (candidate.ed25519 ? has_ed25519 : has_mac) = true;
  if (!(has_mac && !keys.macs.empty()) && !(has_ed25519 && !keys.ed25519.empty())) {
    refuse("unsupported_version",
           std::string("the message is signed by ") + (has_mac ? "v1 (HMAC-SHA256)" : "v1a (ed25519)") + ", for which no key was given",
           std::string("give the sender's ") + (has_mac ? "whsec_" : "whpk_") + " key too");
  }
  refuse("bad_signature",
         "no signature of the message was made with " + std::string(keys.count() == 1 ? "the secret" : "one of the secrets") +
             " over these bytes (" + std::string(to_string(options.scheme)) + ")",
         options.scheme == WebhookScheme::twilio
             ? "check the secret, and that url= is the address that the sender called, as seen from outside"
             : "check the secret, and that the body is verified as its bytes came, before anything decodes or formats it");
}

std::optional<WallTime> WebhookVerifier::State::checked_time(const Claims& claims) const {
  if (!claims.timestamp) return std::nullopt;
  using std::chrono::floor;
  using std::chrono::seconds;
  const auto time = to_wall_time(*claims.timestamp);
  const std::string limit = options.tolerance ? std::to_string(options.tolerance->count()) + " s" : "any clock";
  const WallTime now = clock.wall();
  if (time ? options.tolerance && now - *time > *options.tolerance : claims.timestamp->seconds < 0) {
    const std::string age = time ? std::to_string(floor<seconds>(now - *time).count()) + " s old" : "before 1678";
    refuse("too_old", "the message's time is " + age + ", beyond " + limit,
           options.scheme == WebhookScheme::shopify
               ? "Shopify's retries keep their first time: to take them, verify with tolerance=None and a replay guard"
               : "a message that was kept back or is sent again by somebody else; check the clock of this machine");
  }
  const bool may_be_new = time && (!options.tolerance || options.scheme == WebhookScheme::stripe);
  if (time ? !may_be_new && *time - now > *options.tolerance : claims.timestamp->seconds > 0) {
    const std::string ahead = time ? std::to_string(floor<seconds>(*time - now).count()) + " s ahead" : "after 2261";
    refuse("too_new", "the message's time is " + ahead + ", beyond " + limit, "check the clock of this machine, and the sender's");
  }
  return time;
}

WebhookVerifier::WebhookVerifier(const std::vector<std::string>& secrets, WebhookOptions options, const Clock& clock) {
  auto content = webhook_detail::check_options(options);
  auto keys = webhook_detail::make_keys(secrets, options);
  state_.reset(new State{std::move(options), std::move(content), std::move(keys), clock});
}

WebhookVerifier::~WebhookVerifier() = default;
WebhookVerifier::WebhookVerifier(WebhookVerifier&&) noexcept = default;
WebhookVerifier& WebhookVerifier::operator=(WebhookVerifier&&) noexcept = default;

VerifiedWebhook WebhookVerifier::verify(const WebhookMessage& message) const {
  check_size(message, state_->options.limits);
  const Claims claims = read_claims(state_->options, state_->content, message);
  const Candidate* signature = state_->match(claims, message.body);
  if (signature == nullptr) state_->refuse_signature(claims);
  return {claims.id, state_->checked_time(claims), signature->text, claims.id_is_signed};
}

const WebhookOptions& WebhookVerifier::options() const noexcept { return state_->options; }

}  // namespace switchgear
