#include "claims.hpp"

#include <limits>

#include "refusal.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear::webhook_detail {

void read_twilio(const WebhookOptions& options, const WebhookMessage& message, Claims& claims);

namespace {

[[noreturn]] void refuse_header(std::string_view name, std::string_view value, const std::string& want) {
  refuse("malformed_header", "the header " + std::string(name) + " is '" + shown(value) + "', not " + want,
         "check that the scheme is the sender's");
}

[[noreturn]] void refuse_version(std::string_view name, std::string_view value, const std::string& known) {
  refuse("unsupported_version",
         "the header " + std::string(name) + " has no signature of a version that is known here: '" + shown(value) + "'",
         "known is " + known);
}

/// Whole seconds; more digits than there is room for are the largest number.
std::optional<std::int64_t> parse_seconds(std::string_view text) noexcept {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 100;
  if (text.empty()) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value >= most ? most : value * 10 + (c - '0');
  }
  return value;
}

Instant seconds_or_refuse(std::string_view header, std::string_view text) {
  const auto seconds = parse_seconds(text);
  if (!seconds) refuse_header(header, text, "seconds since 1970");
  return {*seconds, 0};
}

/// Seconds, milliseconds (no time of this century in seconds has so many digits) or RFC 3339.
Instant instant_or_refuse(std::string_view header, std::string_view text) {
  constexpr std::int64_t first_milliseconds = 100'000'000'000, last_milliseconds = 100'000'000'000'000;
  if (const auto seconds = parse_seconds(text)) {
    if (*seconds < first_milliseconds || *seconds >= last_milliseconds) return {*seconds, 0};
    return {*seconds / 1000, static_cast<std::int32_t>(*seconds % 1000 * 1'000'000)};
  }
  const auto instant = parse_rfc3339(text);
  if (!instant) refuse_header(header, text, "a time: seconds since 1970, or 2026-11-27T04:00:00Z");
  return *instant;
}

/// The text up to `separator`, which is taken off `rest` with it.
std::string_view take_item(std::string_view& rest, char separator) noexcept {
  const std::string_view item = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(item.size() + 1, rest.size()));
  return item;
}

/// "v1,base64 v1a,base64": those that a key of ours could have made.
void read_standard_signatures(std::string_view name, std::string_view value, Candidates& found) {
  bool other_version = false;
  for (std::string_view rest = value; !rest.empty();) {
    const std::string_view item = take_item(rest, ' ');
    const std::size_t comma = item.find(',');
    if (comma == std::string_view::npos) continue;
    const std::string_view version = item.substr(0, comma);
    if (version == "v1" || version == "v1a") {
      found.add({version == "v1a", SignatureEncoding::base64, item.substr(comma + 1)});
    } else if (!version.empty()) {
      other_version = true;
    }
  }
  if (!found.empty()) return;
  if (other_version) refuse_version(name, value, "v1 (HMAC-SHA256) and v1a (ed25519)");
  refuse_header(name, value, "a list such as 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4='");
}

struct StandardNames {
  std::string_view id, timestamp, signature;
};
constexpr StandardNames webhook_names{"webhook-id", "webhook-timestamp", "webhook-signature"};
constexpr StandardNames svix_names{"svix-id", "svix-timestamp", "svix-signature"};

bool has_all(const StandardNames& names, const WebhookMessage& message, const WebhookLimits& limits) {
  for (const std::string_view name : {names.id, names.timestamp, names.signature}) {
    if (!find_header(message.headers, name, limits)) return false;
  }
  return true;
}

void read_standard(const StandardNames& names, const WebhookOptions& options, const WebhookMessage& message, Claims& claims) {
  claims.id = need_header(message.headers, names.id, options.limits);
  const std::string_view timestamp = need_header(message.headers, names.timestamp, options.limits);
  const std::string_view signature = need_header(message.headers, names.signature, options.limits);
  // Full stops separate what is signed: with one in the id, another id and another time could be made of the same bytes.
  if (claims.id.find('.') != std::string_view::npos) refuse_header(names.id, claims.id, "an id without full stops");
  claims.timestamp = seconds_or_refuse(names.timestamp, timestamp);
  read_standard_signatures(names.signature, signature, claims.signatures);
  claims.head.reserve(claims.id.size() + timestamp.size() + 2);
  claims.head.append(claims.id).append(1, '.').append(timestamp).append(1, '.');
  claims.id_is_signed = true;
}

void read_stripe(const WebhookOptions& options, const WebhookMessage& message, Claims& claims) {
  constexpr std::string_view name = "Stripe-Signature";
  const std::string_view value = need_header(message.headers, name, options.limits);
  std::optional<std::string_view> timestamp;
  bool other_version = false;
  for (std::string_view rest = value; !rest.empty();) {
    const std::string_view item = trim(take_item(rest, ','));
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) refuse_header(name, value, "a list such as 't=1614265330,v1=5257a8…'");
    const std::string_view key = item.substr(0, equals);
    if (key == "t") {
      if (timestamp) refuse_header(name, value, "one with a single time (t=)");
      timestamp = item.substr(equals + 1);
    } else if (key == "v1") {
      claims.signatures.add({false, SignatureEncoding::hex, item.substr(equals + 1)});
    } else {
      other_version = true;
    }
  }
  if (!timestamp) refuse_header(name, value, "one with a time (t=)");
  if (claims.signatures.empty() && other_version) refuse_version(name, value, "v1 (HMAC-SHA256)");
  if (claims.signatures.empty()) refuse_header(name, value, "one with a signature (v1=)");
  claims.timestamp = seconds_or_refuse(name, *timestamp);
  claims.head.append(*timestamp).append(1, '.');
  claims.id_is_signed = true;  // it is in the body
}

void read_prefixed(std::string_view name, std::string_view prefix, SignatureEncoding encoding, const WebhookOptions& options,
                   const WebhookMessage& message, Claims& claims) {
  const std::string_view value = need_header(message.headers, name, options.limits);
  if (!value.starts_with(prefix)) refuse_version(name, value, "'" + std::string(prefix) + "…'");
  claims.signatures.add({false, encoding, value.substr(prefix.size())});
}

void read_github(const WebhookOptions& options, const WebhookMessage& message, Claims& claims) {
  constexpr std::string_view name = "X-Hub-Signature-256", old_name = "X-Hub-Signature";
  if (!find_header(message.headers, name, options.limits)) {
    if (const auto old = find_header(message.headers, old_name, options.limits)) refuse_version(old_name, *old, "X-Hub-Signature-256");
  }
  read_prefixed(name, "sha256=", SignatureEncoding::hex, options, message, claims);
  claims.id = find_header(message.headers, "X-GitHub-Delivery", options.limits).value_or("");
}

void read_slack(const WebhookOptions& options, const WebhookMessage& message, Claims& claims) {
  constexpr std::string_view name = "X-Slack-Request-Timestamp";
  const std::string_view timestamp = need_header(message.headers, name, options.limits);
  read_prefixed("X-Slack-Signature", "v0=", SignatureEncoding::hex, options, message, claims);
  claims.timestamp = seconds_or_refuse(name, timestamp);
  claims.head.append("v0:").append(timestamp).append(1, ':');
}

void read_shopify(const WebhookOptions& options, const WebhookMessage& message, Claims& claims) {
  constexpr std::string_view triggered = "X-Shopify-Triggered-At";
  read_prefixed("X-Shopify-Hmac-Sha256", "", SignatureEncoding::base64, options, message, claims);
  if (const auto text = find_header(message.headers, triggered, options.limits)) claims.timestamp = instant_or_refuse(triggered, *text);
  claims.id = find_header(message.headers, "X-Shopify-Webhook-Id", options.limits).value_or("");
}

void read_hmac(const WebhookOptions& options, const ContentTemplate& content, const WebhookMessage& message, Claims& claims) {
  const HmacRecipe& recipe = options.recipe;
  std::string_view timestamp;
  if (!recipe.timestamp_header.empty()) {
    timestamp = need_header(message.headers, recipe.timestamp_header, options.limits);
    claims.timestamp = instant_or_refuse(recipe.timestamp_header, timestamp);
  }
  if (!recipe.id_header.empty()) claims.id = need_header(message.headers, recipe.id_header, options.limits);
  read_prefixed(recipe.header, recipe.prefix, recipe.encoding, options, message, claims);
  content.fill(claims.id, timestamp, claims.head, claims.tail);
  claims.id_is_signed = content.uses(ContentTemplate::Part::id);
}

}  // namespace

void Candidates::add(Candidate candidate) {
  if (count_ == items_.size()) {
    refuse("malformed_header", "the request has more than " + std::to_string(items_.size()) + " signatures",
           "a sender that rotates its secret has two or three");
  }
  items_[count_++] = candidate;
}

Claims read_claims(const WebhookOptions& options, const ContentTemplate& content, const WebhookMessage& message) {
  Claims claims;
  switch (options.scheme) {
    case WebhookScheme::standard:
      read_standard(webhook_names, options, message, claims);
      break;
    case WebhookScheme::svix:
      read_standard(
          has_all(svix_names, message, options.limits) || !has_all(webhook_names, message, options.limits) ? svix_names : webhook_names,
          options, message, claims);
      break;
    case WebhookScheme::stripe:
      read_stripe(options, message, claims);
      break;
    case WebhookScheme::github:
      read_github(options, message, claims);
      break;
    case WebhookScheme::slack:
      read_slack(options, message, claims);
      break;
    case WebhookScheme::shopify:
      read_shopify(options, message, claims);
      break;
    case WebhookScheme::twilio:
      read_twilio(options, message, claims);
      break;
    case WebhookScheme::hmac:
      read_hmac(options, content, message, claims);
      break;
  }
  return claims;
}

}  // namespace switchgear::webhook_detail
