#include "switchgear/http/auth.hpp"

#include <functional>
#include <utility>

#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

// Secrets by reference are looked up each time; another value than the refused one is worth a try.
AuthStamp stamp_of(const std::string& value) { return {std::hash<std::string>()(value), 0}; }

std::string reveal(const Secret& secret, Redactor& redactor) {
  std::string value = secret.reveal();
  redactor.add(value);
  return value;
}

}  // namespace

void Authenticator::received(const AuthStamp&, const HttpResponse&) {}

BasicAuth::BasicAuth(std::string user, Secret password, std::shared_ptr<Redactor> redactor)
    : user_(std::move(user)), password_(std::move(password)), redactor_(std::move(redactor)) {
  if (user_.find(':') != std::string::npos) {
    throw Error(Category::config, "auth",
                "the user name '" + user_.substr(0, user_.find(':')) + ":…' holds a colon, which basic authentication cannot carry")
        .with_hint("give user and password apart");
  }
}

std::string BasicAuth::header() const {
  const std::string encoded = base64_encode(user_ + ":" + reveal(password_, *redactor_));
  redactor_->add(encoded);
  return "Basic " + encoded;
}

AuthStamp BasicAuth::apply(HttpRequest& request, std::stop_token) {
  std::string value = header();
  const AuthStamp stamp = stamp_of(value);
  request.headers.set("Authorization", std::move(value));
  return stamp;
}

bool BasicAuth::refresh(const AuthStamp& used, Category, std::stop_token) { return stamp_of(header()).credentials != used.credentials; }

BearerAuth::BearerAuth(Secret token, std::shared_ptr<Redactor> redactor) : token_(std::move(token)), redactor_(std::move(redactor)) {}

AuthStamp BearerAuth::apply(HttpRequest& request, std::stop_token) {
  const std::string token = reveal(token_, *redactor_);
  request.headers.set("Authorization", "Bearer " + token);
  return stamp_of(token);
}

bool BearerAuth::refresh(const AuthStamp& used, Category, std::stop_token) {
  return stamp_of(reveal(token_, *redactor_)).credentials != used.credentials;
}

ApiKey::ApiKey(Place place, std::string name, Secret key, std::shared_ptr<Redactor> redactor)
    : place_(place), name_(std::move(name)), key_(std::move(key)), redactor_(std::move(redactor)) {
  if (name_.empty())
    throw Error(Category::config, "auth", "the API key's header or parameter has no name").with_hint("for example X-API-Key");
}

AuthStamp ApiKey::apply(HttpRequest& request, std::stop_token) {
  const std::string key = reveal(key_, *redactor_);
  if (place_ == Place::header) {
    request.headers.set(name_, key);
  } else {
    request.url = with_query(std::move(request.url), name_, key);
  }
  return stamp_of(key);
}

bool ApiKey::refresh(const AuthStamp& used, Category, std::stop_token) {
  return stamp_of(reveal(key_, *redactor_)).credentials != used.credentials;
}

std::string with_query(std::string url, std::string_view name, std::string_view value) {
  const auto fragment = url.find('#');
  if (fragment != std::string::npos) url.resize(fragment);
  const auto mark = url.find('?');
  if (mark == std::string::npos) {
    url += '?';
  } else if (mark + 1 != url.size() && url.back() != '&') {
    url += '&';
  }
  return url.append(percent_encode(name)).append("=").append(percent_encode(value));
}

std::string form_encode(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    if (!text.empty()) text += '&';
    text += percent_encode(name) + "=" + percent_encode(value);
  }
  return text;
}

}  // namespace switchgear
