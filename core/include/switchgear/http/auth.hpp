// How a connection shows who it is: credentials that are added to each request, and renewed when the source no longer takes them.
//
// An Authenticator belongs to one connection and is used by all its threads at once. It owns its secrets; a literal or revealed value
// is made known to the Redactor before it is first sent. apply() and refresh() throw Error: `config` for a secret that leads nowhere,
// and for those that fetch something (oauth2.hpp, cookie_login.hpp, csrf.hpp) whatever that call met, with `nothing_sent` set, because the
// request itself was not sent. Credentials must be applied to requests for the connection's own origin only: that is the caller's part.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchgear/base/error.hpp"
#include "switchgear/base/secret.hpp"
#include "switchgear/http/message.hpp"
#include "switchgear/http/single_flight.hpp"

namespace switchgear {

/// Which credentials a request went out with. Told to refresh(), so that of many threads that were refused together one renews.
struct AuthStamp {
  std::uint64_t credentials = 0;
  std::uint64_t csrf = 0;
};

class Authenticator {
 public:
  virtual ~Authenticator() = default;

  /// Adds the credentials to `request`, after fetching or renewing them where that is due.
  virtual AuthStamp apply(HttpRequest& request, std::stop_token stop) = 0;

  /// The source refused a request that went out with `used`: `why` is auth_expired, auth_invalid or csrf. True: there are other
  /// credentials now, the request is worth one more try. False: nothing can be renewed. After auth_invalid only a secret that has been
  /// given otherwise since is another one: the same one is not tried again, which could lock an account.
  virtual bool refresh(const AuthStamp& used, Category why, std::stop_token stop) = 0;

  /// The reply to a request that went out with `used`: cookies that it sets are kept.
  virtual void received(const AuthStamp& used, const HttpResponse& response);
};

/// Base of those whose secret is given, not fetched. It is looked up at the first request, and again when the source refuses it: a
/// rotated value is taken up then, and the requests in between don't ask a file or a keyring.
class GivenSecret : public Authenticator {
 public:
  AuthStamp apply(HttpRequest& request, std::stop_token stop) final;
  bool refresh(const AuthStamp& used, Category why, std::stop_token stop) final;

 protected:
  GivenSecret(Secret secret, std::shared_ptr<Redactor> redactor) : secret_(std::move(secret)), redactor_(std::move(redactor)) {}

  /// What goes over the wire for this secret.
  virtual std::string credential(std::string secret) const { return secret; }
  virtual void put(HttpRequest& request, const std::string& credential) const = 0;

 private:
  SingleFlight<std::string>::Held look_up(std::uint64_t stale, std::stop_token stop);

  Secret secret_;
  std::shared_ptr<Redactor> redactor_;
  SingleFlight<std::string> credential_;
};

class BasicAuth final : public GivenSecret {
 public:
  /// Throws Error(config) for a user with a colon (RFC 7617, 2).
  BasicAuth(std::string user, Secret password, std::shared_ptr<Redactor> redactor);

 private:
  std::string credential(std::string secret) const override;
  void put(HttpRequest& request, const std::string& credential) const override;

  std::string user_;
};

class BearerAuth final : public GivenSecret {
 public:
  BearerAuth(Secret token, std::shared_ptr<Redactor> redactor) : GivenSecret(std::move(token), std::move(redactor)) {}

 private:
  void put(HttpRequest& request, const std::string& credential) const override;
};

class ApiKey final : public GivenSecret {
 public:
  enum class Place { header, query };
  ApiKey(Place place, std::string name, Secret key, std::shared_ptr<Redactor> redactor);

 private:
  void put(HttpRequest& request, const std::string& credential) const override;

  Place place_;
  std::string name_;
};

/// `url` with one more query parameter, percent-encoded.
std::string with_query(std::string url, std::string_view name, std::string_view value);

/// "a=1&b=2" (application/x-www-form-urlencoded).
std::string form_encode(const std::vector<std::pair<std::string, std::string>>& fields);

}  // namespace switchgear
