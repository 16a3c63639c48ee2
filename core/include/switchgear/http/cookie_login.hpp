// A session by signing in: user and password are posted once, and the cookies of the reply go with every request.
//
// The source says by auth_expired that the session is over; then one thread signs in again for all. Cookies that later replies set are
// kept, unless they belong to a session that has been replaced meanwhile. Thread-safe. Throws `auth_invalid` when the login is refused.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "switchgear/base/clock.hpp"
#include "switchgear/base/secret.hpp"
#include "switchgear/http/auth.hpp"
#include "switchgear/http/cookie_jar.hpp"
#include "switchgear/http/single_flight.hpp"
#include "switchgear/http/transport.hpp"

namespace switchgear {

struct CookieLoginOptions {
  enum class Format { form, json };

  std::string login_url;
  std::string user;
  Secret password;
  std::string user_field = "username";
  std::string password_field = "password";
  std::vector<std::pair<std::string, std::string>> fields;  ///< what else the login wants
  Format format = Format::form;
  std::string session_cookie;  ///< its name; empty: any cookie counts. Name it where a refused login answers 200 with cookies of its own.
};

class CookieLogin final : public Authenticator {
 public:
  CookieLogin(CookieLoginOptions options, std::shared_ptr<Transport> transport, std::shared_ptr<Redactor> redactor,
              Clock& clock = Clock::system());
  AuthStamp apply(HttpRequest& request, std::stop_token stop) override;
  bool refresh(const AuthStamp& used, Category why, std::stop_token stop) override;
  void received(const AuthStamp& used, const HttpResponse& response) override;

 private:
  using Session = std::shared_ptr<CookieJar>;
  Session sign_in(std::stop_token stop);
  SingleFlight<Session>::Held renew(std::uint64_t stale, std::stop_token stop);

  CookieLoginOptions options_;
  std::shared_ptr<Transport> transport_;
  std::shared_ptr<Redactor> redactor_;
  Clock& clock_;
  SingleFlight<Session> session_;
  std::atomic<std::size_t> signed_in_with_{0};  // the password's hash
};

}  // namespace switchgear
