// SAP's protection against forged requests: a write needs a token that a read hands out, and the cookies that came with it.
//
// Wraps the connection's real Authenticator, if it has one. The token is fetched before the first write (`X-CSRF-Token: Fetch`) and
// again when the source refuses one (403 with `X-CSRF-Token: Required`), once for all threads. All cookies of the session are kept and
// go with every request, because the token is worth nothing without them. Thread-safe. Throws `csrf` when the source hands out no
// token.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "switchgear/base/clock.hpp"
#include "switchgear/http/auth.hpp"
#include "switchgear/http/cookie_jar.hpp"
#include "switchgear/http/single_flight.hpp"
#include "switchgear/http/transport.hpp"

namespace switchgear {

struct CsrfOptions {
  std::string fetch_url;  ///< the service root
  std::string fetch_method = "GET";
  std::string header = "X-CSRF-Token";
};

class CsrfToken final : public Authenticator {
 public:
  /// `credentials` null: the source knows its caller by other means, such as a client certificate.
  CsrfToken(CsrfOptions options, std::shared_ptr<Authenticator> credentials, std::shared_ptr<Transport> transport,
            std::shared_ptr<Redactor> redactor, Clock& clock = Clock::system());
  AuthStamp apply(HttpRequest& request, std::stop_token stop) override;
  bool refresh(const AuthStamp& used, Category why, std::stop_token stop) override;
  void received(const AuthStamp& used, const HttpResponse& response) override;

 private:
  struct Session {
    std::string token;
    std::shared_ptr<CookieJar> cookies;
  };

  Session fetch(std::stop_token stop);
  SingleFlight<Session>::Held renew(std::uint64_t stale, std::stop_token stop);

  CsrfOptions options_;
  std::shared_ptr<Authenticator> credentials_;
  std::shared_ptr<Transport> transport_;
  std::shared_ptr<Redactor> redactor_;
  Clock& clock_;
  SingleFlight<Session> session_;
};

}  // namespace switchgear
