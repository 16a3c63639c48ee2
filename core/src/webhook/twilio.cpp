// What Twilio signs (https://www.twilio.com/docs/usage/security): the URL and the form's parameters, or the URL alone where it carries a
// digest of the body.
#include <algorithm>

#include "claims.hpp"
#include "refusal.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear::webhook_detail {
namespace {

constexpr std::string_view body_digest_key = "bodySHA256=";

using Parameter = std::pair<std::string, std::string>;

std::string form_decoded(std::string_view text) {
  std::string plain(text);
  std::replace(plain.begin(), plain.end(), '+', ' ');
  return percent_decode(plain);
}

/// The fields of an application/x-www-form-urlencoded body.
std::vector<Parameter> form_of(std::string_view body, std::size_t most) {
  std::vector<Parameter> fields;
  while (!body.empty()) {
    const std::string_view field = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(field.size() + 1, body.size()));
    if (field.empty()) continue;
    if (fields.size() == most) {
      refuse("too_large", "the form has more than " + std::to_string(most) + " fields",
             "no sender of webhooks sends that many: refuse the request");
    }
    const std::size_t equals = field.find('=');
    fields.emplace_back(form_decoded(field.substr(0, equals)),
                        equals == std::string_view::npos ? std::string() : form_decoded(field.substr(equals + 1)));
  }
  return fields;
}

std::vector<Parameter> parameters_of(const WebhookMessage& message, const WebhookLimits& limits) {
  std::vector<Parameter> parameters;
  if (message.params) {
    for (const HeaderView& field : *message.params) parameters.emplace_back(field.name, field.value);
  } else {
    const auto type = find_header(message.headers, "Content-Type", limits);
    if (type && equal_ignoring_case(trim(type->substr(0, type->find(';'))), "application/x-www-form-urlencoded")) {
      parameters = form_of(message.body, limits.max_headers);
    }
  }
  std::sort(parameters.begin(), parameters.end());
  parameters.erase(std::unique(parameters.begin(), parameters.end()), parameters.end());
  return parameters;
}

/// The digest in the URL's query, if there is one.
std::optional<std::string_view> body_digest(std::string_view url) {
  std::size_t at = url.find('?');
  while (at != std::string_view::npos) {
    const std::string_view rest = url.substr(at + 1);
    if (rest.starts_with(body_digest_key)) return rest.substr(body_digest_key.size(), rest.find('&') - body_digest_key.size());
    at = url.find('&', at + 1);
  }
  return std::nullopt;
}

void check_body_digest(std::string_view expected, std::string_view body) {
  Digest digest;
  unsigned size = 0;
  if (EVP_Digest(body.data(), body.size(), digest.bytes.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw Error(Category::internal, "crypto", "OpenSSL cannot hash");
  }
  digest.size = size;
  if (!equal_in_constant_time(decode_signature(SignatureEncoding::hex, expected).view(), digest.view())) {
    refuse("bad_signature", "the body is not the one whose digest is in the URL (bodySHA256)",
           "verify the body's bytes as they came, before anything decodes them");
  }
}

/// The same URL with the scheme's own port, or without it: Twilio signs the one or the other.
std::optional<std::string> with_other_port(std::string_view url) {
  const bool tls = url.starts_with("https://");
  if (!tls && !url.starts_with("http://")) return std::nullopt;
  const std::size_t host = url.find("//") + 2;
  const std::size_t end = std::min(url.find_first_of("/?#", host), url.size());
  const std::string_view authority = url.substr(host, end - host);
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  const std::string_view bare = has_port ? authority.substr(0, colon) : authority;
  const std::string port = has_port ? "" : tls ? ":443" : ":80";
  return std::string(url.substr(0, host)) + std::string(bare) + port + std::string(url.substr(end));
}

}  // namespace

std::string twilio_content(std::string_view url, const WebhookMessage& message) {
  std::string content(url);
  if (body_digest(url)) return content;
  for (const auto& [name, value] : parameters_of(message, {})) content.append(name).append(value);
  return content;
}

void read_twilio(const WebhookOptions& options, const WebhookMessage& message, Claims& claims) {
  if (message.url.empty()) {
    throw Error(Category::config, "webhook", "Twilio signs the URL that it called, and none was given")
        .with_hint("give url=, as it is set at Twilio: with its query, and its host as seen from outside");
  }
  const std::string_view signature = need_header(message.headers, "X-Twilio-Signature", options.limits);
  claims.signatures.add({false, SignatureEncoding::base64, signature});
  claims.over_body = false;
  claims.head = twilio_content(message.url, message);
  if (const auto digest = body_digest(message.url)) check_body_digest(*digest, message.body);
  if (const auto other = with_other_port(message.url)) claims.other_heads.push_back(twilio_content(*other, message));
}

}  // namespace switchgear::webhook_detail
