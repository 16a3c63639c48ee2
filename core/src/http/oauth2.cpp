#include "switchgear/http/oauth2.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

#include "switchgear/base/error.hpp"
#include "switchgear/base/log.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

using nlohmann::json;
using std::chrono::seconds;

// A token is renewed before its end, so that it does not expire on its way and clocks may differ a little.
constexpr seconds usual_margin{60};
constexpr std::int64_t longest_life_seconds = 10LL * 365 * 24 * 3600;

seconds margin_of(seconds life) { return std::min(usual_margin, life / 10); }

std::string text_of(const json& reply, const char* name) {
  const auto found = reply.find(name);
  return found != reply.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Seconds, as a number or (against RFC 6749, but seen) as a string of digits.
std::optional<seconds> life_of(const json& reply) {
  const auto found = reply.find("expires_in");
  if (found == reply.end()) return std::nullopt;
  double value = 0;
  if (found->is_number()) {
    value = found->get<double>();
  } else if (found->is_string()) {
    const auto& text = found->get_ref<const std::string&>();
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) return std::nullopt;
  }
  if (!(value >= 1)) return std::nullopt;
  return seconds(static_cast<std::int64_t>(std::min(value, static_cast<double>(longest_life_seconds))));
}

// RFC 6749, 5.1: an endpoint that gives less than it was asked for says what it gave. Without `scope` in the reply all was given.
std::string missing_scopes(const std::string& asked, const json& reply) {
  if (const auto said = reply.find("scope"); said == reply.end() || !said->is_string()) return {};
  const std::string given = " " + text_of(reply, "scope") + " ";
  std::string missing;
  std::istringstream words(asked);
  for (std::string word; words >> word;) {
    if (given.find(" " + word + " ") == std::string::npos) missing += (missing.empty() ? "" : " ") + word;
  }
  return missing;
}

std::size_t hash_of(const std::string& secret) { return std::hash<std::string>()(secret); }

Error not_sent(Error error) {
  error.nothing_sent = true;
  return error;
}

// RFC 6749, 5.2.
Error refusal(const std::string& endpoint, int status, const json& reply) {
  const std::string reason = text_of(reply, "error");
  const std::string description = text_of(reply, "error_description").substr(0, 300);
  const std::string what = "the token endpoint " + endpoint + " answered " + std::to_string(status) + (reason.empty() ? "" : " " + reason) +
                           (description.empty() ? "" : ": " + description);
  if (status == 429) return Error(Category::rate_limit, what).with_hint("wait before asking for another token").with_retry(true);
  if (status == 503) return Error(Category::unavailable, what).with_hint("the sign-in service is down; try later").with_retry(true);
  if (status >= 500) return Error(Category::server, what).with_hint("the sign-in service has a fault; its log says more").with_retry(true);
  if (reason == "invalid_grant") {
    return Error(Category::auth_invalid, reason, what)
        .with_hint("the refresh token was revoked, has expired or was used elsewhere: sign in again and reconnect");
  }
  if (reason == "invalid_client" || reason == "unauthorized_client" || reason == "access_denied") {
    return Error(Category::auth_invalid, reason, what).with_hint("check client id and secret, and that this client may use this grant");
  }
  if (!reason.empty())
    return Error(Category::config, "oauth2", what).with_hint("check scope, parameters and client_auth of the OAuth2 options");
  if (status == 401 || status == 403) return Error(Category::auth_invalid, what).with_hint("check client id and secret");
  if (status >= 300) return Error(Category::config, "oauth2", what).with_hint("check `token_url`: nothing there speaks OAuth2");
  return Error(Category::protocol, "oauth2", what + ", which holds no access_token")
      .with_hint("check `token_url`: a login page may have answered");
}

std::string endpoint_name(const std::string& token_url) {
  const Url url = Url::parse(token_url);
  return url.origin() + url.target.substr(0, url.target.find('?'));
}

}  // namespace

OAuth2::OAuth2(OAuth2Options options, OAuth2Services services) : options_(std::move(options)), services_(std::move(services)) {
  Url::parse(options_.token_url);
  if (options_.client_id.empty())
    throw Error(Category::config, "auth", "OAuth2 needs a client_id").with_hint("the identity provider gave one with the secret");
}

AuthStamp OAuth2::apply(HttpRequest& request, std::stop_token stop) {
  auto held = token_.current();
  const auto past = [this](const std::optional<SteadyTime>& time) { return time && services_.clock.now() >= *time; };
  if (!held.value || past(held.value->renew_at)) {
    try {
      held = renew(held, stop);
    } catch (const Error& error) {
      // A sign-in service that is away for a moment stops nobody who still has a token.
      if (!held.value || past(held.value->ends_at) || !error.retryable) throw;
      log(LogLevel::warning, "oauth2", "the token in use is kept until it ends: " + error.describe());
    }
  }
  request.headers.set("Authorization", "Bearer " + held.value->tokens.access_token);
  return {held.generation, 0};
}

bool OAuth2::refresh(const AuthStamp& used, Category why, std::stop_token stop) {
  if (why != Category::auth_expired && why != Category::auth_invalid) return false;
  auto stale = token_.current();
  if (stale.generation != used.credentials) return true;
  if (why == Category::auth_invalid && hash_of(given()) == asked_with_) return false;
  const auto fresh = renew(stale, stop);
  return !stale.value || fresh.value->tokens.access_token != stale.value->tokens.access_token;
}

OAuth2::Flight::Held OAuth2::renew(const Flight::Held& stale, std::stop_token stop) {
  const auto make = [&] {
    asked_with_ = hash_of(given());
    AccessToken token{obtain(stale.value ? &stale.value->tokens : nullptr, stop), std::nullopt, std::nullopt};
    if (token.tokens.expires_at) {
      const auto life = std::chrono::duration_cast<seconds>(*token.tokens.expires_at - services_.clock.wall());
      token.ends_at = services_.clock.now() + life;  // steady from here on: a step of the clock changes nothing
      token.renew_at = *token.ends_at - margin_of(life);
    }
    return token;
  };
  try {
    return token_.renew(stale.generation, make, stop);
  } catch (const Error& error) {
    throw not_sent(error);
  }
}

std::string OAuth2::given() const { return options_.client_secret.empty() ? std::string() : options_.client_secret.reveal(); }

Tokens OAuth2::ask(Form form, std::stop_token stop) {
  const std::string secret = OAuth2::given();
  services_.redactor->add(secret);
  HttpRequest request;
  request.method = "POST";
  request.url = options_.token_url;
  request.headers = {{"Accept", "application/json"}, {"Content-Type", "application/x-www-form-urlencoded"}};
  if (!options_.scope.empty()) form.emplace_back("scope", options_.scope);
  form.insert(form.end(), options_.parameters.begin(), options_.parameters.end());
  if (options_.client_auth == OAuth2Options::ClientAuth::basic && !secret.empty()) {
    const std::string pair = base64_encode(percent_encode(options_.client_id) + ":" + percent_encode(secret));  // RFC 6749, 2.3.1
    services_.redactor->add(pair);
    request.headers.set("Authorization", "Basic " + pair);
  } else {
    form.emplace_back("client_id", options_.client_id);
    if (!secret.empty()) form.emplace_back("client_secret", secret);
  }
  request.body = form_encode(form);

  const std::string endpoint = endpoint_name(options_.token_url);
  const WallTime asked_at = services_.clock.wall();
  HttpResponse response;
  try {
    response = services_.transport->send(request, stop);
  } catch (Error& error) {
    error.message = "token endpoint " + endpoint + ": " + error.message;
    throw;
  }
  const std::string_view body = response.body.view();
  json reply = json::parse(body.begin(), body.end(), nullptr, false);
  if (!reply.is_object()) reply = json::object();
  Tokens tokens{text_of(reply, "access_token"), text_of(reply, "refresh_token"), std::nullopt};
  if (response.status != 200 || tokens.access_token.empty()) {
    Error error = refusal(endpoint, response.status, reply);
    error.message = services_.redactor->redact(error.message);
    throw std::move(error).with_status(response.status);
  }
  if (const std::string type = text_of(reply, "token_type"); !type.empty() && !equal_ignoring_case(type, "bearer")) {
    throw Error(Category::unsupported, "oauth2", "the token endpoint " + endpoint + " gives tokens of type '" + type.substr(0, 40) + "'")
        .with_hint("only bearer tokens are supported");
  }
  if (const std::string missing = missing_scopes(options_.scope, reply); !missing.empty()) {
    log(LogLevel::warning, "oauth2",
        "the token endpoint " + endpoint + " did not give the scope '" + missing + "': the source may refuse what needs it");
  }
  if (const auto life = life_of(reply)) tokens.expires_at = asked_at + *life;
  keep_secret(tokens);
  return tokens;
}

bool OAuth2::lasts(const Tokens& tokens) const { return !tokens.expires_at || *tokens.expires_at - services_.clock.wall() > usual_margin; }

void OAuth2::keep_secret(const Tokens& tokens) const {
  services_.redactor->add(tokens.access_token);
  services_.redactor->add(tokens.refresh_token);
}

Tokens OAuth2ClientCredentials::obtain(const Tokens*, std::stop_token stop) { return ask({{"grant_type", "client_credentials"}}, stop); }

OAuth2RefreshToken::OAuth2RefreshToken(OAuth2Options options, Secret refresh_token, std::shared_ptr<TokenStore> store,
                                       std::string store_key, OAuth2Services services)
    : OAuth2(std::move(options), std::move(services)),
      first_token_(std::move(refresh_token)),
      store_(std::move(store)),
      store_key_(std::move(store_key)) {}

std::string OAuth2RefreshToken::given() const {
  return OAuth2::given() + "\n" + (first_token_.empty() ? std::string() : first_token_.reveal());
}

Tokens OAuth2RefreshToken::obtain(const Tokens* refused, std::stop_token stop) {
  const std::string first = first_token_.empty() ? std::string() : first_token_.reveal();
  services_.redactor->add(first);
  const std::string key = key_of(first);
  const auto turn = store_->lock(key, stop);
  const auto stored = store_->load(key);
  if (stored) keep_secret(*stored);
  const bool renewed_elsewhere =
      stored && !stored->access_token.empty() && lasts(*stored) && (refused == nullptr || stored->access_token != refused->access_token);
  if (renewed_elsewhere && !unsaved_) return *stored;

  const auto refresh_tokens = candidates(first, refused, stored);
  for (std::size_t i = 0;; ++i) {
    try {
      Tokens tokens = ask({{"grant_type", "refresh_token"}, {"refresh_token", refresh_tokens.at(i)}}, stop);
      if (tokens.refresh_token.empty()) tokens.refresh_token = refresh_tokens[i];
      try {
        store_->save(key, tokens);
        unsaved_ = false;
      } catch (const Error& error) {
        // The old refresh token may be dead by now: the new one must live on, in memory at least.
        unsaved_ = true;
        log(LogLevel::error, "oauth2", "the new tokens of '" + store_key_ + "' are in memory only: " + error.describe());
      }
      return tokens;
    } catch (const Error& error) {
      const bool another = error.detail == "invalid_grant" && i + 1 < refresh_tokens.size();
      if (!another) throw;
    }
  }
}

// FNV-1a. It tells sign-ins apart; what it is made of needs no hiding from a store that holds the tokens themselves.
std::string OAuth2RefreshToken::key_of(const std::string& first) const {
  if (first.empty()) return store_key_;
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const std::string& part : {options_.token_url, options_.client_id, first}) {
    for (const char c : part + '\n') hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), hash, 16).ptr;
  return store_key_ + "#" + std::string(digits.data(), end);
}

// The one that was rotated last comes first; the configured one is the way out when the stored one was ended.
std::vector<std::string> OAuth2RefreshToken::candidates(const std::string& first, const Tokens* in_use,
                                                        const std::optional<Tokens>& stored) const {
  std::vector<std::string> tokens;
  const auto add = [&](const std::string& token) {
    if (!token.empty() && std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.push_back(token);
  };
  if (unsaved_ && in_use != nullptr) add(in_use->refresh_token);
  if (stored) add(stored->refresh_token);
  add(first);
  if (tokens.empty()) {
    throw Error(Category::auth_invalid, "no_refresh_token", "there is no refresh token for '" + store_key_ + "'")
        .with_hint("sign in again and reconnect");
  }
  return tokens;
}

}  // namespace switchgear
