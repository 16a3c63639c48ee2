#include "switchgear/http/csrf.hpp"

#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"
#include "switchgear/http/classify.hpp"

namespace switchgear {
namespace {

/// For a source that knows its caller by a client certificate.
class NoCredentials final : public Authenticator {
 public:
  AuthStamp apply(HttpRequest&, std::stop_token) override { return {}; }
  bool refresh(const AuthStamp&, Category, std::stop_token) override { return false; }
};

bool is_safe(const std::string& method) { return method == "GET" || method == "HEAD" || method == "OPTIONS"; }

/// The session is over, or the token of the credentials: a sign-in page is as good as a 401. A reply with a token is none, whatever else it
/// is.
bool is_signed_out(const HttpRequest& request, const HttpResponse& response, bool has_token) {
  if (response.status == 401) return true;
  if (has_token) return false;
  const std::optional<Error> error = classify(request, response);
  return error && error->category == Category::auth_expired;
}

Error no_token(const std::string& what, int status) {
  if (status == 401) return Error(Category::auth_invalid, what).with_hint("check user and password").with_status(status);
  if (status == 403) return Error(Category::permission, what).with_hint("this user may not read the service").with_status(status);
  const bool fault = status >= 500;
  return Error(fault ? Category::server : Category::csrf, what)
      .with_hint("check that this is the service root")
      .with_status(status)
      .with_retry(fault);
}

}  // namespace

CsrfToken::CsrfToken(CsrfOptions options, std::shared_ptr<Authenticator> credentials, std::shared_ptr<Transport> transport,
                     std::shared_ptr<Redactor> redactor, Clock& clock)
    : options_(std::move(options)),
      credentials_(std::move(credentials)),
      transport_(std::move(transport)),
      redactor_(std::move(redactor)),
      clock_(clock) {
  Url::parse(options_.fetch_url);
  if (!credentials_) credentials_ = std::make_shared<NoCredentials>();
}

CsrfToken::Session CsrfToken::fetch(std::stop_token stop) {
  const Url url = Url::parse(options_.fetch_url);
  const std::string where = url.origin() + url.target.substr(0, url.target.find('?'));
  for (bool again = false;; again = true) {
    HttpRequest request;
    request.method = options_.fetch_method;
    request.url = options_.fetch_url;
    request.headers = {{"Accept", "application/json"}, {options_.header, "Fetch"}};
    const AuthStamp stamp = credentials_->apply(request, stop);
    const HttpResponse response = transport_->send(request, stop);
    credentials_->received(stamp, response);
    const auto token = response.headers.get(options_.header);
    const bool handed_out = token && !token->empty() && !equal_ignoring_case(*token, "Required");
    if (!again && is_signed_out(request, response, handed_out) && credentials_->refresh(stamp, Category::auth_expired, stop)) continue;
    if (!handed_out)
      throw no_token(where + " handed out no " + options_.header + " (status " + std::to_string(response.status) + ")", response.status);
    Session session{std::string(*token), std::make_shared<CookieJar>()};
    session.cookies->keep(Url::parse(response.url), response.headers, clock_.wall());
    redactor_->add(session.token);
    for (const std::string& value : session.cookies->values()) redactor_->add(value);
    return session;
  }
}

SingleFlight<CsrfToken::Session>::Held CsrfToken::renew(std::uint64_t stale, std::stop_token stop) {
  try {
    return session_.renew(stale, [&] { return fetch(stop); }, stop);
  } catch (const Error& error) {
    Error copy = error;  // others who waited hold the same object
    copy.nothing_sent = true;
    throw copy;
  }
}

AuthStamp CsrfToken::apply(HttpRequest& request, std::stop_token stop) {
  auto held = session_.current();
  const bool needed = !is_safe(request.method);
  if (needed && !held.value) held = renew(held.generation, stop);
  AuthStamp stamp = credentials_->apply(request, stop);
  stamp.csrf = held.generation;
  if (!held.value) return stamp;
  if (needed) request.headers.set(options_.header, held.value->token);
  add_cookies(request.headers, held.value->cookies->header_for(Url::parse(request.url), clock_.wall()));
  return stamp;
}

bool CsrfToken::refresh(const AuthStamp& used, Category why, std::stop_token stop) {
  if (why != Category::csrf) return credentials_->refresh(used, why, stop);
  renew(used.csrf, stop);
  return true;
}

void CsrfToken::received(const AuthStamp& used, const HttpResponse& response) {
  credentials_->received(used, response);
  const auto held = session_.current();
  if (!held.value || held.generation != used.csrf || !response.headers.contains("Set-Cookie")) return;
  held.value->cookies->keep(Url::parse(response.url), response.headers, clock_.wall());
  for (const std::string& value : held.value->cookies->values()) redactor_->add(value);
}

}  // namespace switchgear
