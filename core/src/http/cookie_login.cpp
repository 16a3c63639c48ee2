#include "switchgear/http/cookie_login.hpp"

#include <functional>
#include <nlohmann/json.hpp>

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

std::string json_object(const std::vector<std::pair<std::string, std::string>>& fields) {
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [name, value] : fields) object[name] = value;
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Error refused(const std::string& where, int status) {
  const std::string what = "the login at " + where + " answered " + std::to_string(status);
  if (status >= 500)
    return Error(status == 503 ? Category::unavailable : Category::server, what)
        .with_hint("the source's sign-in has a fault")
        .with_retry(true);
  if (status == 429) return Error(Category::rate_limit, what).with_hint("too many logins; wait").with_retry(true);
  if (status == 404 || status == 405) return Error(Category::config, "auth", what).with_hint("check `login_url`");
  if (status >= 400) return Error(Category::auth_invalid, what).with_hint("check user and password");
  return Error(Category::auth_invalid, what + " without the session's cookie")
      .with_hint("check user and password, and the option `session_cookie`");
}

}  // namespace

CookieLogin::CookieLogin(CookieLoginOptions options, std::shared_ptr<Transport> transport, std::shared_ptr<Redactor> redactor, Clock& clock)
    : options_(std::move(options)), transport_(std::move(transport)), redactor_(std::move(redactor)), clock_(clock) {
  Url::parse(options_.login_url);
}

CookieLogin::Session CookieLogin::sign_in(std::stop_token stop) {
  const std::string password = options_.password.reveal();
  redactor_->add(password);
  signed_in_with_ = std::hash<std::string>()(password);
  auto fields = options_.fields;
  fields.emplace_back(options_.user_field, options_.user);
  fields.emplace_back(options_.password_field, password);
  const bool as_json = options_.format == CookieLoginOptions::Format::json;
  HttpRequest request;
  request.method = "POST";
  request.url = options_.login_url;
  request.headers = {{"Content-Type", as_json ? "application/json" : "application/x-www-form-urlencoded"}};
  request.body = as_json ? json_object(fields) : form_encode(fields);

  const Url url = Url::parse(options_.login_url);
  const std::string where = url.origin() + url.target.substr(0, url.target.find('?'));
  HttpResponse response;
  try {
    response = transport_->send(request, stop);
  } catch (Error& error) {
    error.message = "login at " + where + ": " + error.message;
    throw;
  }
  auto jar = std::make_shared<CookieJar>();
  jar->keep(url, response.headers, clock_.wall());
  const bool has_session = options_.session_cookie.empty() ? !jar->empty() : jar->contains(options_.session_cookie, clock_.wall());
  if (response.status >= 400 || !has_session) throw refused(where, response.status).with_status(response.status);
  for (const std::string& value : jar->values()) redactor_->add(value);
  return jar;
}

SingleFlight<CookieLogin::Session>::Held CookieLogin::renew(std::uint64_t stale, std::stop_token stop) {
  try {
    return session_.renew(stale, [&] { return sign_in(stop); }, stop);
  } catch (Error& error) {
    Error copy = error;  // others who waited hold the same object
    copy.nothing_sent = true;
    throw copy;
  }
}

AuthStamp CookieLogin::apply(HttpRequest& request, std::stop_token stop) {
  auto held = session_.current();
  if (!held.value) held = renew(held.generation, stop);
  add_cookies(request.headers, (*held.value)->header_for(Url::parse(request.url), clock_.wall()));
  return {held.generation, 0};
}

bool CookieLogin::refresh(const AuthStamp& used, Category why, std::stop_token stop) {
  if (why != Category::auth_expired && why != Category::auth_invalid) return false;
  if (why == Category::auth_invalid && session_.current().generation == used.credentials &&
      std::hash<std::string>()(options_.password.reveal()) == signed_in_with_)
    return false;
  renew(used.credentials, stop);
  return true;
}

void CookieLogin::received(const AuthStamp& used, const HttpResponse& response) {
  const auto held = session_.current();
  if (!held.value || held.generation != used.credentials || !response.headers.contains("Set-Cookie")) return;
  (*held.value)->keep(Url::parse(response.url), response.headers, clock_.wall());
  for (const std::string& value : (*held.value)->values()) redactor_->add(value);
}

}  // namespace switchgear
