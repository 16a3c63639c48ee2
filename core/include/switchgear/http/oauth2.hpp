// OAuth 2.0 (RFC 6749) without a person at the screen: client credentials, and a refresh token that somebody obtained once.
//
// The access token is fetched at the first request, renewed shortly before it expires and whenever the source refuses it: once for all
// threads of the connection, and once for all processes that share the TokenStore. Errors of the token endpoint name it and have
// `nothing_sent` set; `auth_invalid` (`invalid_grant`, `invalid_client` …) needs a person, all others may pass. Thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "switchgear/base/clock.hpp"
#include "switchgear/base/secret.hpp"
#include "switchgear/http/auth.hpp"
#include "switchgear/http/single_flight.hpp"
#include "switchgear/http/token_store.hpp"
#include "switchgear/http/transport.hpp"

namespace switchgear {

struct OAuth2Options {
  enum class ClientAuth { basic, body };  ///< where the endpoint wants the client's id and secret

  std::string token_url;
  std::string client_id;
  Secret client_secret;  ///< empty: a public client
  ClientAuth client_auth = ClientAuth::basic;
  std::string scope;
  std::vector<std::pair<std::string, std::string>> parameters;  ///< what else the endpoint wants: audience, resource …
};

/// What an OAuth2 authenticator works with; shared, because connections outlive each other in any order.
struct OAuth2Services {
  std::shared_ptr<Transport> transport;
  std::shared_ptr<Redactor> redactor;
  Clock& clock = Clock::system();
};

/// An access token in use.
struct AccessToken {
  Tokens tokens;
  std::optional<SteadyTime> renew_at, ends_at;
};

class OAuth2 : public Authenticator {
 public:
  AuthStamp apply(HttpRequest& request, std::stop_token stop) final;
  bool refresh(const AuthStamp& used, Category why, std::stop_token stop) final;

 protected:
  OAuth2(OAuth2Options options, OAuth2Services services);

  /// A token in place of `refused` (null: the first one).
  virtual Tokens obtain(const Tokens* refused, std::stop_token stop) = 0;

  using Form = std::vector<std::pair<std::string, std::string>>;
  /// The secrets by which tokens are asked for, as they are now.
  virtual std::string given() const;
  Tokens ask(Form grant, std::stop_token stop);
  bool lasts(const Tokens& tokens) const;
  void keep_secret(const Tokens& tokens) const;

  const OAuth2Options options_;
  const OAuth2Services services_;

 private:
  using Flight = SingleFlight<AccessToken>;
  Flight::Held renew(const Flight::Held& stale, std::stop_token stop);

  Flight token_;
  std::atomic<std::size_t> asked_with_{0};  // the hash of what was given
};

class OAuth2ClientCredentials final : public OAuth2 {
 public:
  OAuth2ClientCredentials(OAuth2Options options, OAuth2Services services) : OAuth2(std::move(options), std::move(services)) {}

 private:
  Tokens obtain(const Tokens* refused, std::stop_token stop) override;
};

class OAuth2RefreshToken final : public OAuth2 {
 public:
  /// `refresh_token` is the first one; servers that rotate it replace it in `store`, under `store_key` (the connection's id) and a mark
  /// of this sign-in: what descends from another refresh token, user or endpoint is never used, even under the same id.
  OAuth2RefreshToken(OAuth2Options options, Secret refresh_token, std::shared_ptr<TokenStore> store, std::string store_key,
                     OAuth2Services services);

 private:
  Tokens obtain(const Tokens* refused, std::stop_token stop) override;
  std::string given() const override;
  std::string key_of(const std::string& first) const;
  std::vector<std::string> candidates(const std::string& first, const Tokens* in_use, const std::optional<Tokens>& stored) const;

  Secret first_token_;
  std::shared_ptr<TokenStore> store_;
  std::string store_key_;
  bool unsaved_ = false;  ///< touched only by the one who renews
};

}  // namespace switchgear
